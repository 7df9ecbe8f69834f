"""What else there is, for measuring beside it."""

from __future__ import annotations

import importlib.util

import cv2
import numpy as np

HAS_BM3D = importlib.util.find_spec("bm3d") is not None
NO_BM3D = "BM3D is not installed (pip install bm3d scipy; free for non-commercial use): left out"


def bm3d(noisy: np.ndarray, sigma: float) -> np.ndarray:
    """Noisy (H, W, 3) 0..1 through BM3D, told the true ``sigma`` of the noise."""
    from bm3d import bm3d_rgb

    return np.asarray(bm3d_rgb(noisy.astype(np.float64), sigma), np.float32)


def bicubic(values: np.ndarray, factor: int, sharpness: float = -0.5) -> np.ndarray:
    """(H, W, 3) so many times as large, pixel middles kept where they are. ``sharpness``: Keys' a, -0.5 as in
    MATLAB, Pillow and Nuke, -0.75 as in OpenCV and torch."""
    if sharpness == -0.75:
        size = values.shape[1] * factor, values.shape[0] * factor
        return cv2.resize(values, size, interpolation=cv2.INTER_CUBIC)
    tall = _stretched(values, factor, sharpness)
    return np.ascontiguousarray(_stretched(tall.transpose(1, 0, 2), factor, sharpness).transpose(1, 0, 2))


def _stretched(values: np.ndarray, factor: int, sharpness: float) -> np.ndarray:
    padded = np.pad(values, ((2, 2), (0, 0), (0, 0)), mode="edge")
    result = np.empty((len(values) * factor, *values.shape[1:]), np.float32)
    for phase in range(factor):
        place = (phase + 0.5) / factor - 0.5
        first = int(np.floor(place))
        weights = [_keys(tap - (place - first), sharpness) for tap in range(-1, 3)]
        parts = (padded[first + 1 + tap : first + 1 + tap + len(values)] for tap in range(4))
        result[phase::factor] = sum(weight * part for weight, part in zip(weights, parts, strict=True))
    return result


def _keys(x: float, a: float) -> float:
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0
