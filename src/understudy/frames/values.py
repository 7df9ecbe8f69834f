"""Values as a file stores them <-> float32, as OpenImageIO scales them: integers fill 0 to 1, floats stay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

HALF_MAX = np.float32(65504.0)

DTYPES: dict[str, np.dtype] = {
    "uint8": np.dtype(np.uint8),
    "uint16": np.dtype(np.uint16),
    "uint": np.dtype(np.uint32),
    "half": np.dtype(np.float16),
    "float": np.dtype(np.float32),
}


def to_float32(stored: np.ndarray) -> np.ndarray:
    """File values in any of the stored types as float32 of the same shape; float32 itself is not copied."""
    if stored.dtype.kind != "u":
        return stored.astype(np.float32, copy=False)
    if stored.dtype.itemsize > 2:
        return (stored / float(np.iinfo(stored.dtype).max)).astype(np.float32)
    return np.multiply(stored, np.float32(1.0 / np.iinfo(stored.dtype).max), dtype=np.float32)


def interleaved(planes: Sequence[np.ndarray]) -> np.ndarray | None:
    """The array (height, width, planes) whose channels these are, all of them and in order; None where there
    is none. What is done to it at once takes a quarter of the time."""
    whole = planes[0].base if planes else None
    if whole is None or whole.ndim != 3 or whole.shape[2] != len(planes):
        return None
    start, (*strides, step) = whole.ctypes.data, whole.strides
    alike = all(
        plane.base is whole
        and plane.shape == whole.shape[:2]
        and [*plane.strides] == strides  # a square one that is turned differs in nothing else
        and plane.ctypes.data == start + index * step
        for index, plane in enumerate(planes)
    )
    return whole if alike else None


def from_float32(values: np.ndarray, kind: str, bits: int = 0) -> np.ndarray:
    """float32 file values in the stored type ``kind`` (a key of ``DTYPES``).

    Integers are clamped to 0..1 and rounded to the nearest code; NaN becomes 0. ``bits`` is the depth that
    the file really stores when that is less than the type holds (10 in a DPX): values are then rounded to
    that depth, since writers cut the lower bits off. Half is clamped to its largest finite value, so that a
    bright pixel does not become Inf.
    """
    dtype = DTYPES[kind]
    if dtype.kind == "f":
        return _to_half(values) if dtype.itemsize == 2 else values.astype(np.float32, copy=False)
    width = dtype.itemsize * 8
    depth = bits if 0 < bits < width else width
    wide = values.astype(np.float64) if width > 16 else values
    codes = np.rint(_unit(wide) * (2**depth - 1)).astype(dtype)
    return _fill_lower_bits(codes, depth, width)


def is_finite(stored: np.ndarray) -> np.ndarray:
    """True where a stored value is neither NaN nor Inf; faster for half than numpy's own."""
    if stored.dtype == np.float16:
        return (stored.view(np.uint16) & 0x7C00) != 0x7C00
    if stored.dtype.kind == "u":
        return np.ones(stored.shape, dtype=bool)
    return np.isfinite(stored)


def _unit(values: np.ndarray) -> np.ndarray:
    return np.clip(np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)


def _to_half(values: np.ndarray) -> np.ndarray:
    clamped = np.clip(values, -HALF_MAX, HALF_MAX)
    infinite = np.isinf(values)
    if infinite.any():
        clamped[infinite] = values[infinite]
    return clamped.astype(np.float16)


def _fill_lower_bits(codes: np.ndarray, depth: int, width: int) -> np.ndarray:
    """Codes of ``depth`` bits in ``width`` bits, the upper bits repeated below, as OpenImageIO reads them."""
    if depth == width:
        return codes
    filled = codes << (width - depth)
    while depth < width:
        filled |= filled >> depth
        depth *= 2
    return filled
