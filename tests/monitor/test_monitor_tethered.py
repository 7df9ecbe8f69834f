"""What the monitor computes for itself ends with it, and goes behind trainings once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from understudy.monitor.jobs.tethered import NICENESS, tether, tethered
from understudy.monitor.shot import suggestions

CHILD = """
import os, time
from understudy.monitor.jobs.tethered import follow
follow()
print(os.nice(0), flush=True)
time.sleep(600)
"""
PARENT = f"""
import subprocess, sys, time
from understudy.monitor.jobs.tethered import tether
with tether() as end:
    child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdin=end)
    print(child.pid, flush=True)
    time.sleep(600)
"""


def is_running(process: int) -> bool:
    """Whether it is there, and no mere entry that nobody has asked about yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_tethered_command_ends_with_a_monitor_that_was_killed_and_is_niced_once() -> None:
    monitor = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert monitor.stdout is not None
    with monitor.stdout:
        child = int(monitor.stdout.readline())
        assert int(monitor.stdout.readline()) == max(NICENESS, os.nice(0))
        monitor.kill()
        monitor.wait()
        until = time.monotonic() + 60
        while is_running(child) and time.monotonic() < until:
            time.sleep(0.05)
    assert not is_running(child)


def test_a_tethered_command_is_the_command_and_suggestions_are_made_by_one(monkeypatch) -> None:
    with tether() as end:
        done = subprocess.run(tethered(["--version"]), stdin=end, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stdout.strip()
    asked = []

    def run(command: list[str], **given: object) -> SimpleNamespace:
        asked.append((command, given["stdin"]))
        return SimpleNamespace(returncode=0, stdout=b'{"frames": []}\n', stderr=b"")

    monkeypatch.setattr(subprocess, "run", run)
    shot = SimpleNamespace(
        settings=SimpleNamespace(data=SimpleNamespace(part=None)),
        plate=SimpleNamespace(spec="plate.####.exr"),
        run=SimpleNamespace(path="runs/sky"),
    )
    assert suggestions._run(shot) == {"frames": []}  # type: ignore[arg-type]
    command, end = asked[0]
    assert command[: len(tethered(()))] == tethered(()) and isinstance(end, int) and end > 2
    assert command[len(tethered(())) :] == ["suggest", "plate.####.exr", "--run=runs/sky", "--json"]
