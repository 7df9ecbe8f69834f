"""Scene-linear planes <-> the file values that a network learned from; mattes and alpha are left alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from understudy.frames.matte_names import is_alpha


def to_file(planes: np.ndarray, names: Sequence[str], encoding: Any) -> np.ndarray:
    """Scene-linear planes (channels, height, width) as file values in ``encoding.space``; alpha unchanged."""
    from understudy.colour.scene_linear import from_scene_linear

    return _convert(planes, names, encoding, from_scene_linear)


def to_linear(planes: np.ndarray, names: Sequence[str], encoding: Any) -> np.ndarray:
    """File values as scene-linear planes; undoes ``to_file``."""
    from understudy.colour.scene_linear import to_scene_linear

    return _convert(planes, names, encoding, to_scene_linear)


def _convert(planes: np.ndarray, names: Sequence[str], encoding: Any, convert: Any) -> np.ndarray:
    if encoding.space in ("linear", "raw"):
        return planes
    light = [index for index, name in enumerate(names) if not is_alpha(name)]
    if encoding.space != "srgb" and len(light) < 3:
        return planes  # a named space converts colours; fewer than three channels are none
    if len(light) == len(planes):
        return np.moveaxis(convert(np.moveaxis(planes, 0, -1), encoding), -1, 0)
    result = np.array(planes, np.float32)
    result[light] = np.moveaxis(convert(np.moveaxis(planes[light], 0, -1), encoding), -1, 0)
    return result
