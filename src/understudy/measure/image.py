"""One image against its ground truth.

All functions take two arrays of one shape, of any number of dimensions, and give a plain float. Pixels whose
ground truth is not finite are left out; a NaN of the result elsewhere makes the score NaN, since a broken
result has none. Values are display-referred, 0 to 1; convert scene-linear ones first.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

BAND = 1 << 20
PERFECT_PSNR = 100.0
"""dB of two equal images: a finite number, so that means and JSON files stay finite."""


def mean_squared_error(result: np.ndarray, truth: np.ndarray) -> float:
    """Mean of (result - truth) squared, in squared value units; NaN when nothing can be compared."""
    return _mean(np.square, result, truth)


def mean_absolute_error(result: np.ndarray, truth: np.ndarray) -> float:
    """Mean of |result - truth|, in value units, 0 to 1 for a matte; NaN when nothing can be compared."""
    return _mean(np.abs, result, truth)


def psnr(result: np.ndarray, truth: np.ndarray, *, peak: float = 1.0, clip: bool = True) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels; higher is better, 100 at most.

    ``peak`` is the value of white. With ``clip`` both sides are first limited to 0..``peak``, as a screen
    does. As a guide: 20 dB is another picture, 30 a visible difference, 40 one that takes flipping to and
    fro.
    """
    error = _mean(np.square, result, truth, peak if clip else None) / (peak * peak)
    if error <= 10 ** (-PERFECT_PSNR / 10):
        return PERFECT_PSNR
    return -10.0 * math.log10(error) if math.isfinite(error) else math.nan


def iou(result: np.ndarray, truth: np.ndarray, *, threshold: float = 0.5) -> float:
    """Intersection over union of two mattes, 0 to 1; a pixel belongs to a matte above ``threshold``.

    Two mattes with nothing in them agree: 1.
    """
    _check_shapes(result, truth)
    known = np.isfinite(truth)
    if not known.any() or np.isnan(result[known]).any():
        return math.nan
    ours, theirs = result[known] > threshold, truth[known] > threshold
    union = int(np.count_nonzero(ours | theirs))
    return np.count_nonzero(ours & theirs) / union if union else 1.0


def _mean(
    of: Callable[[np.ndarray], np.ndarray], result: np.ndarray, truth: np.ndarray, peak: float | None = None
) -> float:
    """Mean of ``of(result - truth)``, both limited to 0..``peak``; in bands of rows, as float64 differences
    of a large frame take more memory than the frame."""
    _check_shapes(result, truth)
    ours, theirs = np.atleast_1d(result), np.atleast_1d(truth)
    rows = max(1, BAND // max(1, theirs[:1].size))
    total, count = 0.0, 0
    for top in range(0, len(theirs), rows):
        difference = _difference(ours[top : top + rows], theirs[top : top + rows], peak)
        total += float(of(difference).sum())
        count += difference.size
    return total / count if count else math.nan


def _difference(result: np.ndarray, truth: np.ndarray, peak: float | None) -> np.ndarray:
    """Where the truth is finite; what is infinite there is left out, and does not count as white."""
    known = np.isfinite(truth)
    if peak is not None:
        result, truth = np.clip(result, 0.0, peak), np.clip(truth, 0.0, peak)
    if known.all():
        return np.subtract(result, truth, dtype=np.float64)
    return np.subtract(result[known], truth[known], dtype=np.float64)


def _check_shapes(result: np.ndarray, truth: np.ndarray) -> None:
    if np.shape(result) != np.shape(truth):
        raise ValueError(f"a result of shape {np.shape(result)} and a truth of shape {np.shape(truth)}")
