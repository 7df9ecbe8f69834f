"""A site's load on one server: a thousand connections, of which a hundred work, and clients that are bad.

    python benchmarks/load.py [--minutes 10] [--size 1920x1080] [--working 100] [--idle 900] [--json FILE]

Starts a server with the built-in blur. Half of the working clients ask by the ML-Server protocol, half by
HTTP, each again as soon as it has its answer; idle ones hold a connection to the HTTP door and ask after the
server's health twice a minute. Among them, without end: clients that send their headers a byte at a time,
drip, leave in the middle of a request, say nothing, claim much and send little, send noise, announce more
than is taken, send a body that becomes a large one, and never read their answer.

Prints for each door what was answered, lost, refused and dropped, the median and the 99th percentile of the
time and their ratio, as the clients saw it and as the server's audit says; and the memory of the server when
it is warm (in the third of ten minutes) and in the last minute, each the median of a sample a second. All
clients are on this machine, and take their share of it. Ends with 1 where a mark is missed: nothing lost,
refused or dropped, 99th percentile at most three times the median, memory within 5 %."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from load_clients import HTTP, IDLE, ML_SERVER, TIMEOUT, Seen, Stop, hold, site_of, torment, work

RATIO, SWING = 3.0, 0.05
HOLDERS, TORMENTORS = 4, 4
WARM = 0.2
"""The part of the time after which the server counts as warm: two of ten minutes."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = read_options(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.logs or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        server, ports = start_server(folder)
        try:
            seen, memory = run_clients(options, server.pid, ports)
        finally:
            server.terminate()
            server.wait(60)
        audited = read_audit(folder / "audit.jsonl")
    return told(seen, audited, memory, options)


def start_server(folder: Path) -> tuple[subprocess.Popen[bytes], tuple[int, int]]:
    command = [sys.executable, "-m", "understudy", "serve", "--port", "0", "--http-port", "0"]
    log = folder / "log.jsonl"
    with log.open("wb") as file:
        server = subprocess.Popen([*command, "--audit", folder / "audit.jsonl"], stdout=file, stderr=file)
    while server.poll() is None:
        for line in log.read_text().splitlines(keepends=True):
            if line.endswith("\n") and (said := json.loads(line))["event"] == "listening":
                return server, (said["port"], said["http_port"])
        time.sleep(0.1)
    raise SystemExit("the server did not start: " + log.read_text())


def run_clients(
    options: argparse.Namespace, server: int, ports: tuple[int, int]
) -> tuple[list[Seen], list[int]]:
    """What all clients saw, and the memory of the server, second by second."""
    fork = multiprocessing.get_context("fork")  # the requests are made once, and shared
    width, height = map(int, options.size.split("x"))
    site, stop, results = site_of(*ports, width, height), Stop(), fork.Queue()
    processes: list[Any] = []
    for n in range(options.working):
        given = (HTTP if n % 2 else ML_SERVER, f"127.0.1.{n % 250 + 1}", site, stop, results)
        processes.append(fork.Process(target=work, args=given, daemon=True))
    for n in range(HOLDERS):
        given = (options.idle // HOLDERS, f"127.0.2.{n + 1}", site, stop, results)  # type: ignore[assignment]
        processes.append(fork.Process(target=hold, args=given, daemon=True))
    bad = [
        fork.Process(target=torment, args=(f"127.0.3.{n + 1}", site, stop), daemon=True)
        for n in range(TORMENTORS)
    ]
    for process in [*processes, *bad]:
        process.start()
    try:
        memory = watched(server, 60 * options.minutes)
    finally:
        stop.set()
    return [results.get(timeout=TIMEOUT + 60) for _ in processes], memory


def watched(server: int, seconds: float) -> list[int]:
    """The memory of a process, each second."""
    memory, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(1.0)
        memory.append(memory_of(server))
        if len(memory) % 10 == 0:
            print(f"{len(memory)} s: {memory[-1] / 1e6:.0f} MB", flush=True)
    return memory


def memory_of(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def read_audit(path: Path) -> dict[str, list[float]]:
    """The seconds of each answered picture, by door, as the server says."""
    found: dict[str, list[float]] = {ML_SERVER: [], HTTP: []}
    for line in path.read_text().splitlines():
        said = json.loads(line)
        is_whole = said.get("outcome") == "ok" or (said.get("status") == 200 and said["received"])
        if said["model"] == "blur" and is_whole and said["client"].startswith("127.0.1."):
            found[said["door"]].append(said["seconds"])
    return found


def told(
    seen: list[Seen], audited: dict[str, list[float]], memory: list[int], options: argparse.Namespace
) -> int:
    """Print the figures; 1 where a mark is missed."""
    doors = {door: figures([each for each in seen if each.door == door]) for door in (ML_SERVER, HTTP, IDLE)}
    doors["both"] = figures([each for each in seen if each.door != IDLE])
    for door, seconds in audited.items():
        doors[door]["by_audit"] = spread(seconds)
    warm, end = settled(memory)
    found = {
        "minutes": options.minutes,
        "per_second": doors["both"]["answered"] / (60 * options.minutes),
        "doors": doors,
        "memory_mb": {"warm": warm / 1e6, "end": end / 1e6, "most": max(memory) / 1e6},
        "memory_change": end / warm - 1,
    }
    print(json.dumps(found, indent=1))
    wrong = [text for each in seen for text in each.lost + each.refused]
    for text in dict.fromkeys(wrong):
        print(wrong.count(text), "x", text)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    missed = marks_missed(doors, found["memory_change"])
    print("missed: " + "; ".join(missed) if missed else "every mark is reached")
    return 1 if missed else 0


def figures(seen: list[Seen]) -> dict[str, Any]:
    """Of some clients together."""
    return {
        "lost": sum(len(each.lost) for each in seen),
        "refused": sum(len(each.refused) for each in seen),
        "dropped": sum(each.dropped for each in seen),
        **spread([value for each in seen for value in each.seconds]),
    }


def spread(seconds: list[float]) -> dict[str, Any]:
    """How many, median and 99th percentile in seconds, and how many times the one is the other."""
    ordered = sorted(seconds) or [float("nan")]
    median, p99 = statistics.median(ordered), ordered[round(0.99 * (len(ordered) - 1))]
    return {"answered": len(seconds), "p50": round(median, 4), "p99": round(p99, 4), "ratio": p99 / median}


def settled(memory: list[int]) -> tuple[float, float]:
    """Bytes when warm and at the end, each the median over a tenth of the time."""
    length, first = max(1, len(memory) // 10), int(WARM * len(memory))
    return statistics.median(memory[first : first + length]), statistics.median(memory[-length:])


def marks_missed(doors: dict[str, dict[str, Any]], change: float) -> list[str]:
    missed = [
        f"{doors[door][what]} {what} ({door})"
        for door in (ML_SERVER, HTTP, IDLE)
        for what in ("lost", "refused", "dropped")
        if doors[door][what]
    ]
    for door in (ML_SERVER, HTTP, "both"):
        if not doors[door]["ratio"] <= RATIO:
            missed.append(f"p99 is {doors[door]['ratio']:.1f} times the median ({door})")
    if abs(change) > SWING:
        missed.append(f"memory went {100 * change:+.1f} %")
    return missed


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--minutes", type=float, default=10.0)
    add("--size", default="1920x1080", metavar="WIDTHxHEIGHT")
    add("--working", type=int, default=100)
    add("--idle", type=int, default=900)
    add("--logs", type=Path, metavar="DIR", help="keep the server's log and audit there")
    add("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
