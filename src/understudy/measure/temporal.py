"""How steady a result is from frame to frame."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np

CODE_VALUES = 255.0


def flicker(
    results: Iterable[np.ndarray], truths: Iterable[np.ndarray], numbers: Iterable[int] | None = None
) -> float:
    """Mean absolute change, from one frame to the next, of (result - truth), in 8-bit code values.

    ``results`` and ``truths`` are frames in order, float arrays of one shape with values 0 to 1 (integers
    are not scaled); both are taken one frame at a time, so they may be generators. ``numbers`` are the frame
    numbers: frames on either side of a gap are not compared. An error that stands still counts nothing; 0 is
    perfectly steady, above about 1 the eye begins to see it. NaN when no two frames follow each other.
    """
    counted = itertools.count() if numbers is None else numbers
    changes: list[float] = []
    before: tuple[int, np.ndarray] | None = None
    for number, result, truth in zip(counted, results, truths, strict=False):
        error = np.subtract(result, truth, dtype=np.float32)
        if before is not None and number == before[0] + 1:
            changes.append(_mean_change(before[1], error))
        before = number, error
    return CODE_VALUES * sum(changes) / len(changes) if changes else math.nan


def _mean_change(before: np.ndarray, after: np.ndarray) -> float:
    change = np.abs(after - before)
    known = np.isfinite(change)
    return float(change[known].mean(dtype=np.float64)) if known.any() else 0.0
