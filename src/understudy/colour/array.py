"""The encoding on numpy arrays. ``tensor.py`` is the same on tensors."""

from __future__ import annotations

import math

import numpy as np

from understudy.colour.encoding import ColourEncoding

LARGEST = np.finfo(np.float32).max


def encode(pixels: np.ndarray, encoding: ColourEncoding) -> np.ndarray:
    """File values of any shape -> network values, a new float32 array of that shape.

    Finite values stay finite. ``decode`` gives a value v back within 2e-6 |v| for scene-linear material up
    to 65504 (every half float comes back bit for bit), within 5e-6 |v| there for any k, and within 2e-5 |v|
    over all of float32; an offset adds 2e-7 of its own size.
    """
    t = _normalised(pixels, encoding)
    if encoding.k == 0.0:
        return t
    size = np.abs(t)
    root = np.sqrt(size + np.float32(1.0 / encoding.k))
    root *= np.float32(math.sqrt(encoding.k))
    root += np.float32(1.0)
    # log1p(u) = 2 log1p(u / (1 + sqrt(1 + u))): the right side does not overflow where u = k |t| does.
    size /= root
    size *= np.float32(encoding.k)
    np.log1p(size, out=size)
    size *= np.float32(2.0 / math.log1p(encoding.k))
    return np.copysign(size, t, out=size)


def decode(values: np.ndarray, encoding: ColourEncoding) -> np.ndarray:
    """Network values of any shape -> file values, a new float32 array of that shape; undoes ``encode``."""
    v = np.array(values, dtype=np.float32)
    if encoding.k != 0.0:
        v = _from_curve(v, encoding.k)
    if encoding.scale != 1.0:
        v *= np.float32(encoding.scale)
    if encoding.offset != 0.0:
        v += np.float32(encoding.offset)
    return v


def _normalised(pixels: np.ndarray, encoding: ColourEncoding) -> np.ndarray:
    t = np.array(pixels, dtype=np.float32)
    if encoding.offset != 0.0:
        t -= np.float32(encoding.offset)
    if encoding.scale != 1.0:
        t /= np.float32(encoding.scale)
    return t


def _from_curve(net: np.ndarray, k: float) -> np.ndarray:
    """expm1(y) / k as e (e + 2) / k with e = expm1(y / 2), which does not overflow before the value does.

    Ends at the largest float32, so that no finite network value becomes an Inf in a file.
    """
    half = np.abs(net)
    half *= np.float32(0.5 * math.log1p(k))
    with np.errstate(over="ignore"):
        np.expm1(half, out=half)
        size = half + np.float32(2.0)
        half /= np.float32(k)
        size *= half
    np.minimum(size, LARGEST, out=size)
    return np.copysign(size, net, out=size)
