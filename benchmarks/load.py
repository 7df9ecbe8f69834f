"""A site's load on one server: a thousand connections, of which a hundred work, and clients that are bad.

    python benchmarks/load.py [--minutes 10] [--size 1920x1080] [--working 100] [--idle 900] [--json FILE]

Starts a server with the built-in blur. Half of the working clients ask by the ML-Server protocol, half by
HTTP, each again as soon as it has its answer; idle ones hold a connection and ask after the server's health
twice a minute. Among them, without end: a client that sends its headers a byte at a time, one that leaves in
the middle of its request, one that sends noise, one that announces more than it may send, one that never
reads its answer. Prints how many requests were answered, lost and refused, the median and the 99th percentile
of their time, and the server's memory, minute by minute. All clients are on this machine, and take their
share of it."""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np

from understudy.server.descriptors import message_module

PROCESSES = 4
PING = 30.0
TIMEOUT = 180.0
PIECE = 1 << 20


@dataclass
class Counted:
    """What working clients saw: ``seconds`` of each answered request; ``lost``: requests without an answer;
    ``refused``: with an error in its place; ``pings`` answered to idle connections, and those ``dropped``."""

    seconds: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    pings: int = 0
    dropped: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    options = read_options(arguments)
    width, height = map(int, options.size.split("x"))
    server, ports = start_server()
    stop = multiprocessing.Event()
    results: Any = multiprocessing.Queue()
    shares = [(options.working // PROCESSES, options.idle // PROCESSES)] * PROCESSES
    workers = [
        multiprocessing.Process(target=clients, args=(n, *share, ports, width, height, stop, results))
        for n, share in enumerate(shares)
    ]
    memory: list[int] = []
    try:
        for worker in workers:
            worker.start()
        until = time.monotonic() + 60 * options.minutes
        while time.monotonic() < until:
            time.sleep(min(60.0, max(1.0, 6 * options.minutes)))
            memory.append(memory_of(server.pid))
            print(f"{len(memory)}: {memory[-1] / 1e6:.0f} MB", flush=True)
    finally:
        stop.set()
        counted = [results.get(timeout=TIMEOUT + 60) for _ in workers]
        server.terminate()
        server.wait(60)
    return told(counted, memory, options)


def told(counted: list[Counted], memory: list[int], options: argparse.Namespace) -> int:
    """Print the figures; 1 where a request was lost."""
    seconds = sorted(value for each in counted for value in each.seconds)
    lost = [text for each in counted for text in each.lost]
    refused = [text for each in counted for text in each.refused]
    median, p99 = statistics.median(seconds), seconds[int(0.99 * (len(seconds) - 1))]
    settled = memory[len(memory) // 3 :]
    swing = (max(settled) - min(settled)) / max(settled)
    found = {
        "answered": len(seconds),
        "per_second": len(seconds) / (60 * options.minutes),
        "lost": len(lost),
        "refused": len(refused),
        "median_s": median,
        "p99_s": p99,
        "p99_of_median": p99 / median,
        "memory_mb": [round(each / 1e6) for each in memory],
        "memory_swing": swing,
        "pings": sum(each.pings for each in counted),
        "dropped": sum(each.dropped for each in counted),
    }
    print(json.dumps(found, indent=1))
    for text in dict.fromkeys(lost + refused):
        print(text)
    if options.json:
        options.json.write_text(
            json.dumps(found | {"options": vars(options) | {"json": None}}, indent=1) + "\n"
        )
    return 1 if lost else 0


def start_server() -> tuple[subprocess.Popen[str], tuple[int, int]]:
    command = [sys.executable, "-m", "understudy", "serve", "--port", "0", "--http-port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    for line in server.stderr:
        said = json.loads(line)
        if said["event"] == "listening":
            threading.Thread(target=lambda: [None for _ in server.stderr or ()], daemon=True).start()
            return server, (said["port"], said["http_port"])
    raise SystemExit("the server did not start")


def memory_of(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def clients(
    number: int,
    working: int,
    idle: int,
    ports: tuple[int, int],
    width: int,
    height: int,
    stop: Event,
    results: Any,
) -> None:
    """One process of clients, with addresses of its own on the loopback."""
    counted, port, http_port = Counted(), *ports
    picture = np.random.default_rng(number).random((3, height, width), np.float32)
    by_protocol, by_http = protocol_request(picture), http_request(picture)
    source = f"127.0.1.{number + 1}"
    jobs: list[Callable[[], None]] = []
    for client in range(working):
        request, where = (by_protocol, port) if client % 2 else (by_http, http_port)
        jobs.append(lambda r=request, w=where: work(r, w, source, stop, counted))  # type: ignore[misc]
    jobs.append(lambda: hold(idle, http_port, source, stop, counted))
    for bad in (trickle, leave, noise, announce, never_read):
        jobs.append(lambda b=bad: torment(b, port, http_port, by_protocol, source, stop))  # type: ignore[misc]
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    stop.wait()
    until = time.monotonic() + TIMEOUT
    for thread in threads[: working + 1]:
        thread.join(max(0.1, until - time.monotonic()))
    results.put(counted)


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
    lines = (
        "POST /v2/models/blur/infer HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(head) + picture.nbytes}",
        f"Inference-Header-Content-Length: {len(head)}",
        "Connection: close",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + head + picture.tobytes()


def connect(port: int, source: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), TIMEOUT, (source, 0))
    connection.settimeout(TIMEOUT)
    return connection


def work(request: bytes, port: int, source: str, stop: Event, counted: Counted) -> None:
    """Ask again and again; an answer is right when it is as large as the picture."""
    while not stop.is_set():
        began = time.monotonic()
        try:
            with connect(port, source) as connection:
                connection.sendall(request)
                size, first = read_all(connection)
        except OSError as error:
            counted.lost.append(f"lost: {error}")
            continue
        if size > 0.9 * len(request):
            counted.seconds.append(time.monotonic() - began)
        else:
            (counted.refused if size else counted.lost).append(f"{size} bytes: {first[:200]!r}")


def read_all(connection: socket.socket) -> tuple[int, bytes]:
    """How many bytes came until the end, and the first of them."""
    room, size, first = bytearray(PIECE), 0, b""
    while count := connection.recv_into(room):
        first = first or bytes(room[: min(count, 400)])
        size += count
    return size, first


def hold(count: int, port: int, source: str, stop: Event, counted: Counted) -> None:
    """Hold connections, and ask after the server's health by each twice a minute."""
    ping = b"GET /v2/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    held = [connect(port, f"127.0.{2 + n % 4}.{1 + hash(source) % 200}") for n in range(count)]
    while not stop.is_set():
        for place, connection in enumerate(held):
            try:
                connection.sendall(ping)
                counted.pings += b"200" in connection.recv(400)
            except OSError:
                counted.dropped += 1
                with contextlib.suppress(OSError):
                    held[place] = connect(port, source)
        stop.wait(PING)


def torment(
    bad: Callable[..., None], port: int, http_port: int, request: bytes, source: str, stop: Event
) -> None:
    while not stop.is_set():
        with contextlib.suppress(OSError):
            bad(port, http_port, request, source, stop)
        stop.wait(1.0)


def trickle(port: int, http_port: int, request: bytes, source: str, stop: Event) -> None:
    with connect(http_port, source) as connection:
        for byte in b"GET /v2 HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 1000:
            connection.sendall(bytes([byte]))
            if stop.wait(0.5):
                return


def leave(port: int, http_port: int, request: bytes, source: str, stop: Event) -> None:
    with connect(port, source) as connection:
        connection.sendall(request[: random.randrange(12, len(request))])


def noise(port: int, http_port: int, request: bytes, source: str, stop: Event) -> None:
    for where in (port, http_port):
        with connect(where, source) as connection:
            connection.sendall(random.randbytes(10_000))
            read_all(connection)


def announce(port: int, http_port: int, request: bytes, source: str, stop: Event) -> None:
    with connect(port, source) as connection:
        connection.sendall(b"999999999999" + bytes(1000))
        read_all(connection)


def never_read(port: int, http_port: int, request: bytes, source: str, stop: Event) -> None:
    with connect(port, source) as connection:
        connection.sendall(request)
        stop.wait(60.0)


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--minutes", type=float, default=10.0)
    add("--size", default="1920x1080", metavar="WIDTHxHEIGHT")
    add("--working", type=int, default=100)
    add("--idle", type=int, default=900)
    add("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
