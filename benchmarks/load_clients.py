"""The clients of load.py: those that work, those that hold a connection, and those that are bad.

Each working client is a process with an address of its own on the loopback, so that none waits for another in
its own interpreter: what is unequal is the server's doing, or the system's."""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import random
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import RawValue
from typing import Any

import numpy as np

from understudy.server.descriptors import message_module

ML_SERVER, HTTP, IDLE = "ml-server", "http", "idle"
PING = 30.0
TIMEOUT = 180.0
PIECE = 1 << 20
HEALTH = b"GET /v2/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Stop:
    """A flag for many processes, without a lock: one that ends with a thread that is just looking, as bad
    clients do, would leave it locked for all."""

    def __init__(self) -> None:
        self._flag = RawValue("b", 0)

    def set(self) -> None:
        self._flag.value = 1

    def is_set(self) -> bool:
        return bool(self._flag.value)

    def wait(self, seconds: float = math.inf) -> bool:
        """Until it is set, or so long; whether it is set."""
        until = time.monotonic() + seconds
        while not self.is_set() and time.monotonic() < until:
            time.sleep(min(0.1, max(0.0, until - time.monotonic())))
        return self.is_set()


@dataclass(frozen=True)
class Site:
    """Where the server is, and the request that is sent to each of its doors."""

    port: int
    http_port: int
    by_protocol: bytes
    by_http: bytes

    def door(self, door: str) -> tuple[int, bytes]:
        """The port of a door and what is sent there."""
        return (self.port, self.by_protocol) if door == ML_SERVER else (self.http_port, self.by_http)


@dataclass
class Seen:
    """What clients of a door saw: ``seconds`` of each answered request; ``lost``: requests without a whole
    answer; ``refused``: with an error in its place; ``dropped``: idle connections that the server closed."""

    door: str
    seconds: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    dropped: int = 0


def site_of(port: int, http_port: int, width: int, height: int) -> Site:
    """The requests for a picture of a size."""
    picture = np.random.default_rng(0).random((3, height, width), np.float32)
    return Site(port, http_port, protocol_request(picture), http_request(picture))


def protocol_request(picture: np.ndarray) -> bytes:
    request = message_module().RequestWrapper(info=True)
    request.r2.model.name = "blur"
    channels, height, width = picture.shape
    request.r2.images.add(width=width, height=height, channels=channels, image=picture.tobytes())
    body = request.SerializeToString()
    return b"%012d" % len(body) + body


def http_request(picture: np.ndarray) -> bytes:
    tensor = {"name": "input", "shape": [1, *picture.shape], "datatype": "FP32"}
    tensor["parameters"] = {"binary_data_size": picture.nbytes}
    asked = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    head = json.dumps(asked).encode()
    more = (f"Inference-Header-Content-Length: {len(head)}", "Connection: close")
    return http_head(len(head) + picture.nbytes, *more) + head + picture.tobytes()


def http_head(size: int, *more: str) -> bytes:
    lines = ("POST /v2/models/blur/infer HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {size}", *more)
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def connect(port: int, source: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), TIMEOUT, (source, 0))
    connection.settimeout(TIMEOUT)
    return connection


# ---------------------------------------------------------------- those that work


def work(door: str, source: str, site: Site, stop: Stop, results: Any) -> None:
    """Ask by one door again and again, each time when the answer before is there."""
    seen, (port, request) = Seen(door), site.door(door)
    room = bytearray(PIECE)
    while not stop.is_set():
        began = time.monotonic()
        try:
            with connect(port, source) as connection:
                connection.sendall(request)
                size, first = read_all(connection, room)
        except OSError as error:
            seen.lost.append(f"lost: {error}")
            continue
        note(seen, size, first, time.monotonic() - began, len(request))
    results.put(seen)


def note(seen: Seen, size: int, first: bytes, seconds: float, least: int) -> None:
    """A whole answer has the length that it announces, and is about as large as the request."""
    if size != announced(seen.door, first):
        seen.lost.append(f"lost: {size} bytes came of {announced(seen.door, first)}")
    elif size < 0.9 * least:
        seen.refused.append(f"refused: {first[:200]!r}")
    else:
        seen.seconds.append(seconds)


def announced(door: str, first: bytes) -> int:
    """How many bytes an answer says that it has, with its header; 0 where it says nothing."""
    if door == ML_SERVER:
        return 12 + int(first[:12]) if first[:12].isdigit() else 0
    head, _, _ = first.partition(b"\r\n\r\n")
    sizes = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-l")]
    return len(head) + 4 + int(sizes[0]) if sizes else 0


def read_all(connection: socket.socket, room: bytearray) -> tuple[int, bytes]:
    """How many bytes came until the end, and the first of them."""
    size, first = 0, b""
    while count := connection.recv_into(room):
        if len(first) < 1000:
            first += bytes(room[: min(count, 1000)])
        size += count
    return size, first


# ---------------------------------------------------------------- those that hold a connection


