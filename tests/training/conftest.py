"""Training in milliseconds: tiny networks on tiny shots, and what a test wants to know of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from understudy.network.unet import SIZES
from understudy.training import clock, validation
from understudy.training.learner import Learner

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from small_networks import SMALL  # noqa: E402
from training_bench import Bench  # noqa: E402


@pytest.fixture(autouse=True)
def tiny_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """``small`` means a few thousand weights."""
    monkeypatch.setitem(SIZES, "small", SMALL)


@dataclass
class SteppedTime:
    """The clock of a training in which nothing takes time but its steps: whatever else the machine does."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def steps_take(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], SteppedTime]:
    """``steps_take(seconds)``: every step takes so long from now on, and nothing else takes any time."""

    def take(seconds: float) -> SteppedTime:
        time, step = SteppedTime(), Learner.step

        def stepping(self: Learner, number: int) -> float:
            time.now += seconds
            return step(self, number)

        monkeypatch.setattr(Learner, "step", stepping)
        monkeypatch.setattr(clock, "time", time)
        monkeypatch.setattr(validation, "time", time)
        return time

    return take


@pytest.fixture
def bench(make_shot: Callable[..., Any], tmp_path: Path) -> Bench:
    """A shot of five 48x32 frames with a grade, and a data directory."""
    return Bench(make_shot(), tmp_path / "runs")


@pytest.fixture
def make_bench(make_shot: Callable[..., Any], tmp_path: Path) -> Callable[..., Bench]:
    """``make_bench(**shot)``: a bench on another shot."""
    return lambda **shot: Bench(make_shot(**shot), tmp_path / "runs")


@pytest.fixture
def command() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """``command("train", ...)`` starts the real command line on tiny networks; it is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "small_networks.py"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
