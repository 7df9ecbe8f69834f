"""The frames that a run learned from, and those that were corrected, as they were painted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from understudy.colour import encoding_for
from understudy.dataset.colours import settle_colours
from understudy.dataset.corrected import planes_of_correction, read_correction_picture
from understudy.dataset.empty import empty_truth, tells_of
from understudy.dataset.empty_frames import every_empty
from understudy.dataset.layers import choose_layers
from understudy.dataset.matching import match
from understudy.dataset.mattes import ONE, whites_of
from understudy.dataset.sources import Source, read_both, read_each, read_pair, read_truth
from understudy.dataset.unmix import parts_of
from understudy.errors import PairingError, UnderstudyError
from understudy.frames import Frame, Shot, check_size, open_shot, resolve_like, seen_planes
from understudy.frames.held_shot import HeldShot
from understudy.frames.matte import scaled
from understudy.runs.corrections import Correction
from understudy.settings import TrainSettings

Effect = tuple[str, Sequence[str], Sequence[str]]
"""What a network makes: its kind, its input and its output channels."""
GIVEN = ("ground-truth", "strokes", "empty")
"""The kinds of corrections that say what a frame is to be; "accept" says that the network's result is right,
and leaves it to the network."""
HELD = 500_000_000
"""Bytes of truths, about, that are held between what is asked of them."""


@dataclass(frozen=True, eq=False)
class AsPainted:
    """What a frame is to become, over its display window: ``values``, float32 (height, width, channels), in
    the plate's values and encoding, premultiplied, a matte from 0 to 1; and how much they count, ``weight``
    (height, width, 1), from 0 to 1, of several mattes each by itself. ``mark`` tells plate and truth."""

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
    """The pairs of a run, read as it read them, and the frames that it was told are empty. ``known``: the
    hashes of plate and truth of each frame, as the network's file has them; a frame whose values are others
    is not the one that was painted. ``keys``: of a network that keys.

    Raises what reading the pairs of a training raises."""

    def __init__(
        self, settings: TrainSettings, known: Mapping[int, Sequence[str]], earlier: bool, keys: bool = False
    ) -> None:
        data = settings.data.replace(extra=())
        frames = [source for source in match(data, earlier)[0] if not source.plate.is_set]
        if not frames:
            raise PairingError("The run learned from pictures, and not from frames of a shot.")
        found, self._truths = _held(frames)
        first = read_both(found[0])
        check_size(*first, "ground truth")
        every = partial(read_each, first, found)
        self._layers = replace(choose_layers(data, every, earlier, keys), extras=())
        space, self._sources, _ = settle_colours(settings.colour, found, first, self._layers, earlier)
        self._colour = None if self._layers.unmix == "off" else encoding_for(space.space)
        self._empty = every_empty(data, found) if tells_of(*self._layers.effect) else []
        self._known = known
        self._white = ONE
        if not earlier:
            truths = (read_truth(*both, self._layers) for both in every())
            self._white = whites_of(self._layers, truths)[0]

    @property
    def empty(self) -> frozenset[int]:
        """The frames that are said to be empty."""
        return frozenset(source.plate_number for source in self._empty)

    def let_go(self) -> None:
        """Hold no truths any more: those that are asked for again are read again."""
        for shot in self._truths:
            shot.let_go()

    def read(self, number: int, plate: Shot) -> AsPainted | None:
        """The painted frame of this number; None where that of ``plate`` is not the one that was painted."""
        for source in self._sources:
            if source.plate_number == number and (painted := self._read(source, plate)):
                return painted
        for source in self._empty:
            if source.plate_number == number and _is_same(plate, source.plate, number):
                return self._read_empty(source, plate)
        return None

    def _read_empty(self, source: Source, plate: Shot) -> AsPainted | None:
        with suppress(UnderstudyError):
            read = read_pair(replace(source, plate=plate, extras=()), self._layers)
            return _counted(read.after, np.array(read.region, np.float32), "empty " + read.hash)
        return None

    def _read(self, source: Source, plate: Shot) -> AsPainted | None:
        with suppress(UnderstudyError):  # of another size, or without its channels: another plate
            read = read_pair(replace(source, plate=plate, extras=()), self._layers)
            if read.hash in self._known.get(source.plate_number, ()):
                values = read.after
                if self._colour is not None:
                    values = parts_of(self._layers, read.before, values, self._colour, painted=True)[0]
                if self._layers.kind == "matte":
                    values = scaled(values, self._white)
                region = np.array(read.region, np.float32)
                return _counted(values, region, read.hash, self._layers.mattes > 1)
        return None


def _held(sources: Sequence[Source]) -> tuple[list[Source], list[HeldShot]]:
    """The same, reading each truth once, as far as they can be held; and what holds them."""
    shots = {id(source.truth): source.truth for source in sources}
    held = {key: HeldShot(shot, HELD // len(shots)) for key, shot in shots.items()}
    return [replace(source, truth=held[id(source.truth)]) for source in sources], [*held.values()]


def _counted(values: np.ndarray, weight: np.ndarray, mark: str, several: bool = False) -> AsPainted:
    """What is no number does not count; of ``several`` mattes each by itself."""
    finite = np.isfinite(values) if several else np.isfinite(values).all(2, keepdims=True)
    return AsPainted(np.where(finite, values, np.float32(0)).astype(np.float32), weight * finite, mark)


def read_corrected(
    correction: Correction, number: int, plate: Shot, own: Shot, effect: Effect
) -> AsPainted | None:
    """What a correction says of a frame; None where it says nothing that can be given out, or the frame of
    ``plate`` is not that of the run's ``own``. ``inputs``, ``outputs``, ``kind``: the network's channels, and
    what it makes. RunError, FrameError or SizeError when its pictures do not fit."""
    if correction.kind not in GIVEN or not _is_same(plate, own, number):
        return None
    frame = plate.read(number)
    if correction.kind == "empty":
        return _empty(frame, effect)
    kind, _, outputs = effect
    several = kind == "matte" and len(outputs) > 1
    truth = read_correction_picture(correction.truth_path(number), frame, outputs, several)
    mark = truth.content
    weight = np.ones((frame.display_window.height, frame.display_window.width, 1), np.float32)
    if correction.kind == "strokes":
        mask = read_correction_picture(correction.mask_path(number), frame)
        told = np.nan_to_num(mask.planes(mask.part.channels[:1]), nan=0.0, posinf=0.0, neginf=0.0)
        weight, mark = np.clip(told, 0.0, 1.0), mark + mask.content
    return _counted(planes_of_correction(truth, outputs), weight, mark, several)


def _empty(frame: Frame, effect: Effect) -> AsPainted | None:
    """A matte of nothing, or the plate as it is."""
    if not tells_of(*effect):
        return None
    values = empty_truth(seen_planes(frame, resolve_like(frame, effect[1])), *effect)
    return _counted(values, np.ones((*values.shape[:2], 1), np.float32), "empty " + frame.content)


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
