"""The structural similarity of two images."""

from __future__ import annotations

import math

import cv2
import numpy as np

SIDE, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03


def ssim(result: np.ndarray, truth: np.ndarray) -> float:
    """Mean structural similarity (Wang et al., 2004), -1 to 1, over pixels and channels of two images
    (height, width, channels) or (height, width), display-referred, 0 to 1; both are limited to that first.

    Means and variances are those of a Gaussian window of 11 pixels. Windows beyond the edge, or with a pixel
    whose truth is not finite, are left out; of images smaller than a window all pixels count. NaN when
    nothing can be compared, and for a result that is NaN where the truth is known.
    """
    if np.shape(result) != np.shape(truth) or np.ndim(truth) not in (2, 3):
        raise ValueError(f"a result of shape {np.shape(result)} and a truth of shape {np.shape(truth)}")
    ours, theirs = (each.reshape(*each.shape[:2], -1) for each in (result, truth))
    scores = [_of_channel(ours[..., index], theirs[..., index]) for index in range(ours.shape[2])]
    known = [score for score in scores if score is not None]
    return float(np.mean(known)) if known else math.nan


def _of_channel(ours: np.ndarray, theirs: np.ndarray) -> float | None:
    """None where nothing can be compared."""
    known = np.isfinite(theirs)
    if not known.any():
        return None
    a = np.where(known, np.clip(ours, 0, 1), 0).astype(np.float64)
    b = np.where(known, np.clip(theirs, 0, 1), 0).astype(np.float64)
    mean_a, mean_b = _blurred(a), _blurred(b)
    var_a, var_b = _blurred(a * a) - mean_a**2, _blurred(b * b) - mean_b**2
    both = _blurred(a * b) - mean_a * mean_b
    score = (2 * mean_a * mean_b + K1**2) * (2 * both + K2**2)
    score /= (mean_a**2 + mean_b**2 + K1**2) * (var_a + var_b + K2**2)
    inside = _whole_windows(known)
    return float(score[inside if inside.any() else known].mean())


def _blurred(plane: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(plane, (SIDE, SIDE), SIGMA, borderType=cv2.BORDER_REFLECT_101)


def _whole_windows(known: np.ndarray) -> np.ndarray:
    """The middles of windows that lie inside, and of which everything is known."""
    window = np.ones((SIDE, SIDE), np.uint8)
    eroded = cv2.erode(
        known.astype(np.uint8), window, borderType=cv2.BORDER_CONSTANT, borderValue=(0.0, 0.0, 0.0, 0.0)
    )
    return np.asarray(eroded) > 0
