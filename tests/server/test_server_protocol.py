"""The protocol machine: bytes in, messages out."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.server import protocol
from understudy.server.protocol import ProtocolError, RequestReader

LIMIT = 10_000_000


def read_in_pieces(raw, size):
    """Feed a machine with pieces of ``size`` bytes, giving it memory when it asks."""
    reader = RequestReader(LIMIT)
    at = 0
    while at < len(raw):
        if reader.state == "buffer":
            reader.use(bytearray(reader.memory_wanted()))
        taken = reader.feed(raw[at : at + size])
        assert taken or reader.state == "buffer"
        at += taken
    return reader


@pytest.mark.parametrize("size", [1, 5, 12, 4097, 10**9])
def test_a_request_is_read_from_pieces_of_any_size(frame, make_request, size):
    pixels = np.random.default_rng(0).random((40, 50, 3), np.float32)
    raw = frame(make_request("blur", pixels, kernel_size=5))
    reader = read_in_pieces(raw, size)
    assert reader.state == "complete"
    image = reader.request().r2.images[0]
    assert (
        np.frombuffer(image.image, "<f4").reshape(3, 40, 50)[:, ::-1].transpose(1, 2, 0).tolist()
        == pixels.tolist()
    )


@pytest.mark.parametrize("name", ["b", "blur", "a_long_model_name"])
def test_the_first_picture_lies_where_numpy_can_use_it(frame, make_request, name):
    reader = RequestReader(LIMIT)
    raw = frame(make_request(name, np.zeros((40, 50, 3), np.float32), sigma=1.0))
    memory = np.empty(LIMIT, np.uint8)
    start = -memory.ctypes.data % 64
    taken = reader.feed(raw)
    reader.use(memoryview(memory[start : start + reader.memory_wanted()]))
    reader.feed(raw[taken:])
    values = np.frombuffer(reader.request().r2.images[0].image, np.uint8)
    assert values.ctypes.data % 64 == 0


@pytest.mark.parametrize("header", [b"000000000006", b"           6", b"  0000000006"])
def test_twelve_digits_or_blanks_and_digits_are_a_length(header):
    assert protocol.parse_header(header, LIMIT) == 6


@pytest.mark.parametrize(
    "header",
    [
        b"abcdefghijkl",
        b"+00000000006",
        b"0_6000000000",
        b"          -1",
        b"-00000000001",
        b"\0" * 12,
        b"0x0000000006",
        b" " * 12,
        b"6           ",
        b"00000000006\n",
        "٦".encode() * 6,
    ],
)
def test_everything_else_is_refused_as_a_length(header):
    with pytest.raises(ProtocolError, match="twelve digits"):
        protocol.parse_header(header, LIMIT)


def test_a_claim_beyond_the_limit_is_refused_before_any_memory_is_taken():
    with pytest.raises(ProtocolError, match="takes up to"):
        RequestReader(1000).feed(b"%012d" % 1001)


def test_the_machine_wants_no_memory_before_the_first_bytes_of_the_message_came():
    reader = RequestReader(10**9)
    reader.feed(b"%012d" % 10**9)
    assert reader.state == "start"
    assert len(reader.room()) <= 4096


def test_the_header_of_an_answer_serves_those_who_count_it_and_those_who_do_not(pb):
    """The plug-in parses as many bytes as the header says; other clients take off the header's twelve."""
    raw = b"".join(bytes(part) for part in protocol.error_answer("no"))
    claimed = int(raw[:12])
    assert claimed == len(raw) - 12
    for message in (raw[12 : 12 + claimed], raw[12:claimed]):
        answer = pb.RespondWrapper.FromString(message)
        assert answer.info
        assert answer.error.msg == "no"


def test_a_long_error_is_cut_to_what_an_artist_reads():
    assert protocol.answer_size(protocol.error_answer("x" * 100_000)) < 1000


def test_an_answer_with_a_picture_is_the_librarys(pb):
    image = protocol.messages.Image(2, 1, 3, b"\0" * 24)
    raw = b"".join(bytes(part) for part in protocol.inference_answer([image], []))
    answer = pb.RespondWrapper.FromString(raw[12:])
    assert (answer.r2.num_images, answer.r2.images[0].width, answer.r2.images[0].image) == (1, 2, b"\0" * 24)
    assert not answer.HasField("error")
