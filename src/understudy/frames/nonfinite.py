"""NaN and Inf: what the network sees instead, and which pixels keep the plate's value."""

from __future__ import annotations

import numpy as np

from understudy.frames.values import is_finite, to_float32

NEAR = 8  # pixels within which the nearest finite value is exact
HUGE = 1e30  # what renderers write where there is nothing: no value of a picture
MANY = 65_536  # bad pixels above which only rows and columns are searched


def keep_plate(values: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """float32 ``values``, but the plate's value wherever either of the two is NaN or Inf.

    ``plate`` has the same shape, in any stored type. ``values`` itself is returned when nothing is to be
    kept.
    """
    usable = np.isfinite(values)
    usable &= is_finite(plate)
    if usable.all():
        return values.astype(np.float32, copy=False)
    return np.where(usable, values, to_float32(plate)).astype(np.float32, copy=False)


def fill_nonfinite(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every NaN and Inf, and what is as large as ``HUGE``, of float32 (height, width, channels) replaced by
    the nearest other value of its channel.

    Returns the filled pixels (the same array when all is finite, else a new one) and a mask (height, width,
    channels) that is True where a value was replaced. The nearest is exact up to 8 pixels away; in larger
    holes it is the nearest along the row and the column. A channel without one finite value becomes 0.
    """
    if not pixels.size or (pixels.min() > -HUGE and pixels.max() < HUGE):  # false for NaN
        return pixels, np.zeros(pixels.shape, bool)
    bad = is_bad(pixels)
    filled = pixels.copy()
    for channel in np.flatnonzero(bad.any(axis=(0, 1))):
        filled[..., channel] = _fill_plane(pixels[..., channel], bad[..., channel])
    return filled, bad


def is_bad(pixels: np.ndarray) -> np.ndarray:
    """True where a value is NaN or Inf, or as large as ``HUGE``."""
    bad = pixels < HUGE  # two masks, as a copy of float32 values would be much larger
    bad &= pixels > -HUGE
    np.logical_not(bad, out=bad)
    return bad


def _fill_plane(plane: np.ndarray, bad: np.ndarray) -> np.ndarray:
    if bad.all():
        return np.zeros_like(plane)
    filled = plane.copy()
    rows, columns = np.nonzero(bad)
    if len(rows) > MANY:
        return _fill_along_axes(filled, bad)
    left = _fill_near(filled, plane, bad, rows, columns)
    if left.any():
        far = bad.copy()
        far[rows[~left], columns[~left]] = False
        return _fill_along_axes(filled, far)
    return filled


def _fill_near(
    filled: np.ndarray, plane: np.ndarray, bad: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Write the exact nearest value within ``NEAR`` into ``filled``; returns which pixels found none."""
    height, width = plane.shape
    left = np.ones(len(rows), dtype=bool)
    for dy, dx in _offsets_by_distance():
        index = np.flatnonzero(left)
        if not len(index):
            break
        y, x = rows[index] + dy, columns[index] + dx
        index = index[(y >= 0) & (y < height) & (x >= 0) & (x < width)]
        index = index[~bad[rows[index] + dy, columns[index] + dx]]
        filled[rows[index], columns[index]] = plane[rows[index] + dy, columns[index] + dx]
        left[index] = False
    return left


def _offsets_by_distance() -> list[tuple[int, int]]:
    span = range(-NEAR, NEAR + 1)
    near = [(dy, dx) for dy in span for dx in span if 0 < dy * dy + dx * dx <= NEAR * NEAR]
    return sorted(near, key=lambda offset: offset[0] ** 2 + offset[1] ** 2)


def _fill_along_axes(plane: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Fill from the nearest good pixel of the row or column, and again for rows that had none."""
    for _ in range(2):
        across, across_far = _nearest_in_rows(plane, bad)
        down, down_far = (each.T for each in _nearest_in_rows(plane.T, bad.T))
        distance = np.minimum(across_far, down_far)
        found = bad & (distance < _FAR)
        plane = np.where(found, np.where(across_far <= down_far, across, down), plane)
        bad = bad & ~found
        if not bad.any():
            break
    return plane


_FAR = np.int32(2**30)


def _nearest_in_rows(plane: np.ndarray, bad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel the nearest good value in its row, and how far it is (``_FAR`` when there is none)."""
    columns = np.arange(plane.shape[1], dtype=np.int32)
    before = np.maximum.accumulate(np.where(bad, -_FAR, columns), axis=1)
    after = np.minimum.accumulate(np.where(bad, _FAR, columns)[:, ::-1], axis=1)[:, ::-1]
    back, ahead = columns - np.maximum(before, -_FAR // 2), np.minimum(after, _FAR) - columns
    nearest = np.where(back <= ahead, before, after)
    distance = np.where((before < 0) & (after >= _FAR), _FAR, np.minimum(back, ahead))
    value = np.take_along_axis(plane, np.clip(nearest, 0, plane.shape[1] - 1).astype(np.intp), axis=1)
    return value, distance
