"""How fast the ML-Server endpoint is, beside a plain server of the original's kind, in one run.

    python benchmarks/server.py [--seconds 6] [--sizes 1920x1080,3840x2160] [--json FILE]

The yardstick is written for this benchmark: one thread, ``data += packet``, the protobuf library, a blur that
goes through 8 bits. Both are asked by the same client over loopback: a blur of kernel 5 on three channels.
Prints median, 90th percentile and throughput for one, two and four clients, and whether the aims are met.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from understudy.server.descriptors import message_module

HERE = Path(__file__).resolve()
CLIENTS = (1, 2, 4)
WARM_UP = 3


@dataclass
class Figure:
    """What one server did for so many clients at one size."""

    server: str
    size: str
    clients: int
    median_ms: float
    p90_ms: float
    per_second: float


# ---------------------------------------------------------------- the yardstick


def serve_plainly(port: int) -> None:
    """A server of the original's kind: one connection at a time, from beginning to end."""
    messages = message_module()
    listening = socket.create_server(("127.0.0.1", port), backlog=5)
    print(f"port {listening.getsockname()[1]}", flush=True)
    while True:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError, ValueError):
            size = int(connection.recv(12))
            data = b""
            while len(data) < size:
                packet = connection.recv(size - len(data))
                if not packet:
                    break
                data += packet
            connection.sendall(_plain_answer(messages, data))


def _plain_answer(messages: object, data: bytes) -> bytes:
    import cv2

    request = messages.RequestWrapper()
    request.ParseFromString(data)
    answer = messages.RespondWrapper(info=True)
    for image in request.r2.images:
        pixels = np.frombuffer(image.image, "<f4").reshape(image.channels, image.height, image.width)
        pixels = np.flipud(np.transpose(pixels, (1, 2, 0)))
        codes = (np.clip(pixels, 0, 1) * 255).astype(np.uint8)
        blurred = cv2.GaussianBlur(codes, (5, 5), 0).astype(np.float32) / 255
        back = np.transpose(np.flipud(blurred), (2, 0, 1))
        made = answer.r2.images.add(width=image.width, height=image.height, channels=image.channels)
        made.image = back.tobytes()
    answer.r2.num_images = len(answer.r2.images)
    body = answer.SerializeToString()
    return b"%012d" % (len(body) + 12) + body


# ---------------------------------------------------------------- the client


def request_for(width: int, height: int) -> bytes:
    """A whole request: a noisy picture with values above 1 for the model ``blur``."""
    pixels = np.random.default_rng(0).normal(0.4, 0.4, (3, height, width)).astype("<f4")
    request = message_module().RequestWrapper(info=True)
    request.r2.model.name = "blur"
    request.r2.model.int_options.add(name="kernel_size", values=[5])
    request.r2.images.add(width=width, height=height, channels=3, image=pixels.tobytes())
    body = request.SerializeToString()
    return b"%012d" % len(body) + body


def ask(port: int, request: bytes, space: memoryview) -> float:
    """One request and its answer; the seconds from connecting to the end of the answer."""
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        at = 0
        while count := connection.recv_into(space[at:]):
            at += count
    if at < len(request) - 400:
        raise RuntimeError(f"a short answer: {bytes(space[:300])!r}")
    return time.perf_counter() - started


def measure(name: str, port: int, size: str, clients: int, seconds: float) -> Figure:
    """Ask with so many clients at once for so long."""
    width, height = map(int, size.split("x"))
    request = request_for(width, height)
    taken: list[float] = []
    spaces = [memoryview(bytearray(len(request) + 4096)) for _ in range(clients)]
    for _ in range(WARM_UP):
        ask(port, request, spaces[0])
    until = time.perf_counter() + seconds
    started = time.perf_counter()

    def keep_asking(space: memoryview) -> None:
        while time.perf_counter() < until:
            taken.append(ask(port, request, space))

    threads = [threading.Thread(target=keep_asking, args=(space,)) for space in spaces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - started
    ordered = sorted(taken)
    ninth = ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))]
    return Figure(name, size, clients, statistics.median(ordered) * 1e3, ninth * 1e3, len(ordered) / wall)


# ---------------------------------------------------------------- the run


@contextlib.contextmanager
def started(command: list[str], pattern: str) -> Iterator[int]:
    """A server process; yields the port that it prints, and ends it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        for line in process.stdout:
            if found := re.search(pattern, line):
                yield int(found[1])
                return
        raise RuntimeError("the server did not start")
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def run(sizes: list[str], seconds: float) -> list[Figure]:
    """All figures; the two servers take turns, so that both see the same machine."""
    plain = [sys.executable, str(HERE), "--plain"]
    ours = [sys.executable, "-m", "understudy", "serve", "--port", "0", "--http-port", "0"]
    figures = []
    with started(plain, r"port (\d+)") as plain_port, started(ours, r"MLClient.*port (\d+)") as our_port:
        for size in sizes:
            for clients in CLIENTS if size == sizes[0] else CLIENTS[:1]:
                for name, port in (("plain", plain_port), ("understudy", our_port)):
                    figures.append(measure(name, port, size, clients, seconds))
                    print(_line(figures[-1]), flush=True)
    return figures


def _line(each: Figure) -> str:
    return (
        f"{each.server:<12}{each.size:<11}{each.clients} client(s)   median {each.median_ms:8.1f} ms   "
        f"p90 {each.p90_ms:8.1f} ms   {each.per_second:6.2f} requests/s"
    )


def verdicts(figures: list[Figure]) -> dict[str, float]:
    """The three ratios that are aimed at."""
    by = {(each.server, each.size, each.clients): each for each in figures}
    sizes = list(dict.fromkeys(each.size for each in figures))
    found = {
        "latency, one client (aim: at most 0.33)": by["understudy", sizes[0], 1].median_ms
        / by["plain", sizes[0], 1].median_ms,
        "throughput, four clients (aim: at least 4)": by["understudy", sizes[0], 4].per_second
        / by["plain", sizes[0], 4].per_second,
    }
    for size in sizes[1:]:
        ratio = by["understudy", size, 1].median_ms / by["understudy", sizes[0], 1].median_ms
        found[f"{size} against {sizes[0]} (aim: at most 4)"] = ratio
    return found


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=6.0, help="how long each figure is measured")
    parser.add_argument("--sizes", default="1920x1080,3840x2160")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plain", action="store_true", help="be the yardstick server")
    arguments = parser.parse_args()
    if arguments.plain:
        serve_plainly(0)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    figures = run(arguments.sizes.split(","), arguments.seconds)
    ratios = verdicts(figures)
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f}")
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"figures": [asdict(each) for each in figures], "ratios": ratios}, indent=1)
        )


if __name__ == "__main__":
    main()
