"""Stages of a training: what the network makes of the same pictures, early and late."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from understudy.dataset.by_name import pictures_in
from understudy.errors import SettingError, UnderstudyError
from understudy.frames import Neighbours, Shot, open_shot
from understudy.frames.sequence import holds_one_shot
from understudy.runs import RunFolder
from understudy.settings.preview import parse_stages
from understudy.training.contact_sheet import as_seen, display, make_sheet, mattes_over, write_png
from understudy.training.evaluation import predict
from understudy.training.plan import UNKNOWN
from understudy.training.prepare import Job
from understudy.training.stage_sheet import make_stage_sheet, read_strip, shrunk_to

MOST_PICTURES = 16
STRIP_SIDE = 640
"""Pixels of the longer side of what is kept of a picture."""


class Stages:
    """Which steps are stages, and what is written then: for each picture a strip of the picture, its result
    on black and the matte (of an image: the result, and what it changes), and a sheet of all stages so
    far."""

    def __init__(self, job: Job, run: RunFolder) -> None:
        self.job, self.run = job, run
        self.wanted = parse_stages(job.settings.preview.stages)
        self._done = {step for step, _, _ in run.stage_strips()}

    @property
    def are_wanted(self) -> bool:
        """Whether the run has stages."""
        return self.wanted is not None or bool(self.job.settings.preview.stage_pictures)

    def is_due(self, step: int, saves: bool) -> bool:
        """Whether ``step`` is a stage that is not written yet. ``saves``: whether a checkpoint is written
        after it, which is one where nothing else is said."""
        if not self.are_wanted or step in self._done:
            return False
        if self.wanted is None:
            return saves
        if not isinstance(self.wanted, int):
            return step in self.wanted
        total = self.job.plan.total_steps
        done = sum(each <= step for each in self._done)
        return total != UNKNOWN and done < self.wanted and step >= round(total * (done + 1) / self.wanted)

    def write(self, step: int) -> Iterator[Path]:
        """Write what a stage consists of; each file as it is there. Raises what reading pictures raises, and
        WriteError."""
        self._done.add(step)
        learner, data = self.job.learner, self.job.data
        for index, (_, pixels) in enumerate(read_stage_pictures(self.job), 1):
            result = predict(learner.average, pixels, learner.device, self.job.plan.precision)
            plate = display(pixels[..., : len(data.input_channels)], data.colour_in)
            path = self.run.stage_path(step, index)
            write_png(path, make_sheet([self._row(plate, result)]))
            yield path
        path = self.run.stage_sheet_path(step)
        write_png(path, make_stage_sheet(_strips_until(self.run, step), self.job.matte))
        yield path

    def _row(self, plate: np.ndarray, result: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The picture, what is made of it, and the matte or the change; 8 bits."""
        data = self.job.data
        if not self.job.matte:
            made = display(as_seen(data.layers, result), data.colour_out)
            apart = np.abs(made.astype(np.int16) - plate.astype(np.int16)).astype(np.uint8)
            return _small(plate), _small(made), _small(apart)
        union = np.clip(np.nan_to_num(result), 0, 1).max(2, keepdims=True)
        cut_out = (plate * union + 0.5).astype(np.uint8)
        if result.shape[2] == 1:
            return _small(plate), _small(cut_out), _small(display(result, data.colour_out))
        return _small(plate), _small(cut_out), _small(mattes_over(plate, result))


def _small(picture: np.ndarray) -> np.ndarray:
    return shrunk_to(picture, STRIP_SIDE)


def _strips_until(run: RunFolder, step: int) -> dict[int, dict[int, np.ndarray]]:
    """The strips of each picture by their steps, as far as they can be read."""
    found: dict[int, dict[int, np.ndarray]] = {}
    for at, picture, path in run.stage_strips():
        strip = read_strip(path) if at <= step else None
        if strip is not None:
            found.setdefault(picture, {})[at] = strip
    return found


def read_stage_pictures(job: Job) -> Iterator[tuple[str, np.ndarray]]:
    """The name and the network values of each picture; of the first pairs where none are named. Raises what
    reading frames raises."""
    asked = job.settings.preview.stage_pictures
    if not asked:
        for pair in job.data.pairs[:4]:
            yield pair.name, pair.input
        return
    count = 0
    for shot in _shots(asked):
        for number in shot.numbers:
            if count == MOST_PICTURES:
                return
            count += 1
            yield Path(shot.path(number)).name, job.data.inputs_of(shot.read(number), Neighbours(shot), ())


def _shots(specs: tuple[str, ...]) -> Iterator[Shot]:
    """What is named: shots, and each picture of a folder of pictures by itself."""
    for spec in specs:
        folder = os.path.expanduser(spec)
        if os.path.isdir(folder) and not holds_one_shot(folder):
            yield from (open_shot(path) for path in sorted(pictures_in(folder)))
        else:
            yield open_shot(spec)


def check_stage_pictures(job: Job) -> None:
    """Read them once, so that what cannot be read is said before the start. SettingError where the network
    takes more than a picture tells, or there is none; and what reading frames raises."""
    if not job.settings.preview.stage_pictures:
        return
    if job.settings.data.extra:
        raise SettingError(
            "Stages are made of pictures alone.",
            expected="a network without extra inputs",
            found="--extra",
            where="--stage-pictures",
            remedy="Leave --stage-pictures out: then the first pairs are shown.",
        )
    if not sum(1 for _ in read_stage_pictures(job)):
        raise SettingError(
            "There are no pictures to show stages of.",
            expected="image files, a folder of them, or a shot",
            found="none",
            where="--stage-pictures",
        )


def keeps_steps(run: RunFolder) -> set[int]:
    """The steps whose checkpoints belong to stages."""
    return {step for step, _, _ in run.stage_strips()}


def why(error: UnderstudyError) -> str:
    """A sentence on a stage that could not be made."""
    return f"No stage: {error.message} {error.found}".strip()
