"""Writing checkpoints, the best one, and the progress file, each with its provenance."""

from __future__ import annotations

import datetime
import platform
from typing import Any

import numpy as np
import torch

from understudy.network.model_file import ExtraInput, ModelHeader, save_model
from understudy.runs import RunFolder
from understudy.runs.state import BestHeldOut
from understudy.settings import TrainSettings, settings_of
from understudy.settings.field import split_name
from understudy.training.checkpoints.progress_file import Progress, save_progress
from understudy.training.prepare import Job
from understudy.version import __version__

LICENCE = "as the owner of the footage decides"


class CheckpointWriter:
    """Writes the checkpoints of ``run``. Every method raises WriteError when the file cannot be written."""

    def __init__(self, job: Job, run: RunFolder) -> None:
        self.job, self.run = job, run
        self.measured: dict[str, float] = {}

    def save_checkpoint(self, step: int, best: BestHeldOut | None) -> None:
        """NAME_0001000.cat"""
        save_model(self.run.cat_path(step), self.header(step, best), self.job.learner.average)

    def save_best(self, step: int, best: BestHeldOut | None) -> None:
        """NAME_best.cat"""
        save_model(self.run.best_path, self.header(step, best), self.job.learner.average)

    def save_progress(self, step: int, tensors: dict[str, Any], best: BestHeldOut | None, done: bool) -> None:
        """NAME.ost"""
        progress = Progress(step=step, plan=self.job.plan, best=best, digest=self.job.digest, done=done)
        save_progress(self.run.ost_path, progress, tensors)

    def header(self, step: int, best: BestHeldOut | None) -> ModelHeader:
        """The header of the .cat of ``step``."""
        job = self.job
        network = job.learner.average
        return ModelHeader(
            kind=job.data.kind,
            input_channels=list(job.data.input_channels),
            output_channels=list(job.data.output_channels),
            extra=[
                ExtraInput(
                    name=_last(each.name),
                    channels=list(each.channels),
                    colour=each.colour,
                    offset=each.offset,
                )
                for each in job.data.layers.extras
            ],
            colour_in=job.data.colour_in,
            colour_out=job.data.colour_out,
            premultiplied=not job.data.earlier,
            architecture=network.architecture.to_dict(),
            stride=network.stride,
            reach=network.reach,
            precision=self.measured,
            confidence=job.plan.confidence,
            provenance=self._provenance(step, best),
        )

    def _provenance(self, step: int, best: BestHeldOut | None) -> dict[str, Any]:
        settings = self.job.settings.as_json()
        paths = {info.name for info in settings_of(TrainSettings) if info.is_path}
        return {
            "run": self.run.name,
            "settings": {
                name: _shortened(settings[name]) if name in paths else settings[name] for name in settings
            },
            "pairs": self._pairs(),
            **({"pairs_in_all": self.job.data.count} if self.job.data.is_many else {}),
            "notes": list(self.job.data.notes),
            "steps": step,
            "held_out": best.model_dump() if best else None,
            "versions": {
                "understudy": __version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
            "licence": LICENCE,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }

    def _pairs(self) -> list[dict[str, Any]]:
        """The training pairs, and the pair that is held out to the end; of many those of the sample."""
        plan = self.job.plan
        apart = self.job.data.place(plan.held_out) if plan.apart else None
        return [
            {"name": pair.name, "frame": pair.number, "hash": pair.hash}
            | ({"held_out": True} if index == apart else {})
            | ({"empty": True} if pair.empty else {})
            for index, pair in enumerate(self.job.data.pairs)
        ]


def _last(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _shortened(value: Any) -> Any:
    """File names without the folders of the machine they were on: a model travels."""
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    if not isinstance(value, str):
        return value
    name, path = split_name(value)
    return f"{name}={_last(path)}" if name else _last(value)
