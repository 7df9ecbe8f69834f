"""Plate and result laid over each other."""

from __future__ import annotations

import numpy as np


def blend(plate: np.ndarray, result: np.ndarray, strength: float | np.ndarray) -> np.ndarray:
    """plate * (1 - strength) + result * strength, exactly the plate at 0 and exactly the result at 1.

    ``plate`` and ``result``: float32 (H, W, C). ``strength``: one number, or (H, W, 1), from 0 to 1. A
    plate value that is not finite stays only where the strength is below 1.
    """
    if not isinstance(strength, np.ndarray):
        return _blend_evenly(plate, result, float(strength))
    weight = np.asarray(strength, dtype=np.float32)
    mixed = plate * (1.0 - weight)
    mixed += result * weight
    np.copyto(mixed, plate, where=weight <= 0.0)
    np.copyto(mixed, result, where=weight >= 1.0)
    return mixed


def _blend_evenly(plate: np.ndarray, result: np.ndarray, strength: float) -> np.ndarray:
    if strength >= 1.0:
        return result
    if strength <= 0.0:
        return plate
    mixed = plate * np.float32(1.0 - strength)
    mixed += result * np.float32(strength)
    return mixed
