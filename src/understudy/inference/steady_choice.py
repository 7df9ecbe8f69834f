"""--stabilise auto: a few frames are tried, and what is gained there is said."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from understudy.colour import encode
from understudy.errors import UnderstudyError
from understudy.frames import format_numbers
from understudy.inference.painted import Painted
from understudy.inference.steady import Steady
from understudy.temporal import Beside, steadied, warp

PLACES = 3
"""Frames that are tried; for each, the two before and after it are made too."""
CODES = 255.0
LEAST = 0.005
"""Code values, of 8 bits, in the mean over a frame, most of which is black in a matte: less is nothing."""
SLACK = 1.02
"""A network knows the frames that it was shown best: as much more error there is none elsewhere."""
AGREE = 0.95
"""Two results of unseen frames, carried onto a painted one, have less error in their mean than each alone:
by as much, they err otherwise from frame to frame, and that is what steadying takes away."""


@dataclass(frozen=True)
class Tried:
    """One frame: by how much it was ``moved``, and its error ``before`` and ``after``, as far as what was
    painted is known; that of a result carried from ``one`` frame beside it, and of the ``mean`` of two. The
    errors are roots of mean squares, in code values of 8 bits, ``moved`` a mean absolute difference."""

    number: int
    moved: float
    before: float | None = None
    after: float | None = None
    one: float | None = None
    mean: float | None = None


def choose_strength(trial: Steady, painted: Painted) -> tuple[float, str]:
    """How much to steady results, 0 or 1, and a sentence on why.

    ``trial`` gives the network's own results; ``painted`` knows the painted frames of the whole plate, which
    are tried where there are any. The choice is the same for each part of a shot.
    """
    tried = [each for each in (_try(trial, number, painted) for number in _places(trial, painted)) if each]
    if not tried:
        return 0.0, "Stabilise: off, as no frame follows on another."
    numbers = format_numbers(tuple(sorted(each.number for each in tried)))
    moved = statistics.fmean(each.moved for each in tried)
    if moved < LEAST:
        return 0.0, f"Stabilise: off, as nothing boils on frames {numbers} ({moved:.2g} code values)."
    what = f"on frames {numbers} it moves {moved:.2g} code values in the mean"
    before, after, one, mean = (_mean(tried, name) for name in ("before", "after", "one", "mean"))
    if before is None or after is None or one is None or mean is None:
        return 1.0, f"Stabilise: on; {what}."
    errors = (
        f"{what}; the error against what was painted there goes from {before:.3g} to {after:.3g} of results "
        f"that the network knows, and from {one:.3g} to {mean:.3g} of those beside them"
    )
    gains = after <= SLACK * before or mean <= AGREE * one
    return (1.0, f"Stabilise: on; {errors}.") if gains else (0.0, f"Stabilise: off; {errors}.")


def _places(trial: Steady, painted: Painted) -> list[int]:
    whole = [n for n in sorted(trial.known) if n - 1 in trial.known and n + 1 in trial.known]
    known = [number for number in whole if number in painted.marks] or whole
    places = np.linspace(0, len(known) - 1, min(PLACES + 2, len(known)) or 1)
    inner = places[1:-1] if len(known) > PLACES else places
    return sorted({known[round(float(place))] for place in inner}) if known else []


def _try(trial: Steady, number: int, painted: Painted) -> Tried | None:
    """None where a frame cannot be read, or has none beside it."""
    try:
        own = trial.seen(number).look.values
        others = list(trial.beside(number))
        truth = painted.read(number)
    except UnderstudyError:
        return None
    if not others:
        return None
    values, _ = steadied(trial.seen(number).look, others)
    moved = _apart(values, own)
    if truth is None or not truth.is_whole or truth.values.shape != own.shape:
        return Tried(number, moved)
    target = encode(truth.values, trial.encoding)
    one, mean = _carried(others, target)
    return Tried(number, moved, _error(own, target), _error(values, target), one, mean)


def _carried(others: Sequence[Beside], target: np.ndarray) -> tuple[float | None, float | None]:
    """The error of results beside carried onto a frame: of each alone, and of their mean."""
    flows = [other.flow.enlarged(target.shape[:2]) for other in others]
    sure = np.logical_and.reduce([flow.sure for flow in flows])
    if len(others) < 2 or not sure.any():
        return None, None
    carried = [
        warp(other.look.values, flow, cubic=True)[sure] for other, flow in zip(others, flows, strict=True)
    ]
    alone = statistics.fmean(_error(each, target[sure]) for each in carried)
    return alone, _error(np.mean(carried, axis=0), target[sure])


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    difference = np.abs(a - b)
    return CODES * float(difference[np.isfinite(difference)].mean(dtype=np.float64))


def _error(a: np.ndarray, b: np.ndarray) -> float:
    difference = np.square(a - b)
    return CODES * float(np.sqrt(difference[np.isfinite(difference)].mean(dtype=np.float64)))


def _mean(tried: Sequence[Tried], name: str) -> float | None:
    known = [value for each in tried if (value := getattr(each, name)) is not None]
    return statistics.fmean(known) if known else None
