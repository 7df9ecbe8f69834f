"""Fair timing on a machine that is not alone: what is compared takes turns, and medians are compared."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from understudy.device import core_count

Work = Callable[[], Any]
WINDOW = 0.05
"""Seconds that a turn lasts at least: short work is repeated within it."""


@dataclass(frozen=True)
class Task:
    """Something to be timed, and the floating-point operations of its convolutions."""

    run: Work
    flops: float


def wait_for(device: torch.device) -> None:
    """Return when the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@dataclass(frozen=True)
class Cost:
    """Seconds of a task: on the wall, and of all cores together (which spin while they wait, unless
    OMP_WAIT_POLICY is passive)."""

    wall: float
    cpu: float


def time_in_turns(tasks: Mapping[str, Task], device: torch.device, rounds: int) -> dict[str, Cost]:
    """Median seconds of each task. Each has its turn in every round, and was warmed up before."""
    repeats = {name: _repeats(task.run, device) for name, task in tasks.items()}
    turns: dict[str, list[Cost]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            turns[name].append(_turn(task.run, device, repeats[name]))
    return {name: _median(each) for name, each in turns.items()}


def _median(turns: list[Cost]) -> Cost:
    return Cost(statistics.median(t.wall for t in turns), statistics.median(t.cpu for t in turns))


def _repeats(run: Work, device: torch.device) -> int:
    run()
    return max(1, round(WINDOW / max(_turn(run, device, 1).wall, 1e-6)))


def _turn(run: Work, device: torch.device, repeats: int) -> Cost:
    wait_for(device)
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        run()
    wait_for(device)
    return Cost((time.perf_counter() - began) / repeats, (time.process_time() - cpu) / repeats)


def timed(run: Work, clock: Callable[[], float] = time.process_time) -> tuple[Any, float]:
    """What ``run`` gives, and the seconds it takes; by default CPU seconds in all threads of this process."""
    began = clock()
    result = run()
    return result, clock() - began


def count_flops(run: Work) -> tuple[float, float]:
    """(operations of convolutions, of all that torch counts) in one call of ``run``."""
    with FlopCounterMode(display=False) as counter:
        run()
    counts = counter.get_flop_counts().get("Global", {})
    convolutions = sum(count for operation, count in counts.items() if "convolution" in str(operation))
    return float(convolutions), float(sum(counts.values()))


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": core_count(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(terse=True),
        "versions": {name: _version(name) for name in ("torch", "openvino", "openimageio", "understudy")},
        "load_average": load_average(),
    }


def load_average() -> float:
    """How many processes wanted to run over the last minute; this one counts too."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
