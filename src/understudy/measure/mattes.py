"""A matte against its ground truth, by the measures of the fields of salient objects and of matting.

Mattes are (height, width), 0 to 1. Pixels whose truth is not finite are left out; a NaN of the result
elsewhere makes a measure NaN. Where a measure needs a mask, the truth is one above a half.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

BETA_SQUARED = 0.3
"""How much recall counts against precision in F (Achanta et al., 2009)."""
LEVELS = 256
ALPHA = 0.5
"""What objects count against regions in the S-measure (Fan et al., 2017)."""
SIGMA = 1.4
"""Of the Gaussian whose derivative tells a gradient (Rhemann et al., 2009)."""
LEAST = 1e-2
THOUSAND = 1000.0
TINY = np.finfo(np.float64).eps


def sad(result: np.ndarray, truth: np.ndarray) -> float:
    """Sum of absolute differences, in thousands of pixels, as matting benchmarks give it; NaN when nothing
    can be compared."""
    known = _known(result, truth)
    if not known.any():
        return math.nan
    return float(np.abs(result[known].astype(np.float64) - truth[known]).sum()) / THOUSAND


def gradient_error(result: np.ndarray, truth: np.ndarray) -> float:
    """Sum of the squared differences of the two mattes' gradients, in thousands (Rhemann et al., 2009): how
    well edges are as soft, and as straight, as they should be. NaN when nothing can be compared."""
    known = _known(result, truth)
    if not known.any():
        return math.nan
    ours = np.where(known, result, 0.0).astype(np.float64)
    theirs = np.where(known, truth, 0.0).astype(np.float64)
    apart = _gradient(ours) - _gradient(theirs)
    near = cv2.erode(known.astype(np.uint8), np.ones(_kernel().shape, np.uint8), borderValue=1) > 0
    return float(np.square(apart[near]).sum()) / THOUSAND


def _gradient(matte: np.ndarray) -> np.ndarray:
    """How steep it is at each pixel."""
    kernel = _kernel()
    across, down = (
        cv2.filter2D(matte, cv2.CV_64F, each, borderType=cv2.BORDER_REPLICATE) for each in (kernel, kernel.T)
    )
    return np.hypot(across, down)


def _kernel() -> np.ndarray:
    """The derivative of a Gaussian from left to right, with a sum of squares of 1."""
    half = math.ceil(SIGMA * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * SIGMA * LEAST)))
    places = np.arange(-half, half + 1, dtype=np.float64)
    bell = np.exp(-(places**2) / (2 * SIGMA**2)) / (SIGMA * math.sqrt(2 * math.pi))
    kernel = bell[:, None] * (-places * bell / SIGMA**2)[None, :]
    return kernel / np.sqrt(np.square(kernel).sum())


class PrecisionRecall:
    """Precision and recall at 256 thresholds, as means over the mattes that are added; those whose truth is
    empty tell nothing of it, and are left out."""

    def __init__(self) -> None:
        self.count = 0
        self._sums = np.zeros((2, LEVELS))

    def add(self, result: np.ndarray, truth: np.ndarray) -> None:
        """One more matte."""
        known = _known(result, truth)
        mask = truth[known] > 0.5
        if not mask.any() or np.isnan(result[known]).any():
            return
        levels = (np.clip(result[known], 0, 1) * (LEVELS - 1) + 0.5).astype(np.int64)
        hits = _at_least(levels[mask])
        found = hits + _at_least(levels[~mask])
        self._sums += hits / np.maximum(found, 1), hits / mask.sum()
        self.count += 1

    def f_measure(self) -> np.ndarray:
        """(256,): F with a beta squared of 0.3 at each threshold, from 0 to 1; NaN without mattes."""
        if not self.count:
            return np.full(LEVELS, math.nan)
        precision, recall = self._sums / self.count
        return (1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall + TINY)

    def max_f(self) -> float:
        """The largest of them."""
        return float(self.f_measure().max())


def _at_least(levels: np.ndarray) -> np.ndarray:
    """How many are at each of the levels, or above it."""
    return np.bincount(levels, minlength=LEVELS)[::-1].cumsum()[::-1].astype(np.float64)


def max_f(result: np.ndarray, truth: np.ndarray) -> float:
    """The largest F-measure of one matte over all thresholds; NaN where the truth is empty."""
    both = PrecisionRecall()
    both.add(result, truth)
    return both.max_f()


def s_measure(result: np.ndarray, truth: np.ndarray) -> float:
    """Structure measure, 0 to 1 (Fan et al., Structure-measure, 2017): how alike the object and its
    surroundings are, and the four parts about its centre. NaN when nothing can be compared."""
    known = _known(result, truth)
    if not known.any() or np.isnan(result[known]).any():
        return math.nan
    mask = np.where(known, truth, 0) > 0.5
    matte = np.where(known, np.clip(result, 0, 1), mask).astype(np.float64)
    share = float(mask.mean())
    if share in (0.0, 1.0):
        return float(matte.mean()) if share else 1 - float(matte.mean())
    return max(0.0, ALPHA * _of_objects(matte, mask, share) + (1 - ALPHA) * _of_regions(matte, mask))


def _of_objects(matte: np.ndarray, mask: np.ndarray, share: float) -> float:
    return share * _even(matte[mask]) + (1 - share) * _even(1 - matte[~mask])


def _even(values: np.ndarray) -> float:
    """How near to 1, and how evenly so, the values are."""
    mean = float(values.mean())
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return 2 * mean / (mean * mean + 1 + spread + TINY)


def _of_regions(matte: np.ndarray, mask: np.ndarray) -> float:
    """The likeness of the four parts that meet in the middle of the object, by their sizes."""
    rows, columns = np.nonzero(mask)
    down, across = round(float(rows.mean())) + 1, round(float(columns.mean())) + 1
    total = 0.0
    for vertical in (slice(None, down), slice(down, None)):
        for horizontal in (slice(None, across), slice(across, None)):
            part = matte[vertical, horizontal]
            if part.size:
                total += part.size * _alike(part, mask[vertical, horizontal].astype(np.float64))
    return total / mask.size


def _alike(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The structural similarity of two parts as wholes."""
    x, y, few = float(ours.mean()), float(theirs.mean()), max(ours.size - 1, 1)
    both = float(((ours - x) * (theirs - y)).sum()) / few
    spread = float(np.square(ours - x).sum() + np.square(theirs - y).sum()) / few
    above, below = 4 * x * y * both, (x * x + y * y) * spread
    if above:
        return above / (below + TINY)
    return 1.0 if below == 0 else 0.0


def _known(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    if np.shape(result) != np.shape(truth) or np.ndim(truth) != 2:
        raise ValueError(f"a result of shape {np.shape(result)} and a truth of shape {np.shape(truth)}")
    return np.isfinite(truth)