def hold(count: int, source: str, site: Site, stop: Stop, results: Any) -> None:
    """Hold connections to the HTTP door, and ask after the server's health by each twice a minute. One that
    the server closes is counted, and made anew."""
    seen, waiting = Seen(IDLE), selectors.DefaultSelector()
    held = [Held(waiting, site.http_port, source, 0.1 * n) for n in range(count)]
    while not stop.is_set():
        for each in held:
            each.ask_when_due(seen)
        for key, _ in waiting.select(0.2):
            key.data.read(seen)
    results.put(seen)


class Held:
    """One held connection, opened by its first question."""

    def __init__(self, waiting: selectors.BaseSelector, port: int, source: str, delay: float) -> None:
        self.waiting, self.port, self.source = waiting, port, source
        self.due, self.asked = time.monotonic() + delay, 0.0
        self.connection: socket.socket | None = None

    def ask_when_due(self, seen: Seen) -> None:
        now = time.monotonic()
        if self.asked:
            if now - self.asked > TIMEOUT:
                seen.lost.append("lost: health was not answered")
                self._close()
        elif now >= self.due:
            try:
                if self.connection is None:
                    self.connection = connect(self.port, self.source)
                    self.waiting.register(self.connection, selectors.EVENT_READ, self)
                self.asked = now
                self.connection.sendall(HEALTH)
            except OSError:
                self._dropped(seen)

    def read(self, seen: Seen) -> None:
        assert self.connection is not None
        try:
            came = self.connection.recv(4000)
        except OSError:
            came = b""
        if not came:
            self._dropped(seen)
        elif self.asked:
            if b" 200 " in came:
                seen.seconds.append(time.monotonic() - self.asked)
            else:
                seen.refused.append(f"refused: {came[:200]!r}")
            self.due, self.asked = self.due + PING, 0.0

    def _dropped(self, seen: Seen) -> None:
        seen.dropped += 1
        self._close()

    def _close(self) -> None:
        if self.connection is not None:
            self.waiting.unregister(self.connection)
            self.connection.close()
        self.connection, self.asked, self.due = None, 0.0, time.monotonic() + 1.0


# ---------------------------------------------------------------- those that are bad


def torment(source: str, site: Site, stop: Stop) -> None:
    """One bad client of each kind, each again a second after its end, until told to stop."""
    for bad in BAD:
        threading.Thread(target=again, args=(bad, source, site, stop), daemon=True).start()
    stop.wait()


def again(bad: Callable[[str, Site, Stop], None], source: str, site: Site, stop: Stop) -> None:
    while not stop.is_set():
        with contextlib.suppress(OSError):
            bad(source, site, stop)
        stop.wait(1.0)


def trickle(source: str, site: Site, stop: Stop) -> None:
    """Headers, a byte at a time."""
    with connect(site.http_port, source) as connection:
        for byte in b"GET /v2 HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 1000:
            connection.sendall(bytes([byte]))
            if stop.wait(0.5):
                return


def drip(source: str, site: Site, stop: Stop) -> None:
    """A request at a fifth of a megabyte a second, by either door."""
    port, request = site.door(random.choice((ML_SERVER, HTTP)))
    with connect(port, source) as connection:
        for at in range(0, len(request), 20_000):
            connection.sendall(request[at : at + 20_000])
            if stop.wait(0.1):
                return


def leave(source: str, site: Site, stop: Stop) -> None:
    """Half a request, by either door, and away."""
    port, request = site.door(random.choice((ML_SERVER, HTTP)))
    with connect(port, source) as connection:
        connection.sendall(request[: random.randrange(12, len(request))])


def silent(source: str, site: Site, stop: Stop) -> None:
    """Connections that say nothing."""
    with connect(site.port, source) as one, connect(site.http_port, source) as other:
        one.recv(1000)
        other.recv(1000)


def claim(source: str, site: Site, stop: Stop) -> None:
    """The beginning of a large request, and nothing more."""
    with connect(site.port, source) as one, connect(site.http_port, source) as other:
        one.sendall(b"000500000000" + site.by_protocol[12:9000])
        other.sendall(http_head(500_000_000) + bytes(9000))
        one.recv(1000)
        other.recv(1000)


def noise(source: str, site: Site, stop: Stop) -> None:
    """Bytes of no meaning."""
    for port in (site.port, site.http_port):
        with connect(port, source) as connection:
            connection.sendall(random.randbytes(10_000))
            read_all(connection, bytearray(PIECE))


def announce(source: str, site: Site, stop: Stop) -> None:
    """More than the server takes."""
    with connect(site.port, source) as one, connect(site.http_port, source) as other:
        one.sendall(b"999999999999" + bytes(1000))
        other.sendall(http_head(999_999_999_999))
        one.recv(1000)
        other.recv(1000)


def bomb(source: str, site: Site, stop: Stop) -> None:
    """A small body that becomes a large one."""
    packed = gzip.compress(bytes(100_000_000), 1)
    with connect(site.http_port, source) as connection:
        connection.sendall(http_head(len(packed), "Content-Encoding: gzip") + packed)
        connection.recv(1000)


def never_read(source: str, site: Site, stop: Stop) -> None:
    """Requests whose answers are not taken."""
    with connect(site.port, source) as one, connect(site.http_port, source) as other:
        one.sendall(site.by_protocol)
        other.sendall(site.by_http)
        stop.wait(60.0)


BAD = (trickle, drip, leave, silent, claim, noise, announce, bomb, never_read)
