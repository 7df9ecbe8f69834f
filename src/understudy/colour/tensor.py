"""The encoding on torch tensors, on any device. ``array.py`` is the same on numpy arrays.

Only elementwise operations with no branch on the data, so that it can be traced and exported.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from understudy.colour.encoding import ColourEncoding

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 3.4028234663852886e38


def encode_tensor(pixels: Tensor, encoding: ColourEncoding) -> Tensor:
    """Float32 file values of any shape -> network values of that shape; the given tensor is not changed.

    Keeps device and memory format. Exactness as in ``array.encode``. An identity gives the tensor itself.
    """
    t = _normalised(pixels, encoding)
    if encoding.k == 0.0:
        return t
    size = t.abs()
    root = (size + 1.0 / encoding.k).sqrt() * math.sqrt(encoding.k) + 1.0
    half = ((size / root) * encoding.k).log1p()
    return (half * (2.0 / math.log1p(encoding.k))).copysign(t)


def decode_tensor(values: Tensor, encoding: ColourEncoding) -> Tensor:
    """Network values of any shape -> file values of that shape; undoes ``encode_tensor``."""
    v = values if encoding.k == 0.0 else _from_curve(values, encoding.k)
    if encoding.scale != 1.0:
        v = v * encoding.scale
    return v + encoding.offset if encoding.offset != 0.0 else v


def _normalised(pixels: Tensor, encoding: ColourEncoding) -> Tensor:
    t = pixels - encoding.offset if encoding.offset != 0.0 else pixels
    return t / encoding.scale if encoding.scale != 1.0 else t


def _from_curve(net: Tensor, k: float) -> Tensor:
    half = (net.abs() * (0.5 * math.log1p(k))).expm1()
    return ((half / k) * (half + 2.0)).clamp(max=LARGEST).copysign(net)
