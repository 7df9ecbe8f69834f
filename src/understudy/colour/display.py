"""Values in files as a screen shows them, for pictures that people look at and for measures of them."""

from __future__ import annotations

import numpy as np

from understudy.colour.array import encode
from understudy.colour.encoding import SRGB, ColourEncoding
from understudy.colour.scene_linear import from_scene_linear, to_scene_linear


def to_display(pixels: np.ndarray, encoding: ColourEncoding) -> np.ndarray:
    """File values float32 (H, W, C) -> display sRGB float32 (H, W, min(C, 3)), 0 to 1.

    Scene-linear goes through the sRGB curve; raw values are shown as the network has them. What is no number
    is black. ColourError for a named space whose config is not there.
    """
    shown = np.ascontiguousarray(pixels[..., :3], dtype=np.float32)
    if encoding.space == "raw":
        shown = encode(shown, encoding)
    elif encoding.space != "srgb":
        shown = from_scene_linear(to_scene_linear(shown, encoding), SRGB)
    return np.clip(np.nan_to_num(shown, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
