"""The commands as a compositor gives them, each in a process of its own, and what they cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.errors import WorkError

Event = dict[str, Any]


@dataclass
class Cost:
    """Seconds from start to end of the process, its largest memory, and the last event of each kind."""

    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    last: dict[str, Event] = field(default_factory=dict)


def understudy_command(arguments: Sequence[str], report: Callable[[Event], None]) -> Cost:
    """Run ``understudy ARGUMENTS --json``; every event goes to ``report``. WorkError when it fails."""
    cost, began = Cost(), time.monotonic()
    command = [sys.executable, "-m", "understudy", *arguments, "--json"]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=complaints, text=True, encoding="utf-8", errors="replace"
        )
        _listen(process, cost, report)
        cost.seconds = time.monotonic() - began
        complaints.seek(0)
        words = complaints.read().decode(errors="replace").strip()
    if process.returncode != 0:
        raise WorkError(
            f"understudy {arguments[0]} ended with code {process.returncode}.",
            found=words[-2000:] or "no message",
            where=" ".join(command[2:]),
        )
    return cost


def _listen(process: subprocess.Popen[str], cost: Cost, report: Callable[[Event], None]) -> None:
    """Take in every event until the process has ended; it ends with us, whatever happens here."""
    assert process.stdout is not None
    try:
        for line in process.stdout:
            event = _event(line)
            cost.last[event["event"]] = event
            report(event)
        _wait(process, cost)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        process.stdout.close()


def _event(line: str) -> Event:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) and "event" in found else {"event": "text", "text": line.rstrip()}


def _wait(process: subprocess.Popen[str], cost: Cost) -> None:
    """Wait for the end; where the system tells it, also the largest memory of this very process."""
    if not hasattr(os, "wait4"):
        process.wait()
        return
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    cost.peak_memory_mb = usage.ru_maxrss * unit / 2**20


def train_command(case: Any, painted: str, runs: Path, options: Any) -> list[str]:
    """The arguments of ``understudy train`` for a case."""
    arguments = ["train", "--input", str(case.folder / "input"), "--ground-truth", painted]
    arguments += ["--data-directory", str(runs), "--name", case.name, "--seed", str(options.seed)]
    if options.time_limit:
        arguments += ["--time-limit", options.time_limit]
    if options.steps:
        arguments += ["--max-steps", str(options.steps)]
    if options.model_size:
        arguments += ["--model-size", options.model_size]
    return [*arguments, *options.more]
