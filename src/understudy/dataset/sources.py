"""The files behind a data set: which plate frame belongs to which truth, and their values."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from understudy.dataset.layers import Layers, read_inputs
from understudy.errors import PairingError, SizeError
from understudy.frames import Frame, Neighbours, Shot, format_numbers, open_shot, pair_shots
from understudy.settings import TrainSettings

READERS = 4


@dataclass(frozen=True)
class Source:
    """Where the frames of a pair are read; ``beside`` has those before and after the plate's."""

    plate: Shot
    truth: Shot
    extras: tuple[Shot, ...]
    region: Shot | None
    plate_number: int
    truth_number: int
    beside: Neighbours


@dataclass(frozen=True)
class Values:
    """File values of one pair over the display window: the plate, its truth, everything behind the plate, and
    the region; ``hash`` tells those of plate and truth, ``hash_beside`` the others."""

    before: np.ndarray
    after: np.ndarray
    extras: tuple[np.ndarray, ...]
    region: np.ndarray
    hash: str
    hash_beside: str


def match(settings: TrainSettings) -> tuple[list[Source], list[str]]:
    """Every pair of the settings' shots, and sentences on what is left over. PairingError where there is
    none."""
    sources: list[Source] = []
    notes: list[str] = []
    extras = tuple(open_shot(spec) for spec in settings.extra)
    region = open_shot(settings.region) if settings.region else None
    for plate_spec, truth_spec in zip(settings.input, settings.ground_truth, strict=True):
        plate = open_shot(plate_spec, part=settings.part)
        truth = open_shot(truth_spec, frames=settings.frames)
        pairing = pair_shots(plate, truth, settings.pair_by)
        notes += _name_unmatched(plate, truth, pairing.unmatched_truth)
        if settings.pair_by == "order":
            notes.append(_name_order(plate, truth, pairing.pairs))
        beside = Neighbours(plate)
        sources += [Source(plate, truth, extras, region, a, b, beside) for a, b in pairing.pairs]
    if not sources:
        raise PairingError("There are no pairs.", remedy="Check --input, --ground-truth and --frames.")
    return sources, notes


def _name_order(plate: Shot, truth: Shot, pairs: tuple[tuple[int, int], ...]) -> str:
    """Pairs by order are wrong without a sign where a frame is missing: so it is said which they are."""
    befores, afters = (tuple(numbers) for numbers in zip(*pairs, strict=True))
    left = len(plate.numbers) - len(pairs)
    rest = f"; {left} frames of the plate are left over" if left else ""
    both = f"{plate.spec} {format_numbers(befores)} with {truth.spec} {format_numbers(afters)}"
    return f"Paired by their order: {both}{rest}"


def _name_unmatched(plate: Shot, truth: Shot, unmatched: tuple[int, ...]) -> list[str]:
    if not unmatched:
        return []
    return [f"Not used, as {plate.spec} has no such frames: {truth.spec} {format_numbers(unmatched)}"]


def read_all(sources: Sequence[Source], layers: Layers) -> list[Values]:
    """Every pair."""
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(lambda source: _read_pair(source, layers), sources))


def read_both(source: Source) -> tuple[Frame, Frame]:
    """The plate and the truth of a pair."""
    return source.plate.read(source.plate_number), source.truth.read(source.truth_number)


def _read_pair(source: Source, layers: Layers) -> Values:
    """File values of plate, truth, extra layers and region over the display window, and content hashes."""
    plate, truth = read_both(source)
    _check_sizes(plate, truth)
    before = plate.planes(layers.inputs)
    after = truth.planes(layers.truths)
    extras = read_inputs(plate, source.beside, source.extras, layers)
    region = _read_region(source, plate)
    told = extras if source.region is None else (*extras, region)
    return Values(before, after, extras, region, _digest(before, after), _digest(*told))


def add_neighbours(sources: Sequence[Source], values: list[Values], layers: Layers) -> None:
    """Put the frames before and after, which ``layers`` names, into ``values``."""
    with ThreadPoolExecutor(READERS) as pool:
        for index, beside in enumerate(pool.map(lambda source: _read_beside(source, layers), sources)):
            own = values[index]
            extras = (*beside, *own.extras)
            told = extras if sources[index].region is None else (*extras, own.region)
            values[index] = replace(own, extras=extras, hash_beside=_digest(*told))


def _read_beside(source: Source, layers: Layers) -> list[np.ndarray]:
    plate = source.plate.read(source.plate_number)
    return list(source.beside.about(plate, layers.inputs, layers.offsets))


def _digest(*parts: np.ndarray) -> str:
    """SHA-256 of the values of all parts; without a copy of them, as frames can be large."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def _check_sizes(plate: Frame, other: Frame) -> None:
    a, b = plate.display_window, other.display_window
    if (a.width, a.height) != (b.width, b.height):
        raise SizeError(
            "Two frames that belong together differ in size.",
            expected=f"a display window of {a.width} x {a.height}, as in {plate.path.name}",
            found=f"{b.width} x {b.height} in {other.path.name}",
            where=str(other.path),
            remedy="Reformat one of them, so that both have the same format.",
        )


def _read_region(source: Source, plate: Frame) -> np.ndarray:
    window = plate.display_window
    if source.region is None:
        return np.broadcast_to(np.float32(1), (window.height, window.width, 1))
    number = source.region.numbers[0] if source.region.is_still else source.plate_number
    frame = source.region.read(number)
    _check_sizes(plate, frame)
    alphas = [name for name in frame.part.channels if name.rpartition(".")[2].lower() in ("a", "alpha")]
    return np.clip(np.nan_to_num(frame.planes((alphas or frame.part.channels)[:1])), 0, 1)
