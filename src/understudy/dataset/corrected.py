"""Frames of a run's plates beside its pairs: those that were corrected, and those that are to stay."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from understudy.colour import encode
from understudy.dataset.empty import check_empty, empty_truth
from understudy.dataset.layers import with_inputs
from understudy.dataset.pairs import DataSet
from understudy.dataset.sources import Behind, Source
from understudy.dataset.truth_values import encode_truth
from understudy.dataset.unmix import known_of
from understudy.errors import RunError
from understudy.frames import (
    Frame,
    Neighbours,
    Shot,
    check_size,
    fill_nonfinite,
    open_shot,
    read_image_file,
    resolve_like,
    seen_planes,
)
from understudy.runs.corrections import Correction
from understudy.settings import DataSettings

Place = tuple[int, int]
"""A frame of a run: which of its plates, and the number."""


@dataclass(frozen=True)
class Plate:
    """A plate frame in network values (height, width, channels), with all that goes in beside it; ``known``
    (height, width, 1): where every channel that is replaced is a number; ``hash`` tells its values."""

    frame: Frame
    input: np.ndarray
    known: np.ndarray
    hash: str


@dataclass(frozen=True)
class Told:
    """What a correction says of one frame, in network values: ``truth`` (height, width, channels), and
    ``mask`` (height, width, 1), from 0 to 1, where that counts; of several mattes, and of the parts of what
    is taken apart, each by itself."""

    truth: np.ndarray
    mask: np.ndarray


class FrameReader:
    """Reads any frame of the plates of a run as the run's own pairs were read."""

    def __init__(self, settings: DataSettings, data: DataSet) -> None:
        self._settings, self._data = settings, data
        self._plates: dict[int, Shot] = {}
        self._extras: tuple[Shot, ...] | None = None

    def shot(self, plate: int) -> Shot:
        """The plate of this index. RunError when the run has not so many."""
        if plate >= len(self._settings.input):
            raise RunError(
                "A correction is of a plate that the run does not have.",
                expected=f"one of {len(self._settings.input)}, counted from 0",
                found=str(plate),
            )
        if plate not in self._plates:
            spec, part, held = self._settings.input[plate], self._settings.part, self._data.earlier
            self._plates[plate] = open_shot(spec, part=part, as_held=held)
        return self._plates[plate]

    def find(self, number: int) -> Place:
        """The first plate that has a frame of this number. SequenceError where none has."""
        for plate in range(len(self._settings.input)):
            if self.shot(plate).has(number):
                return plate, number
        shot = self.shot(0)
        shot.check(number)
        raise AssertionError

    def read(self, place: Place) -> Plate:
        """A plate frame. Raises what reading a shot raises."""
        shot, layers = self.shot(place[0]), self._data.layers
        frame = shot.read(place[1])
        before = seen_planes(frame, resolve_like(frame, layers.inputs))
        filled, bad = fill_nonfinite(before)
        source = Source(shot, shot, self._open_extras(), None, place[1], place[1], Neighbours(shot))
        behind = Behind(source, layers)
        pixels = with_inputs(encode(filled, self._data.colour_in), behind, layers)
        known = ~np.asarray(bad[..., layers.written].any(2, keepdims=True))
        digest = hashlib.sha256(np.ascontiguousarray(before).data).hexdigest() + behind.hash
        return Plate(frame, pixels, known.astype(np.float32), digest)

    def _open_extras(self) -> tuple[Shot, ...]:
        if self._extras is None:
            held = self._data.earlier
            self._extras = tuple(open_shot(spec, as_held=held) for spec in self._settings.extra)
        return self._extras

    def told(self, correction: Correction, number: int, plate: Plate) -> Told:
        """What a correction says of one of its frames. RunError, FrameError or SizeError when its pictures
        do not fit."""
        outputs, layers = self._data.output_channels, self._data.layers
        several = layers.mattes > 1
        if correction.kind == "empty":
            known = np.repeat(plate.known, len(outputs), 2) if several else plate.known
            return Told(self.empty(plate), known)
        picture = read_correction_picture(correction.truth_path(number), plate.frame, outputs, several)
        planes = planes_of_correction(picture, outputs)
        filled, bad = fill_nonfinite(planes)
        truth = encode_truth(filled, layers, self._data.colour_out)
        if self._data.kind == "matte":
            truth = np.clip(truth, 0.0, 1.0)
        known = plate.known * ~(bad if several else bad.any(2, keepdims=True))
        if layers.unmix != "off":
            place = outputs.index("alpha")
            known = known * known_of(filled[..., place : place + 1], outputs)
        if correction.kind == "strokes":
            drawn = read_correction_picture(correction.mask_path(number), plate.frame)
            mask = drawn.planes(drawn.part.channels[:1])
            known = known * np.clip(np.nan_to_num(mask, nan=0.0, posinf=0.0, neginf=0.0), 0.0, 1.0)
        return Told(truth.astype(np.float32), known.astype(np.float32))

    def empty(self, plate: Plate) -> np.ndarray:
        """The truth where there is nothing to matte, or nothing to change. ChannelError where the effect
        makes channels that the plate does not have."""
        layers = self._data.layers
        check_empty(*layers.effect)
        before = seen_planes(plate.frame, resolve_like(plate.frame, layers.inputs))
        return encode(fill_nonfinite(empty_truth(before, *layers.effect))[0], self._data.colour_out)


def planes_of_correction(picture: Frame, channels: Sequence[str]) -> np.ndarray:
    """float32 (height, width, channels): those of a picture of a correction; of several mattes those that it
    says nothing of are NaN."""
    own = [name for name in channels if name in picture.part.channels]
    planes = picture.planes(own)
    if len(own) == len(channels):
        return planes
    values = np.full((*planes.shape[:2], len(channels)), np.nan, np.float32)
    values[..., [list(channels).index(name) for name in own]] = planes
    return values


def read_correction_picture(
    path: Path, plate: Frame, channels: Sequence[str] = (), several: bool = False
) -> Frame:
    """A picture of a correction of this frame. FrameError where it cannot be read, SizeError where it has
    another size, RunError where it lacks one of ``channels``, or, of ``several`` mattes, all of them."""
    frame = read_image_file(path)
    check_size(plate, frame, "correction")
    missing = set(channels) - set(frame.part.channels)
    if not missing or (several and len(missing) < len(channels)):
        return frame
    raise RunError(
        "A picture of a correction lacks channels that the network makes.",
        expected=", ".join(channels),
        found=", ".join(frame.part.channels),
        where=str(path),
        remedy="Undo this correction, and make it again.",
    )
