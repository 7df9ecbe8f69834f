"""How much two image files differ, in code values of their depth."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from understudy.errors import UnderstudyError
from understudy.frames.frame import Part, stored_bits
from understudy.frames.image_file import read_image_file

HALF_A_CODE = 0.5
"""Files that differ by no more than this, in code values, are the same picture."""
DARK = 1 / 64
"""Floats come in ever finer steps towards 0. What is darker than this is told apart no further than here."""


def largest_difference(one: Path, other: Path) -> float:
    """The largest difference of any value of two files, in code values: of an integer file its own; of
    floats, also of 32 bits, the steps that half floats have at that value. Infinite where the files do not
    have the same parts, channels, sizes and depth, or one cannot be read, or holds NaN or Inf where the other
    does not."""
    try:
        parts = read_image_file(one).parts, read_image_file(other).parts
    except UnderstudyError:
        return math.inf
    if [_layout(part) for part in parts[0]] != [_layout(part) for part in parts[1]]:
        return math.inf
    return max(
        difference_of_planes(a.pixels[name], b.pixels[name], stored_bits(a.spec))
        for a, b in zip(*parts, strict=True)
        for name in a.channels
    )


def _layout(part: Part) -> tuple[object, ...]:
    return part.channels, part.kinds, part.data_window, part.display_window


def difference_of_planes(a: np.ndarray, b: np.ndarray, bits: int) -> float:
    """The largest difference of two planes of one type, whose values have so many ``bits`` in their file: in
    code values, as ``largest_difference``."""
    if np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
        return 0.0
    if a.dtype.kind == "u":
        depth = a.dtype.itemsize * 8
        codes = np.abs(a.astype(np.int64) - b.astype(np.int64)).max()
        return float(codes) * ((2.0**bits - 1) / (2.0**depth - 1) if 0 < bits < depth else 1.0)
    first, second = a.astype(np.float64), b.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        size = np.clip(np.maximum(np.abs(first), np.abs(second)), DARK, 65504.0)
        steps = np.abs(first - second) / np.exp2(np.floor(np.log2(size)) - 10)
    return float(np.where(same, 0.0, np.where(np.isfinite(steps), steps, math.inf)).max())
