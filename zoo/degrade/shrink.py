"""The ways in which pictures are made half as large, which an enlargement has to undo."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Filter = Callable[[np.ndarray], np.ndarray]
HALF = 2
PLACES = np.arange(-7, 8, 2) / 4
"""Where the eight pixels lie that a bicubic half-size pixel is made of, in its own pixels."""


def cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic, a = -0.5: what is called bicubic by MATLAB and Pillow."""
    x = np.abs(x)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def lanczos(x: np.ndarray) -> np.ndarray:
    """Two lobes."""
    return np.where(np.abs(x) < 2, np.sinc(x) * np.sinc(x / 2), 0)


def gaussian(x: np.ndarray) -> np.ndarray:
    """A soft lens before the sensor."""
    return np.exp(-2.2 * x * x)


def box(x: np.ndarray) -> np.ndarray:
    """Sensor pixels binned."""
    return (np.abs(x) < 0.5).astype(float)


FILTERS: tuple[Filter, ...] = (box, lanczos, gaussian)


def halved(values: np.ndarray, filter_of: Filter = cubic) -> np.ndarray:
    """(H, W, 3) at half the size, both even, through a filter that is as wide as the new pixels ask for."""
    taps = np.float32(filter_of(PLACES))
    taps /= taps.sum()
    padded = cv2.copyMakeBorder(values, 4, 4, 4, 4, cv2.BORDER_REFLECT)
    whole = cv2.sepFilter2D(padded, -1, taps, taps, anchor=(3, 3), borderType=cv2.BORDER_REFLECT)
    return np.ascontiguousarray(whole[4 : 4 + len(values) : 2, 4 : 4 + values.shape[1] : 2])
