"""One image against its ground truth.

All functions take two arrays of one shape, of any number of dimensions, and give a plain float. Pixels whose
ground truth is not finite are left out; a NaN of the result elsewhere makes the score NaN, since a broken
result has none. Values are display-referred, 0 to 1; convert scene-linear ones first.
"""

from __future__ import annotations

import math

import numpy as np

PERFECT_PSNR = 100.0
"""dB of two equal images: a finite number, so that means and JSON files stay finite."""


def mean_squared_error(result: np.ndarray, truth: np.ndarray) -> float:
    """Mean of (result - truth) squared, in squared value units; NaN when nothing can be compared."""
    difference = _difference(result, truth)
    return float(np.mean(difference * difference)) if difference.size else math.nan


def mean_absolute_error(result: np.ndarray, truth: np.ndarray) -> float:
    """Mean of |result - truth|, in value units, 0 to 1 for a matte; NaN when nothing can be compared."""
    difference = _difference(result, truth)
    return float(np.mean(np.abs(difference))) if difference.size else math.nan


def psnr(result: np.ndarray, truth: np.ndarray, *, peak: float = 1.0, clip: bool = True) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels; higher is better, 100 at most.

    ``peak`` is the value of white. With ``clip`` both sides are first limited to 0..``peak``, as a screen
    does. As a guide: 20 dB is another picture, 30 a visible difference, 40 one that takes flipping to and
    fro.
    """
    if clip:
        result, truth = np.clip(result, 0.0, peak), _clip_finite(truth, peak)
    error = mean_squared_error(result, truth) / (peak * peak)
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


def _clip_finite(truth: np.ndarray, peak: float) -> np.ndarray:
    """``truth`` limited to 0..peak, with Inf left as it is: it is to be left out, not to count as white."""
    return np.where(np.isfinite(truth), np.clip(truth, 0.0, peak), np.nan)


def _difference(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    _check_shapes(result, truth)
    known = np.isfinite(truth)
    if known.all():
        return np.subtract(result, truth, dtype=np.float64)
    return np.subtract(result[known], truth[known], dtype=np.float64)


def _check_shapes(result: np.ndarray, truth: np.ndarray) -> None:
    if np.shape(result) != np.shape(truth):
        raise ValueError(f"a result of shape {np.shape(result)} and a truth of shape {np.shape(truth)}")
