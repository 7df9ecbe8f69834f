"""How long it takes from Save, in the tab Correct, until the new result of a frame is there.

    python benchmarks/correct_latency.py [--time-limit 20s] [--size 854x480] [--json FILE] [-- flags of train]

The run is opened before, as the page has that done with the first stroke; with ``--anew`` it is not.

Makes a shot and ground truth of five of its frames, trains on them, starts ``understudy monitor``, looks at
a frame as the tab does, and sends a stroke on it. Prints the seconds from then on, and what processor time
the monitor and the process that it starts had used by then (with a busy machine, only that says something):
until the strokes are kept, the run has taken them up, the first .cat is there, and the result of the frame
and those of its neighbours have changed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from few_shot_job import understudy_command
from live_training import plate, truth

from understudy.runs import RunFolder

FRAMES = range(1001, 1021)
PAINTED = (1001, 1006, 1011, 1016, 1020)
TAUGHT = 1008
RUN = "sky"
LOOK = 0.05
LONGEST = 900.0


@dataclass(frozen=True)
class Mark:
    """Something that was reached: ``seconds`` since Save, and the processor seconds that the monitor and the
    process that teaches had used since."""

    name: str
    seconds: float
    monitor: float
    teacher: float


class Watch:
    """The time since Save."""

    def __init__(self, monitor: int, teacher: int = 0) -> None:
        self.monitor, self.teacher = monitor, teacher
        self.began, self._before, self._taught = time.monotonic(), _used(monitor), _used(teacher)
        self.marks: list[Mark] = []

    def mark(self, name: str) -> None:
        monitor, teacher = _used(self.monitor) - self._before, _used(self.teacher) - self._taught
        self.marks.append(Mark(name, time.monotonic() - self.began, monitor, teacher))
        found = self.marks[-1]
        print(
            f"{name:<40}{found.seconds:7.2f} s   monitor {monitor:6.2f} s   teacher {teacher:6.2f} s",
            flush=True,
        )


def _used(process: int) -> float:
    """Processor seconds of a process; 0 where it is not known."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def write_shot(folder: Path, size: tuple[int, int]) -> tuple[str, str]:
    """A plate and the painted frames, as PNG: their specs."""
    for number in FRAMES:
        _write(folder / f"plate.{number}.png", plate(number, size))
        if number in PAINTED:
            _write(folder / f"painted.{number}.png", truth(plate(number, size)))
    return str(folder / "plate.####.png"), str(folder / "painted.####.png")


def _write(path: Path, pixels: np.ndarray) -> None:
    output = oiio.ImageOutput.create(str(path))
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 3, "uint8")
    assert (
        output.open(str(path), spec)
        and output.write_image(np.rint(pixels * 255).astype(np.uint8))
        and output.close()
    )


@contextlib.contextmanager
def monitor_of(data: Path, footage: Path) -> Iterator[tuple[int, str]]:
    """A monitor, ready: the number of its process, and the address of the run."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "understudy", "monitor", str(data), "--footage", str(footage)]
    process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}/api/runs/{RUN}"
        while True:
            assert process.poll() is None, "the monitor has ended"
            with contextlib.suppress(OSError):
                get(f"{address}/shot")
                break
            time.sleep(LOOK)
        yield process.pid, address
    finally:
        process.terminate()
        process.wait()


def get(url: str, body: Any = None) -> bytes:
    """The answer to GET, or to POST where there is a body."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"content-type": "application/json"} if data else {})
    with urllib.request.urlopen(asked, timeout=LONGEST) as answer:
        return bytes(answer.read())


def stroke(size: tuple[int, int]) -> dict[str, Any]:
    """A red stroke across the middle of the frame."""
    height, width = size
    points = [[width * (0.35 + 0.03 * i), height * 0.5, 1] for i in range(11)]
    drawn = {"tool": "paint", "points": points, "size": 60, "hardness": 0.5, "opacity": 1}
    return {"version": 1, "frame": TAUGHT, "strokes": [{**drawn, "colour": [1, 0, 0]}]}


def open_run(address: str) -> int:
    """Have the run kept open, and wait until the process has nothing to do: its number."""
    job = json.loads(get(f"{address}/teacher", {}))["job"]
    jobs = address.partition("/runs/")[0] + f"/jobs/{job['id']}"
    _until(lambda: json.loads(get(jobs))["waiting"])
    used = [-1.0, _used(job["process"])]
    while used[-1] - used[-2] > 0.05:  # it reads, and looks ahead
        time.sleep(3)
        used.append(_used(job["process"]))
    return int(job["process"])


def measure(monitor: int, address: str, run: RunFolder, size: tuple[int, int], anew: bool) -> list[Mark]:
    """Save, and wait."""
    looked_at = (TAUGHT, TAUGHT + 1, TAUGHT - 1)
    before = {number: get(f"{address}/frames/{number}/result.png") for number in looked_at}
    old, best = {path for _, path in run.checkpoints()}, run.best_path.stat().st_mtime_ns
    watch = Watch(monitor, 0 if anew else open_run(address))
    answer = json.loads(get(f"{address}/corrections", {"strokes": [stroke(size)]}))
    watch.teacher = answer["job"]["process"]
    watch.mark("the strokes are kept")
    _until(lambda: run.state_path.exists() and run.is_busy())
    watch.mark("the run is opened")
    _until(lambda: 1 in run.read_state().learning)
    watch.mark("the lesson begins")
    _until(lambda: any(path not in old for _, path in run.checkpoints()) or _time(run.best_path) > best)
    watch.mark("the first .cat")
    for number in looked_at:
        _until(lambda at=number: get(f"{address}/frames/{at}/result.png") != before[at])
        watch.mark(f"the result of frame {number}")
    _end(address.partition("/runs/")[0] + f"/jobs/{answer['job']['id']}")
    return watch.marks


def _end(job: str) -> None:
    """Stop a job, and wait until it has ended."""
    get(f"{job}/stop", {})
    _until(lambda: json.loads(get(job))["state"] != "running")


def _until(reached: Any) -> None:
    end = time.monotonic() + LONGEST
    while not reached():
        if time.monotonic() > end:
            raise TimeoutError("the run does not learn")
        time.sleep(LOOK)


def _time(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--time-limit", default="20s")
    parser.add_argument("--size", default="854x480")
    parser.add_argument("--anew", action="store_true", help="no process keeps the run open before")
    parser.add_argument("--json", type=Path)
    parser.add_argument("flags", nargs="*", help="further flags of understudy train, after --")
    given = parser.parse_args()
    width, height = map(int, given.size.split("x"))
    with tempfile.TemporaryDirectory() as name:
        data, footage = Path(name, "runs"), Path(name, "footage")
        data.mkdir()
        footage.mkdir()
        plate_spec, truth_spec = write_shot(footage, (height, width))
        flags = [f"--input={plate_spec}", f"--ground-truth={truth_spec}", f"--data-directory={data}"]
        limits = given.flags or [f"--time-limit={given.time_limit}"]
        understudy_command(["train", *flags, f"--name={RUN}", *limits], lambda event: None)
        with monitor_of(data, footage) as (monitor, address):
            marks = measure(monitor, address, RunFolder(data / RUN), (height, width), given.anew)
    if given.json:
        given.json.write_text(json.dumps([asdict(mark) for mark in marks], indent=1) + "\n")


if __name__ == "__main__":
    main()
