"""Training in milliseconds: tiny networks on tiny shots, and what a test wants to know of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from understudy.network.unet import SIZES

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from small_networks import SMALL  # noqa: E402
from training_bench import Bench  # noqa: E402


@pytest.fixture(autouse=True)
def tiny_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """``small`` means a few thousand weights."""
    monkeypatch.setitem(SIZES, "small", SMALL)


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
