"""Small islands and holes of a matte."""

from __future__ import annotations

import cv2
import numpy as np

FAINT = 1 / 64
"""What hangs together does so through pixels brighter than this: a hair is one with its head where it is
half transparent, and the last thousandths of a network's black join nothing."""

RIM = 2
"""Pixels around an island in which what is fainter still is its rim, and goes with it."""


def despeckle(matte: np.ndarray, pixels: int) -> np.ndarray:
    """A matte, float32 (height, width), without islands, and then without holes, of fewer than ``pixels``.

    Pixels of an island touch at sides or corners, those of a hole at sides. An island is a part that hangs
    together above ``FAINT`` and is 0 afterwards, a hole one below 1 - ``FAINT`` and is 1 afterwards. All
    else stays bit for bit; what the frame cuts off counts by what is in it.
    """
    if pixels < 2:
        return matte
    island = _small(matte > FAINT, pixels, 8)
    island |= _around(island) & (matte <= FAINT)
    cleared = np.where(island, np.float32(0), matte)
    hole = _small(cleared < 1 - FAINT, pixels, 4)
    hole |= _around(hole) & (cleared >= 1 - FAINT)
    return np.where(hole, np.float32(1), cleared)


def despeckle_reach(pixels: int) -> int:
    """How far, at most, a pixel lies from what decides about it: an island may be one line, and so may the
    hole that it leaves."""
    return 0 if pixels < 2 else 2 * (pixels + RIM)


def _small(shape: np.ndarray, pixels: int, connectivity: int) -> np.ndarray:
    """The parts of a shape (height, width) that have fewer pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(shape.view(np.uint8), connectivity=connectivity)
    small = stats[:, cv2.CC_STAT_AREA] < pixels
    small[0] = False  # all that is no part
    return np.asarray(small[labels])


def _around(shape: np.ndarray) -> np.ndarray:
    side = 2 * RIM + 1
    return cv2.dilate(shape.view(np.uint8), np.ones((side, side), np.uint8)).astype(bool)
