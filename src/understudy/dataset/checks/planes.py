"""Frames as the planes that pairs are compared on: brightness, free of light and grade."""

from __future__ import annotations

import cv2
import numpy as np

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
FLAT = 0.01
"""Contrast, in display values, below which a place shows nothing that could be compared."""


def brightness(pixels: np.ndarray) -> np.ndarray:
    """float32 (height, width) of display values (height, width, channels); what is no number becomes 0."""
    finite = np.nan_to_num(pixels, nan=0.0, posinf=1.0, neginf=0.0)
    plane = finite[..., :3] @ LUMA if finite.shape[2] >= 3 else finite[..., 0]
    return np.ascontiguousarray(plane, np.float32)


def blurred(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Blurred by a Gauss of ``sigma`` pixels, the frame mirrored beyond its borders."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))


def normalised(plane: np.ndarray, reach: float = 8.0, fine: float = 1.0) -> np.ndarray:
    """The detail between ``fine`` and ``reach`` pixels, as loud everywhere: a grade or another light does not
    change it. About 0, its spread about 1, less where the frame is flat."""
    detail = blurred(plane, fine) if fine else plane
    detail = detail - blurred(plane, reach)
    loud = np.sqrt(blurred(detail * detail, reach))
    return np.asarray(detail / (loud + FLAT))


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation of two arrays of one shape; 0 where one of them is flat."""
    a, b = one - one.mean(), other - other.mean()
    norm = float(np.sqrt(float((a * a).sum()) * float((b * b).sum())))
    return float((a * b).sum()) / norm if norm > 1e-12 else 0.0
