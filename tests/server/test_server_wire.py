"""The wire format, held against the protobuf library."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.server import messages, wire
from understudy.server.wire import WireError, decode_into, encode, wire_fields

TEXT = st.text(max_size=20)
INT32 = st.integers(-(2**31), 2**31 - 1)
FLOAT = st.floats(width=32, allow_nan=False)
SCALARS = {
    "bool": st.booleans(),
    "int32": INT32,
    "float": FLOAT,
    "string": TEXT,
    "bytes": st.binary(max_size=40),
}
PAIRED = [messages.RequestWrapper, messages.RespondWrapper]


def instances(kind, depth=0):
    """Any message of a kind, with any of its fields left out."""
    parts = {}
    for field in wire_fields(kind).values():
        inner = instances(field.message, depth + 1) if field.kind == "message" else SCALARS[field.kind]
        if field.message is messages.FieldValuePairAttrib:
            inner = st.builds(messages.FieldValuePairAttrib, name=TEXT)  # what it holds is not opened
        parts[field.name] = st.lists(inner, max_size=2) if field.repeated else st.none() | inner
    return st.builds(kind, **parts)


def to_library(pb, message):
    return fill(getattr(pb, type(message).__name__)(), message)


def fill(target, message):
    """The library's message with the same content."""
    target.SetInParent()
    for field in dataclasses.fields(message):
        value = getattr(message, field.name)
        if isinstance(value, list):
            for each in value:
                if dataclasses.is_dataclass(each):
                    fill(getattr(target, field.name).add(), each)
                else:
                    getattr(target, field.name).append(each)
        elif dataclasses.is_dataclass(value):
            fill(getattr(target, field.name), value)
        elif value is not None:
            setattr(target, field.name, bytes(value) if isinstance(value, memoryview) else value)
    return target


def whole(parts):
    return b"".join(bytes(part) for part in parts)


@pytest.mark.parametrize("kind", PAIRED, ids=lambda kind: kind.__name__)
def test_what_is_written_is_what_the_library_writes(pb, kind):
    @given(instances(kind))
    def check(message):
        parts, size = encode(message)
        assert whole(parts) == to_library(pb, message).SerializeToString()
        assert size == len(whole(parts))

    check()


@pytest.mark.parametrize("kind", PAIRED, ids=lambda kind: kind.__name__)
def test_what_the_library_writes_is_read_as_it_was_meant(pb, kind):
    @given(instances(kind))
    def check(message):
        raw = to_library(pb, message).SerializeToString()
        again = decode_into(kind(), raw)
        assert to_library(pb, again).SerializeToString() == raw

    check()


def test_mutated_messages_are_taken_or_refused_as_the_library_does(pb, make_request, picture):
    """Beyond the library's rules ours has limits, which these small messages do not reach."""
    seed = make_request(
        "blur", picture[:2, :2], kernel_size=5, sigma=1.5, flag=True, word="x"
    ).SerializeToString()
    draw = random.Random(1)
    taken = 0
    for _ in range(20000):
        raw = mutated(seed, draw)
        ours, theirs = reads(raw), library_reads(pb, raw)
        assert (ours is None) == (theirs is None), raw.hex()
        if theirs is not None:
            taken += 1
            assert same_image_bytes(ours, theirs)
    assert 1000 < taken < 19000


def mutated(seed, draw):
    raw = bytearray(seed)
    for _ in range(draw.choice((1, 1, 2, 4))):
        at = draw.randrange(len(raw))
        match draw.randrange(4):
            case 0:
                raw[at] = draw.randrange(256)
            case 1:
                del raw[at : at + draw.randrange(1, 4)]
            case 2:
                raw[at:at] = draw.randbytes(draw.randrange(1, 4))
            case 3:
                raw[at] ^= 1 << draw.randrange(8)
        raw = raw or bytearray(b"\0")
    return bytes(raw)


def reads(raw):
    try:
        return decode_into(messages.RequestWrapper(), raw)
    except WireError:
        return None


def library_reads(pb, raw):
    try:
        return pb.RequestWrapper.FromString(raw)
    except Exception:
        return None


def same_image_bytes(ours, theirs):
    images = ours.r2.images if ours.r2 else []
    return [bytes(each.image or b"") for each in images] == [each.image for each in theirs.r2.images]


def test_the_bytes_of_a_picture_are_not_copied(make_request, picture):
    raw = bytearray(make_request("blur", picture).SerializeToString())
    image = decode_into(messages.RequestWrapper(), raw).r2.images[0].image
    at = raw.find(bytes(image))
    raw[at] ^= 0xFF
    assert image[0] == raw[at]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x1a\x00" * 100_000,  # fields without end
        b"\x12\x02\x08\x01" * 100_000,  # messages without end
        b"\x50\x00" * 100_000,  # unknown fields without end
        b"\x53" * 100_000,  # groups in groups
        b"\x1a\x80\x80\x80\x80\x10",  # a length beyond the end
        b"\x08" + b"\xff" * 100,  # a number without end
        b"\x00\x00",  # field number nought
        wire.varint(3 << 3 | 2)
        + wire.varint(200_006)
        + b"\x0a"
        + wire.varint(200_002)
        + b"\x0a"
        + wire.varint(199_998)
        + b"a" * 199_998,  # a name of 200 kB
    ],
)
def test_messages_beyond_the_limits_are_refused_at_once(raw):
    with pytest.raises(WireError):
        decode_into(messages.RequestWrapper(), raw)
