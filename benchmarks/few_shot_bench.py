"""Trainings on chosen frames of a case, and the scores of every frame after each."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from few_shot_case import Case, display, score
from few_shot_job import Cost, train_command, understudy_command

from understudy.frames import open_shot

Scores = dict[int, float]


@dataclass(frozen=True)
class Bench:
    """Trains on chosen frames of a case, in the folder ``keep``."""

    case: Case
    keep: Path
    options: argparse.Namespace

    def scores(self, name: str, frames: Sequence[int]) -> Scores:
        """The scores of every frame after a training on ``frames``."""
        self.train(name, frames, lambda event: None)
        return self.judge(name)

    def train(self, name: str, frames: Sequence[int], report: Callable[[dict[str, Any]], None]) -> Cost:
        """A training on ``frames``; every event goes to ``report``."""
        folder = self.keep / name
        folder.mkdir(parents=True, exist_ok=True)
        painted = replace(self.case, train_frames=tuple(sorted(frames))).painted(folder / "painted")
        return understudy_command(train_command(self.case, painted, folder / "runs", self.options), report)

    def judge(self, name: str) -> Scores:
        """The scores of every frame, after ``train``."""
        case = self.case
        sample = case.plate.read(case.plate.numbers[0])
        spec = str(self.keep / name / "learned" / f"learned.####{'.png' if sample.is_integer else '.exr'}")
        apply = ["apply", str(self.run(name)), str(case.folder / "input"), spec, "--overwrite"]
        understudy_command(apply, lambda event: None)
        with open_shot(spec) as learned:
            return {
                number: score(case, number, display(learned.read(number), case.kind))["main"]
                for number in case.frames
            }

    def run(self, name: str) -> Path:
        """The folder of the run that ``train`` made."""
        return self.keep / name / "runs" / self.case.name


def mean_of(scores: Scores, frames: Sequence[int]) -> float:
    """Over these frames alone."""
    return statistics.fmean(scores[number] for number in frames)
