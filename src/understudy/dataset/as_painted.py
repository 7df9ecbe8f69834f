"""The frames that a run learned from, and those that were corrected, as they were painted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from understudy.dataset.colours import settle_colours
from understudy.dataset.corrected import read_correction_picture
from understudy.dataset.layers import Layers, choose_layers
from understudy.dataset.sources import Source, match, read_both, read_each, read_pair
from understudy.errors import UnderstudyError
from understudy.frames import Frame, Shot, check_size, open_shot, resolve_like, seen_planes
from understudy.frames.matte import largest_of, white_of
from understudy.runs.corrections import Correction
from understudy.settings import TrainSettings

GIVEN = ("ground-truth", "strokes", "empty")
"""The kinds of corrections that say what a frame is to be; "accept" says that the network's result is right,
and leaves it to the network."""


@dataclass(frozen=True, eq=False)
class AsPainted:
    """What a frame is to become, over its display window: ``values``, float32 (height, width, channels), in
    the plate's values and encoding, premultiplied, a matte from 0 to 1; and how much they count, ``weight``
    (height, width, 1), from 0 to 1. ``mark`` tells plate and truth."""

    values: np.ndarray
    weight: np.ndarray
    mark: str

    @property
    def is_whole(self) -> bool:
        """Whether it counts everywhere."""
        return bool((self.weight == 1).all())

    def under(self, later: AsPainted) -> AsPainted:
        """The same with ``later``, what was said afterwards, over it."""
        rest = self.weight * (1 - later.weight)
        weight = later.weight + rest
        share = np.divide(later.weight, weight, out=np.ones_like(weight), where=weight > 0)
        values = np.where(share == 1, later.values, later.values * share + self.values * (1 - share))
        mark = hashlib.sha256(f"{self.mark} {later.mark}".encode()).hexdigest()
        return AsPainted(values.astype(np.float32), weight, mark)


class PaintedPairs:
    """The pairs of a run, read as it read them. ``known``: the hashes of plate and truth of each frame, as
    the network's file has them; a frame whose values are others is not the one that was painted.

    Raises what reading the pairs of a training raises."""

    def __init__(self, settings: TrainSettings, known: Mapping[int, Sequence[str]], earlier: bool) -> None:
        data = settings.data.replace(extra=())
        found, _ = match(data, earlier)
        first = read_both(found[0])
        check_size(*first, "ground truth")
        every = partial(read_each, first, found)
        self._layers = replace(choose_layers(data, every, earlier), extras=())
        self._sources = settle_colours(settings.colour, found, first, self._layers, earlier)[1]
        self._known = known
        self._white = 1.0 if earlier else _white(self._layers, found)

    def read(self, number: int, plate: Shot) -> AsPainted | None:
        """The painted frame of this number; None where that of ``plate`` is not the one that was painted."""
        for source in self._sources:
            if source.plate_number == number and (painted := self._read(source, plate)):
                return painted
        return None

    def _read(self, source: Source, plate: Shot) -> AsPainted | None:
        with suppress(UnderstudyError):  # of another size, or without its channels: another plate
            read = read_pair(replace(source, plate=plate, extras=()), self._layers)
            if read.hash in self._known.get(source.plate_number, ()):
                values = read.after
                if self._layers.kind == "matte":
                    values = np.clip(values / np.float32(self._white), 0.0, 1.0)
                return _counted(values, np.array(read.region, np.float32), read.hash)
        return None


def _white(layers: Layers, sources: Sequence[Source]) -> float:
    """Which file value is white, as it was for the training: by all truths together."""
    if layers.kind != "matte":
        return 1.0
    truths = (source.truth.read(source.truth_number) for source in sources)
    return white_of(max(largest_of(truth.planes(resolve_like(truth, layers.truths))) for truth in truths))


def _counted(values: np.ndarray, weight: np.ndarray, mark: str) -> AsPainted:
    """What is no number does not count."""
    finite = np.isfinite(values).all(2, keepdims=True)
    return AsPainted(np.where(finite, values, np.float32(0)).astype(np.float32), weight * finite, mark)


def read_corrected(
    correction: Correction, number: int, plate: Shot, own: Shot, inputs: Sequence[str], outputs: Sequence[str]
) -> AsPainted | None:
    """What a correction says of a frame; None where it says nothing that can be given out, or the frame of
    ``plate`` is not that of the run's ``own``. ``inputs``, ``outputs``: the network's channels. RunError,
    FrameError or SizeError when its pictures do not fit."""
    if correction.kind not in GIVEN or not _is_same(plate, own, number):
        return None
    frame = plate.read(number)
    if correction.kind == "empty":
        return _empty(frame, inputs, outputs)
    truth = read_correction_picture(correction.truth_path(number), frame, outputs)
    mark = truth.content
    weight = np.ones((frame.display_window.height, frame.display_window.width, 1), np.float32)
    if correction.kind == "strokes":
        mask = read_correction_picture(correction.mask_path(number), frame)
        told = np.nan_to_num(mask.planes(mask.part.channels[:1]), nan=0.0, posinf=0.0, neginf=0.0)
        weight, mark = np.clip(told, 0.0, 1.0), mark + mask.content
    return _counted(truth.planes(outputs), weight, mark)


def _empty(frame: Frame, inputs: Sequence[str], outputs: Sequence[str]) -> AsPainted | None:
    """A matte of nothing, or the plate as it is."""
    size = frame.display_window.height, frame.display_window.width, 1
    if set(outputs) <= set(inputs):
        names = resolve_like(frame, inputs)
        values = seen_planes(frame, [names[list(inputs).index(name)] for name in outputs])
    elif len(outputs) == 1:
        values = np.zeros(size, np.float32)
    else:
        return None
    return _counted(values, np.ones(size, np.float32), "empty " + frame.content)


def _is_same(plate: Shot, own: Shot, number: int) -> bool:
    """Whether two shots have the same frame of this number: the same file, or the same values."""
    try:
        if plate.path(number) == own.path(number) and not plate.is_movie:
            return True
        if not plate.is_movie and not own.is_movie and plate.content(number) == own.content(number):
            return True
        return plate.read(number).content == own.read(number).content
    except UnderstudyError:
        return False


def open_plates(settings: TrainSettings, earlier: bool) -> list[Shot | None]:
    """The plates of a run, in order; None for one that is away."""
    shots: list[Shot | None] = []
    for spec in settings.data.input:
        try:
            shots.append(open_shot(spec, part=settings.data.part, as_held=earlier))
        except UnderstudyError:
            shots.append(None)
    return shots
