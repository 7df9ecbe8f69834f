"""File values <-> scene-linear, for the endpoints that hand over scene-linear pixels.

srgb: the curve of IEC 61966-2-1, continued to negative values as an odd function, primaries unchanged.
linear and raw: nothing happens. A named space: into the ``scene_linear`` role of its config (ACEScg).
"""

from __future__ import annotations

import numpy as np

from understudy.colour.encoding import ColourEncoding
from understudy.colour.named_space import convert, convert_back, find_space

ROLE = "scene_linear"


def to_scene_linear(pixels: np.ndarray, encoding: ColourEncoding) -> np.ndarray:
    """File values float32 (H, W, C) in ``encoding.space`` -> scene-linear, a new array of that shape.

    Named spaces need three channels or more and convert the first three. ColourError when they are not there.
    """
    if encoding.space == "srgb":
        return srgb_to_linear(pixels)
    if encoding.space in ("linear", "raw"):
        return np.array(pixels, dtype=np.float32)
    return convert(pixels, find_space(encoding.space, encoding.ocio_config), ROLE)


def from_scene_linear(pixels: np.ndarray, encoding: ColourEncoding) -> np.ndarray:
    """Scene-linear float32 (H, W, C) -> file values in ``encoding.space``; undoes ``to_scene_linear``."""
    if encoding.space == "srgb":
        return linear_to_srgb(pixels)
    if encoding.space in ("linear", "raw"):
        return np.array(pixels, dtype=np.float32)
    return convert_back(pixels, ROLE, find_space(encoding.space, encoding.ocio_config))


def srgb_to_linear(pixels: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1 decoding of any shape, odd in its argument; a new float32 array."""
    v = np.asarray(pixels, dtype=np.float32)
    size = np.abs(v)
    curve = ((size + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.copysign(np.where(size <= 0.04045, size / np.float32(12.92), curve), v)


def linear_to_srgb(pixels: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1 encoding of any shape, odd in its argument; a new float32 array."""
    v = np.asarray(pixels, dtype=np.float32)
    size = np.abs(v)
    curve = np.float32(1.055) * size ** np.float32(1.0 / 2.4) - np.float32(0.055)
    return np.copysign(np.where(size <= 0.0031308, size * np.float32(12.92), curve), v)
