"""The files behind a data set: where the frames of each pair are read, and their values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from understudy.dataset.empty import empty_truth
from understudy.dataset.layers import Layers, read_inputs
from understudy.errors import ChannelError
from understudy.frames import (
    Frame,
    Neighbours,
    Shot,
    check_size,
    has_alpha,
    resolve_channels,
    resolve_like,
    seen_planes,
)
from understudy.frames.matte import WHITE, Look

READERS = 4
TOGETHER = 500_000_000
"""Bytes of file values, about, that are being read at a time."""


@dataclass(frozen=True)
class Source:
    """Where the frames of a pair are read; ``beside`` has those before and after the plate's. ``convert``
    brings the truth's values, where that is to be done, to the plate's encoding; ``look`` tells how the
    region is taken. Of an ``empty`` frame, which nobody painted, the plate stands for the truth as well.
    ``share``: how often the pair comes in an epoch."""

    plate: Shot
    truth: Shot
    extras: tuple[Shot, ...]
    region: Shot | None
    plate_number: int
    truth_number: int
    beside: Neighbours
    convert: Callable[[np.ndarray], np.ndarray] | None = None
    look: Look = WHITE
    empty: bool = False
    share: float = 1.0

    @property
    def name(self) -> str:
        """What the plate's frame is called."""
        return self.plate.frame_name(self.plate_number)

    @property
    def region_number(self) -> int:
        """Which frame of the region belongs to the pair."""
        assert self.region is not None
        return self.region.numbers[0] if self.region.is_still else self.plate_number


@dataclass(frozen=True)
class Values:
    """File values of one pair over the display window: the plate, its truth, the extra layers and the region.
    ``hash`` tells those of plate and truth, ``hash_beside`` the others."""

    before: np.ndarray
    after: np.ndarray
    extras: tuple[np.ndarray, ...]
    region: np.ndarray
    hash: str
    hash_beside: str


def read_all(sources: Sequence[Source], layers: Layers, first: Frame) -> list[Values]:
    """Every pair, without the frames before and after; few at a time where frames are as large as
    ``first``."""
    readers = min(READERS, TOGETHER // (2 * max(first.nbytes, 1)))
    with ThreadPoolExecutor(max(1, readers)) as pool:
        return list(pool.map(lambda source: read_pair(source, layers), sources))


def read_both(source: Source) -> tuple[Frame, Frame]:
    """The plate and the truth of a pair."""
    return source.plate.read(source.plate_number), source.truth.read(source.truth_number)


def read_each(first: tuple[Frame, Frame], sources: Sequence[Source]) -> Iterator[tuple[Frame, Frame]]:
    """Plate and truth of every pair, one after the other; the ``first`` of them is read already."""
    yield first
    yield from map(read_both, sources[1:])


def read_pair(source: Source, layers: Layers, hashed: bool = True) -> Values:
    """File values of plate, truth, extra layers and region over the display window, and content hashes, which
    are left out where they are not wanted."""
    plate = source.plate.read(source.plate_number)
    before = seen_planes(plate, resolve_like(plate, layers.inputs))
    after = empty_truth(before, *layers.effect) if source.empty else _read_painted(source, plate, layers)
    extras = tuple(read_inputs(plate, source.beside, source.extras, layers))
    region = _read_region(source, plate)
    if not hashed:
        return Values(before, after, extras, region, "", "")
    beside = extras if source.region is None else (*extras, region)
    return Values(before, after, extras, region, _digest(before, after), _digest(*beside))


def _read_painted(source: Source, plate: Frame, layers: Layers) -> np.ndarray:
    """What was painted, in the plate's encoding."""
    truth = source.truth.read(source.truth_number)
    check_size(plate, truth, "ground truth")
    after = read_truth(plate, truth, layers)
    return after if source.convert is None else source.convert(after)


def read_truth(plate: Frame, truth: Frame, layers: Layers) -> np.ndarray:
    """What is learned: colours as the network sees those of the plate, where that has an alpha to multiply
    them by; a matte, and colours of a plate without one, as their file holds them. Of several mattes those
    that the truth has not are NaN everywhere: not known."""
    if layers.mattes > 1:
        return _read_mattes(truth, layers)
    own = resolve_like(truth, layers.truths)
    if layers.kind == "matte" or layers.unmix != "off" or not has_alpha(plate):
        return truth.planes(own)
    return seen_planes(truth, own)


def _read_mattes(truth: Frame, layers: Layers) -> np.ndarray:
    window = truth.display_window
    values = np.full((window.height, window.width, layers.mattes), np.nan, np.float32)
    for index, name in enumerate(layers.truths):
        with suppress(ChannelError):
            values[..., index] = truth.planes(resolve_channels(truth, name)[:1])[..., 0]
    return values


class Behind:
    """The frames before and after the plate of a pair, then its extra layers again: their file values, each
    read when the one before it may be let go. ``hash`` tells them, and the region, when all have been."""

    def __init__(self, source: Source, layers: Layers) -> None:
        self._source, self._layers = source, layers
        self._digest = hashlib.sha256()

    def __iter__(self) -> Iterator[np.ndarray]:
        source = self._source
        plate = source.plate.read(source.plate_number)
        for planes in read_inputs(plate, source.beside, source.extras, self._layers):
            _add(self._digest, planes)
            yield planes
        if source.region is not None:
            _add(self._digest, _read_region(source, plate))

    @property
    def hash(self) -> str:
        return self._digest.hexdigest()


def _digest(*parts: np.ndarray) -> str:
    """SHA-256 of the values of all parts."""
    digest = hashlib.sha256()
    for part in parts:
        _add(digest, part)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, planes: np.ndarray) -> None:
    """Without a copy, as frames can be large."""
    digest.update(np.ascontiguousarray(planes).data)


def _read_region(source: Source, plate: Frame) -> np.ndarray:
    window = plate.display_window
    if source.region is None:
        return np.broadcast_to(np.float32(1), (window.height, window.width, 1))
    frame = source.region.read(source.region_number)
    check_size(plate, frame, "region")
    return source.look.values(frame.planes((source.look.channel(frame),)))
