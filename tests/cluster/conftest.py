"""A shot and a network for jobs on farms, and what runs them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Stage:
    """A plate of 25 frames, 1001 to 1025, a network, and a folder to be in."""

    here: Path
    plate: str
    truth: str
    model: Path
    plate_file: Callable[[int], Path]

    def apply_words(self, *more: str) -> list[str]:
        """``farm apply`` from the network and the plate to out/."""
        return ["farm", "apply", str(self.model), self.plate, "out/out.####.exr", *more]

    def train_words(self, *more: str) -> list[str]:
        """``farm train`` of a training of four quick steps."""
        quick = ["--model-size", "small", "--crop-size", "32", "--batch-size", "2", "--max-steps", "4"]
        fixed = ["--coarse-view", "1", "--neighbours", "0", "--devices", "cpu"]
        pairs = ["--input", self.plate, "--ground-truth", self.truth, "--data-directory", "runs"]
        return ["farm", "train", *pairs, "--name", "grade", *quick, *fixed, *more]


@pytest.fixture
def stage(tmp_path: Path, make_shot: Any, trained: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    shot = make_shot("shot", numbers=range(1001, 1026), truth_numbers=(1001, 1013), suffix=".exr")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("OCIO", raising=False)
    return Stage(here, shot.plate, shot.truth, trained, shot.plate_file)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A network of random weights in a file of its own."""
    spec = importlib.util.spec_from_file_location("shared_conftest", REPOSITORY / "tests" / "conftest.py")
    assert spec and spec.loader
    shared = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = shared  # dataclasses look there
    spec.loader.exec_module(shared)
    from understudy.network.model_file import save_model

    network, header = shared.trained_network("look", ["network"])
    (tmp_path / "networks").mkdir()
    path = tmp_path / "networks" / "look.cat"
    save_model(path, header, network)
    return path


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A file that starts this very understudy, as one on a farm's machine would."""
    path = tmp_path / "bin" / "understudy"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m understudy "$@"\n')
    path.chmod(0o755)
    return path


def run_here(words: list[str], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``words`` with this source, both outputs in one text."""
    path = os.pathsep.join(filter(None, [str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture
def run_words() -> Callable[..., subprocess.CompletedProcess[str]]:
    return run_here
