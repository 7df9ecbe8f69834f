"""Downsampling and smoothing of curves for display; peaks and dips are kept."""

from __future__ import annotations

import numpy as np


def downsample(values: np.ndarray, points: int) -> np.ndarray:
    """Indices of at most about ``points`` of ``values`` (1-D, NaN allowed), sorted, first and last included.

    The range is cut into points/2 pieces; of each the lowest and the highest value stay, so that no peak and
    no dip is lost. NaN counts as neither.
    """
    count = len(values)
    if count <= max(points, 4):
        return np.arange(count)
    pieces = max(1, points // 2 - 1)
    edges = np.linspace(0, count, pieces + 1).astype(np.int64)
    width = int(np.diff(edges).max())
    places = edges[:-1, None] + np.arange(width)
    inside = places < edges[1:, None]
    table = np.where(inside, values[np.minimum(places, count - 1)], np.nan)
    low = np.where(np.isnan(table), np.inf, table).argmin(axis=1)
    high = np.where(np.isnan(table), -np.inf, table).argmax(axis=1)
    return np.unique(np.concatenate([edges[:-1] + low, edges[:-1] + high, [0, count - 1]]))


def smooth(values: np.ndarray, smoothness: float) -> np.ndarray:
    """``values`` smoothed over a window that grows from one step (0) to a quarter of the curve (1).

    Centred, so that the curve does not lag; a moving average applied twice. NaN leave no hole.
    """
    count = len(values)
    half = int(window(count, smoothness)) // 2
    if half < 1:
        return values
    return _average(_average(values, half), half)


def window(count: int, smoothness: float) -> float:
    """The width of the smoothing window in steps."""
    return max(1.0, count / 4) ** min(max(smoothness, 0.0), 1.0)


def _average(values: np.ndarray, half: int) -> np.ndarray:
    known = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    number = np.concatenate([[0], np.cumsum(known)])
    at = np.arange(len(values))
    # Towards the ends the window shrinks, so that it does not lag, but not to nothing: no spike at the end.
    reach = np.minimum(half, np.maximum(np.minimum(at, len(values) - 1 - at), half // 3))
    low, high = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(values))
    count = number[high] - number[low]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, (total[high] - total[low]) / count, np.nan)


def four_digits(values: np.ndarray) -> list[float | None]:
    """Values with four significant digits, for sending; what is not finite becomes None."""
    return [float(f"{value:.4g}") if np.isfinite(value) else None for value in values.tolist()]
