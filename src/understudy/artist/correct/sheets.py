"""What an artist gives -> corrections in the folder of a run, each checked before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from understudy.artist.correct.store import Sheet, add_correction
from understudy.dataset.empty import check_empty
from understudy.dataset.painted_later import Later, open_later
from understudy.errors import PairingError, SettingError
from understudy.frames import (
    Frame,
    Neighbours,
    Shot,
    check_size,
    format_numbers,
    open_shot,
    parse_frame_range,
    resolve_like,
    seen_planes,
)
from understudy.frames.matte import look_at, spread
from understudy.inference.layers import ExtraInputs
from understudy.inference.model import load
from understudy.models.description import ModelDescription
from understudy.models.opening import describe
from understudy.runs import RunFolder
from understudy.runs.asked import settings_of_run
from understudy.runs.corrections import MOST_OF_RANGE, Correction, Kind
from understudy.settings import TrainSettings

Give = Callable[[], Correction]
"""Writes a correction that has been checked."""


@dataclass(frozen=True)
class Taught:
    """A run that is corrected: what it was asked for, and what its network says of itself."""

    run: RunFolder
    settings: TrainSettings
    model: ModelDescription

    @classmethod
    def open(cls, run: RunFolder) -> Taught:
        """RunError or ModelFileError where it has no settings or no network."""
        return cls(run, settings_of_run(run), describe(run.best_or_newest()))

    @property
    def held(self) -> bool:
        return not getattr(self.model, "premultiplied", True)

    def open_plate(self, numbers: tuple[int, ...], flag: str) -> tuple[int, Shot]:
        """The first plate that has all frames ``numbers``. PairingError where none has."""
        first: Shot | None = None
        for index, spec in enumerate(self.settings.data.input):
            shot = open_shot(spec, part=self.settings.data.part, as_held=self.held)
            if all(shot.has(number) for number in numbers):
                return index, shot
            first = first or shot
        assert first is not None
        missing = tuple(number for number in numbers if not first.has(number))
        raise PairingError(
            "The plate of this run has no such frames.",
            expected=f"some of {format_numbers(first.numbers)}",
            found=format_numbers(missing or numbers),
            where=f"{flag}, and {first.spec}",
            remedy="Give numbers of the frames that the run's plate has.",
        )


def painted(taught: Taught, truth: str, masks: str | None, **values: Any) -> Give:
    """Further painted frames; with ``masks`` only where those are white."""
    later = open_later(
        taught.settings.data,
        taught.settings.colour,
        truth,
        taught.model.kind,
        tuple(taught.model.output_channels),
    )
    numbers, where = later.numbers, dict[int, np.ndarray]()
    if masks is not None:
        where = _masks(later, masks)
        numbers = tuple(where)
    sheets = {number: Sheet(later.read(number), where.get(number)) for number in numbers}
    values["plate_hashes"] = {number: later.plate_frame(number).content for number in numbers}
    kind: Kind = "ground-truth" if masks is None else "strokes"
    channels = tuple(taught.model.output_channels)
    return lambda: add_correction(taught.run, kind, numbers, sheets, channels, plate=later.plate, **values)


def _masks(later: Later, spec: str) -> dict[int, np.ndarray]:
    """The masks (height, width) of the painted frames that have one. PairingError where none has,
    SettingError where one is black."""
    found: dict[int, np.ndarray] = {}
    with open_shot(spec) as shot:
        numbers = [number for number in later.numbers if shot.has(number)]
        if not numbers:
            raise PairingError(
                "The strokes are of other frames than the ground truth.",
                expected=f"some of the frames {format_numbers(later.numbers)}",
                found=format_numbers(shot.numbers),
                where=f"--strokes {spec}",
                remedy="Give masks with the frame numbers of the ground truth.",
            )
        look = look_at((shot.read(number) for number in numbers), "strokes")
        for number in numbers:
            frame = shot.read(number)
            check_size(later.plate_frame(number), frame, "mask of strokes")
            found[number] = look.values(frame.planes((look.channel(frame),)))[..., 0]
            if not found[number].any():
                raise _no_strokes(spec, number)
    return found


def _no_strokes(spec: str, number: int) -> SettingError:
    return SettingError(
        "A mask of strokes is black everywhere: there is nothing to learn from.",
        expected="white where the ground truth counts",
        found=f"0 everywhere in frame {number}",
        where=f"--strokes {spec}",
        remedy="Paint the mask, or leave the frame out.",
    )


def accepted(taught: Taught, frames: str, **values: Any) -> Give:
    """Frames whose results are right as they are: what the network makes of some of them is kept."""
    numbers = tuple(sorted(set(parse_frame_range(frames))))
    plate, shot = taught.open_plate(numbers, "--accept")
    seen = spread(numbers, MOST_OF_RANGE)
    sheets = dict(_results(taught, shot, seen))
    values["plate_hashes"] = {number: shot.read(number).content for number in seen}
    channels = tuple(taught.model.output_channels)
    return lambda: add_correction(taught.run, "accept", numbers, sheets, channels, plate=plate, **values)


def _results(taught: Taught, shot: Shot, numbers: list[int]) -> Iterator[tuple[int, Sheet]]:
    model = load(str(taught.run.best_or_newest()), devices="auto", engine="torch")
    names = model.description.input_channels
    extras = ExtraInputs(taught.settings.data.extra, model.description, Neighbours(shot))
    with ExitStack() as stack:
        stack.callback(extras.close)
        for number in numbers:
            frame: Frame = shot.read(number)
            own = resolve_like(frame, names)
            beside = extras.read(frame, own, frame.display_window)
            yield number, Sheet(model.infer(seen_planes(frame, own), beside=beside))


def empty(taught: Taught, frames: str, **values: Any) -> Give:
    """Frames on which there is nothing to matte, or nothing to change."""
    numbers = tuple(sorted(set(parse_frame_range(frames))))
    plate, shot = taught.open_plate(numbers, "--empty")
    model = taught.model
    check_empty(model.kind, tuple(model.input_channels), tuple(model.output_channels))
    seen = spread(numbers, MOST_OF_RANGE)
    values["plate_hashes"] = {number: shot.read(number).content for number in seen}
    return lambda: add_correction(taught.run, "empty", numbers, {}, (), plate=plate, **values)
