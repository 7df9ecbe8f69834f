"""What the tests of training share: a bench that trains again and again, and what is compared afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from understudy.dataset.pairs import DataSet, load_data_set
from understudy.runs import RunFolder
from understudy.settings import TrainSettings
from understudy.training.train import TrainResult, resume, train


@dataclass
class StopAt:
    """Asks for a stop when ``step`` steps of this stretch are done."""

    step: int
    seen: int = 0
    reason: str = "the test"

    def __bool__(self) -> bool:
        self.seen += 1
        return self.seen > self.step


@dataclass
class Bench:
    """Trains on one shot again and again. ``events`` are those of the last call."""

    shot: Any
    data: Path
    events: list[Any] = field(default_factory=list)

    def settings(self, **changes: Any) -> TrainSettings:
        usual: dict[str, Any] = {
            "input": self.shot.plate,
            "ground_truth": self.shot.truth,
            "data_directory": self.data,
            "model_size": "small",
            "crop_size": 32,
            "batch_size": 2,
            "precision": "float32",
            "devices": "cpu",
            "checkpoint_interval": 5,
            "contact_sheet_interval": 1000,
        }
        if "epochs" not in changes and "time_limit" not in changes:
            usual["max_steps"] = 12
        return TrainSettings(**{**usual, **changes})

    def data_set(self, **changes: Any) -> DataSet:
        """The pairs that a training with these settings reads."""
        settings = self.settings(**changes)
        return load_data_set(settings.data, settings.colour)

    def flags(self) -> list[str]:
        """What every command line of ``understudy train`` needs."""
        sides = ["--input", self.shot.plate, "--ground-truth", self.shot.truth]
        return [*sides, "--data-directory", str(self.data)]

    def train(self, stop: Any = None, start: float | None = None, **changes: Any) -> TrainResult:
        self.events.clear()
        return train(self.settings(**changes), self.events.append, stop=stop, start=start)

    def resume(self, run: RunFolder, stop: Any = None, **changes: Any) -> TrainResult:
        self.events.clear()
        return resume(RunFolder.open(run.path), self.events.append, stop=stop, **changes)

    def of(self, kind: type) -> list[Any]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def said(self) -> str:
        """Everything that was said, and the notes of the plan."""
        texts = [getattr(event, "text", "") for event in self.events]
        return "\n".join([*texts, *(note for event in self.events for note in getattr(event, "notes", ()))])


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    """Every tensor that going on needs, and those of the newest checkpoint."""
    newest = run.newest()
    assert newest is not None
    return {
        **load_file(run.ost_path),
        **{f"cat.{name}": tensor for name, tensor in load_file(newest).items()},
    }


def losses(run: RunFolder) -> list[tuple[int, float, float]]:
    return [(row["step"], row["loss"], row["lr"]) for row in run.read_summary()]


def held_out(run: RunFolder) -> list[tuple[int, float]]:
    return [(row["step"], row["held_out"]) for row in run.read_summary() if "held_out" in row]


def assert_same_course(run: RunFolder, other: RunFolder) -> None:
    """The same loss at every step, the same held-out figures, and every weight the same to the last bit."""
    assert losses(run) == losses(other)
    assert held_out(run) == held_out(other)
    ours, theirs = weights(run), weights(other)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
