"""Frames as the planes that motion is looked for in."""

from __future__ import annotations

import cv2
import numpy as np

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def grey(pixels: np.ndarray) -> np.ndarray:
    """The luma of a display-referred frame, float32 (height, width), 0 to 1.

    ``pixels`` is float (height, width, channels) or (height, width). Of one or two channels the first is
    taken, of more the first three as R, G, B. Values are limited to 0..1, and what is no number becomes 0.
    """
    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        plane = pixels[:, :, :3].astype(np.float32, copy=False) @ LUMA
    else:
        plane = (pixels if pixels.ndim == 2 else pixels[:, :, 0]).astype(np.float32)
    return np.clip(np.nan_to_num(plane, copy=False, nan=0.0), 0.0, 1.0)


def reduced(plane: np.ndarray, longest: int) -> np.ndarray:
    """``plane`` (height, width[, channels]) in means over areas, its longer side ``longest`` pixels at
    most."""
    height, width = plane.shape[:2]
    if max(height, width) <= longest:
        return plane
    scale = longest / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
