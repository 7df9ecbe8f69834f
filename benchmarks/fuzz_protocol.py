"""A million mutated messages through the parser: no crash, no hang, no memory beyond the limit.

    python benchmarks/fuzz_protocol.py [--count 1000000] [--seed 0] [--server 127.0.0.1:55555]

Each message is a valid request, mutated: bytes changed, cut out, put in, lengths made to lie, parts repeated.
It goes through the whole path of an endpoint without the socket: the reader, the message, the pictures,
options and buttons of the request, against the built-in models. Every ending but a request or one of
the errors meant for clients is a finding. With ``--server`` a running server gets a part of them over its
socket as well, and must answer each with a whole message or close; it is asked for its list in between.
"""

from __future__ import annotations

import argparse
import random
import resource
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np

from understudy.errors import RequestError
from understudy.server.descriptors import message_module
from understudy.server.models.builtin import GaussianBlur, MotionVectors
from understudy.server.protocol import ProtocolError, RequestReader
from understudy.server.session import call_of

LIMIT = 1_000_000
SLOW = 0.25  # seconds of computing that no small message may take
MEMORY = 400_000_000
MODELS = {"blur": GaussianBlur.description, "motion_vectors": MotionVectors.description}
INFO = b"000000000006" + bytes.fromhex("080112020801")


def seeds() -> list[bytes]:
    """Valid requests of all sorts."""
    messages = message_module()
    found = []
    kinds = (
        ("blur", 1, 4, False),
        ("blur", 1, 40, False),
        ("motion_vectors", 2, 3, True),
        ("blur", 0, 1, False),
        ("other", 1, 60, True),
    )
    for name, images, size, options in kinds:
        request = messages.RequestWrapper(info=True)
        request.r2.model.name = name
        if name == "blur":
            request.r2.model.int_options.add(name="kernel_size", values=[5])
            request.r2.model.float_options.add(name="sigma", values=[0.5])
        if options:
            request.r2.model.bool_options.add(name="flag", values=[True])
            request.r2.model.string_options.add(name="text", values=["x"])
            request.r2.model.button_options.add(name="go", values=[False])
        for _ in range(images):
            pixels = np.ones((3, size, size), "<f4").tobytes()
            request.r2.images.add(width=size, height=size, channels=3, image=pixels)
        found.append(request.SerializeToString())
    found.append(messages.RequestWrapper(info=True, r1=messages.RequestInfo(info=True)).SerializeToString())
    return found


def mutated(seed: bytes, draw: random.Random) -> bytes:
    """A seed with up to eight changes, more of them near its beginning, where the structure is."""
    raw = bytearray(seed)
    lean = draw.choice((1, 2, 4))
    for _ in range(draw.choice((0, 1, 1, 1, 2, 3, 8))):
        at = int(len(raw) * draw.random() ** lean)
        change = draw.randrange(7)
        if change == 0 and raw:
            raw[at] = draw.randrange(256)
        elif change == 1 and raw:
            raw[at] ^= 1 << draw.randrange(8)
        elif change == 2:
            del raw[at : at + draw.randrange(1, 30)]
        elif change == 3:
            raw[at:at] = draw.randbytes(draw.randrange(1, 30))
        elif change == 4:
            raw[at:at] = b"\xff" * draw.randrange(1, 12)
        elif change == 5:
            raw += raw[at : at + 200] * draw.randrange(1, 20)
        else:
            raw[at:at] = draw.choice(
                (b"\x1a\x00", b"\x12\x02\x08\x01", b"\x53\x54", b"\x0a\x80\x80\x80\x80\x08")
            )
    return bytes(raw[: LIMIT // 2])


def header_for(body: bytes, draw: random.Random) -> bytes:
    """Mostly the true length; sometimes a lie or no number."""
    kind = draw.randrange(12)
    if kind == 0:
        return b"%012d" % draw.choice((0, 1, len(body) + 1, max(0, len(body) - 1), LIMIT, 10**11))
    return draw.randbytes(12) if kind == 1 else b"%012d" % len(body)


def through(header: bytes, body: bytes) -> str:
    """One message through everything before the queue; how it ended."""
    try:
        request = _read(header, body)
        if request is None:
            return "waits for more"
        if request.r2 is None or request.r2.model is None:
            return "no inference"
        description = MODELS.get(request.r2.model.name or "")
        if description is None:
            return "unknown model"
        call_of(description, request.r2)
    except (ProtocolError, RequestError) as error:
        return type(error).__name__
    return "a call"


def _read(header: bytes, body: bytes) -> object | None:
    reader = RequestReader(LIMIT)
    raw = memoryview(header + body)
    raw = raw[reader.feed(raw) :]
    if reader.state == "buffer":
        reader.use(bytearray(reader.memory_wanted()))
        reader.feed(raw)
    return reader.request() if reader.state == "complete" else None


def cases(count: int, seed: int) -> Iterator[tuple[bytes, bytes]]:
    draw = random.Random(seed)
    starts = seeds()
    for _ in range(count):
        body = mutated(draw.choice(starts), draw)
        yield header_for(body, draw), body


def fuzz(count: int, seed: int) -> Counter[str]:
    """All cases through the parser; raises at the first finding, which it prints."""
    endings: Counter[str] = Counter()
    before = _memory()
    for header, body in cases(count, seed):
        started = time.thread_time()
        try:
            endings[through(header, body)] += 1
        except BaseException:
            print(f"FINDING: {(header + body).hex()}", file=sys.stderr)
            raise
        if time.thread_time() - started > SLOW:
            endings["slow"] += 1
            print(f"slow: {(header + body).hex()[:2000]}", file=sys.stderr)
    if _memory() - before > MEMORY:
        raise MemoryError(f"{_memory() - before} bytes more than before")
    return endings


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fuzz_server(address: str, count: int, seed: int) -> Counter[str]:
    """Cases over a socket, one connection each; every hundredth is followed by a valid request."""
    host, _, port = address.rpartition(":")
    endings: Counter[str] = Counter()
    for number, (header, body) in enumerate(cases(count, seed)):
        endings[_exchange(host, int(port), header + body)] += 1
        if number % 100 == 0 and _exchange(host, int(port), INFO) != "answered":
            raise RuntimeError(f"the server no longer answers after case {number}")
    return endings


def _exchange(host: str, port: int, raw: bytes) -> str:
    try:
        with socket.create_connection((host, port), 10) as connection:
            connection.settimeout(30)
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := connection.recv(1 << 16):
                answer += piece
    except ConnectionError:
        return "reset"
    if len(answer) < 12:
        return "closed"
    if int(answer[:12]) != len(answer) - 12:
        raise RuntimeError(f"half an answer to {raw.hex()}")
    return "answered"


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--server", default="", help="host:port of a running server; gets a hundredth of the count"
    )
    arguments = parser.parse_args()
    started = time.perf_counter()
    print(dict(fuzz(arguments.count, arguments.seed)))
    print(
        f"{arguments.count} messages in {time.perf_counter() - started:.0f} s, peak {_memory() / 1e6:.0f} MB"
    )
    if arguments.server:
        print(dict(fuzz_server(arguments.server, arguments.count // 100, arguments.seed)))


if __name__ == "__main__":
    main()
