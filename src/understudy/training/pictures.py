"""The contact sheets and previews of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from understudy.colour import ColourEncoding
from understudy.dataset.crops import Augmentation
from understudy.dataset.layers import encode_inputs, read_inputs
from understudy.errors import UnderstudyError
from understudy.frames import fill_nonfinite, open_shot
from understudy.runs import RunFolder
from understudy.training.contact_sheet import ROWS, display, make_sheet, write_png
from understudy.training.judge import predict
from understudy.training.prepare import Job

PREVIEWS = 3
SHEET_SEED = 0x5EE7


class Pictures:
    """Makes pictures with the network as it is judged and saved."""

    def __init__(self, job: Job, run: RunFolder) -> None:
        self.job, self.run = job, run
        self._plates: dict[int, np.ndarray] | None = None

    def contact_sheet(self, step: int) -> Path:
        """NAME_contact_0000100.png: three random crops, a row each: input, ground truth, output."""
        learner = self.job.learner
        pairs = list(range(learner.count))
        batch = learner.crops.batch(SHEET_SEED + step, range(ROWS), pairs, Augmentation(mirror=False), ROWS)
        with torch.inference_mode():
            output = learner.average(batch.input)
        rows = [
            tuple(
                display(_image(part[row]), colour)
                for part, colour in self._columns(batch.input, batch.truth, output)
            )
            for row in range(ROWS)
        ]
        path = self.run.contact_path(step)
        write_png(path, make_sheet(rows))  # type: ignore[arg-type]
        return path

    def _columns(self, *parts: torch.Tensor) -> list[tuple[torch.Tensor, ColourEncoding]]:
        data = self.job.data
        return list(zip(parts, (data.colour_in, data.colour_out, data.colour_out), strict=True))

    def previews(self, step: int, say: Callable[[str], None]) -> Iterator[Path]:
        """NAME_preview_0001000_1012.png for up to three frames of ``--preview``; what fails is said."""
        if self.job.settings.preview is None:
            return
        try:
            for number, pixels in self._preview_plates().items():
                learner = self.job.learner
                result = predict(learner.average, pixels, learner.device, self.job.plan.precision)
                path = self.run.preview_path(step, number)
                write_png(path, display(result, self.job.data.colour_out))
                yield path
        except UnderstudyError as error:
            say(f"No preview: {error.message} {error.found}".strip())

    def _preview_plates(self) -> dict[int, np.ndarray]:
        if self._plates is None:
            self._plates = read_previews(self.job)
        return self._plates


def read_previews(job: Job) -> dict[int, np.ndarray]:
    """Frame number -> network values of the first, middle and last frame of ``--preview``."""
    shot = open_shot(job.settings.preview or "", part=job.settings.part)
    extras = tuple(open_shot(spec) for spec in job.settings.extra)
    count = min(PREVIEWS, len(shot.numbers))
    chosen = sorted(
        {shot.numbers[round(i * (len(shot.numbers) - 1) / max(1, count - 1))] for i in range(count)}
    )
    plates = {}
    for number in chosen:
        frame = shot.read(number)
        planes = fill_nonfinite(frame.planes(job.data.input_channels))[0]
        layers = job.data.layers
        plates[number] = encode_inputs(
            planes, read_inputs(extras, number, frame, layers), job.data.colour_in, layers
        )
    return plates


def _image(planes: torch.Tensor) -> np.ndarray:
    return planes.permute(1, 2, 0).float().cpu().numpy()
