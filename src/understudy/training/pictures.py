"""The contact sheets and previews of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from understudy.dataset.crops import Augmentation
from understudy.errors import UnderstudyError
from understudy.frames import Neighbours, open_shot
from understudy.frames.matte_names import matte_labels
from understudy.runs import RunFolder
from understudy.training.contact_sheet import (
    ROWS,
    as_seen,
    display,
    make_sheet,
    mattes_over,
    with_legend,
    write_png,
)
from understudy.training.evaluation import predict
from understudy.training.prepare import Job

PREVIEWS = 3
SHEET_SEED = 0x5EE7


class Pictures:
    """Makes pictures with the network that is evaluated and saved."""

    def __init__(self, job: Job, run: RunFolder) -> None:
        self.job, self.run = job, run

    def contact_sheet(self, step: int) -> Path:
        """NAME_contact_0000100.png: three random crops, a row each: input, ground truth, output."""
        learner = self.job.learner
        pairs = list(range(learner.count))
        draw = (SHEET_SEED + step, range(ROWS), pairs, Augmentation(mirror=False), ROWS)
        batch = learner.crops.batch(*draw, whole=self.job.plan.whole > 0)
        with torch.inference_mode():
            output = learner.average.finish(batch.input, learner.average.answer(*batch.seen))
        truth = batch.truth if self._labels == () else batch.truth * (batch.weight > 0)
        rows = [
            tuple(self._shown(part[row], batch.input[row], part is batch.input) for part in parts)
            for parts in ((batch.input, truth, output),)
            for row in range(ROWS)
        ]
        path = self.run.contact_path(step)
        sheet = make_sheet(rows)  # type: ignore[arg-type]
        write_png(path, with_legend(sheet, self._labels) if self._labels else sheet)
        return path

    @property
    def _labels(self) -> tuple[str, ...]:
        """The names of several mattes; none of anything else."""
        data = self.job.data
        return matte_labels(data.output_channels) if data.layers.mattes > 1 else ()

    def _shown(self, part: torch.Tensor, plate: torch.Tensor, is_plate: bool) -> np.ndarray:
        """A crop for a screen: several mattes in their colours over the plate."""
        data = self.job.data
        if is_plate or not self._labels:
            shown = _image(part) if is_plate else as_seen(data.layers, _image(part))
            return display(shown, data.colour_in if is_plate else data.colour_out)
        return mattes_over(display(_image(plate), data.colour_in), _image(part))

    def previews(self, step: int, say: Callable[[str], None]) -> Iterator[Path]:
        """NAME_preview_0001000_1012.png for up to three frames of ``--preview``; what fails is said."""
        if self.job.settings.preview.preview is None:
            return
        try:
            for number, pixels in read_previews(self.job):
                learner = self.job.learner
                result = predict(learner.average, pixels, learner.device, self.job.plan.precision)
                path, data = self.run.preview_path(step, number), self.job.data
                shown = display(pixels, data.colour_in) if self._labels else None
                made = (
                    display(as_seen(data.layers, result), data.colour_out)
                    if shown is None
                    else mattes_over(shown, result)
                )
                write_png(path, made)
                yield path
        except UnderstudyError as error:
            say(f"No preview: {error.message} {error.found}".strip())


def read_previews(job: Job) -> Iterator[tuple[int, np.ndarray]]:
    """Frame number and network values of the first, middle and last frame of ``--preview``, one at a time."""
    data, earlier = job.settings.data, job.data.earlier
    shot = open_shot(job.settings.preview.preview or "", part=data.part, as_held=earlier)
    extras = tuple(open_shot(spec, as_held=earlier) for spec in data.extra)
    neighbours = Neighbours(shot)
    for number in _chosen(shot.numbers):
        yield number, job.data.inputs_of(shot.read(number), neighbours, extras)


def _chosen(numbers: Sequence[int]) -> list[int]:
    count = min(PREVIEWS, len(numbers))
    return sorted({numbers[round(i * (len(numbers) - 1) / max(1, count - 1))] for i in range(count)})


def _image(planes: torch.Tensor) -> np.ndarray:
    return planes.permute(1, 2, 0).float().cpu().numpy()
