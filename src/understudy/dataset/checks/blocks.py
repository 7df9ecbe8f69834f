"""The blocks of a lossy compression, which JPEG and most movies are coded in.

Each block of 8 x 8 is coded as cosines whose amounts are rounded, the fine ones to nothing. So in the grid
that a picture was coded in, and in no other, a larger share of them is as good as 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

BLOCK = 8
SMALLEST, LARGEST = 64, 384
"""Pixels of a side: smaller frames tell nothing, larger ones nothing more."""
NOTHING = 0.75
"""Code values of 8 bits below which a cosine is as good as 0."""
SURE = 7.0
FLOOR = 0.004
CODED = np.array([0.299, 0.587, 0.114], np.float32)
"""The brightness that JPEG and its kin code."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """By how much more cosines vanish in the grid that begins at (row, column) than in the usual one:
    ``excess`` (8, 8); ``noise`` is what that differs by from grid to grid."""

    excess: np.ndarray
    noise: float


def blocks_of(pixels: np.ndarray) -> Blocks | None:
    """The blocks of a frame, float (height, width, channels), display values; None for one too small."""
    if min(pixels.shape[:2]) < SMALLEST:
        return None
    top, left = (max(0, side - LARGEST) // (2 * BLOCK) * BLOCK for side in pixels.shape[:2])
    pixels = pixels[top : top + LARGEST, left : left + LARGEST]
    plane = pixels[..., :3] @ CODED if pixels.shape[2] >= 3 else pixels[..., 0]
    table = _vanished(np.ascontiguousarray(plane, np.float32) * 255)
    excess = table - np.median(table)
    return Blocks(excess, 1.4826 * float(np.median(np.abs(excess))))


def coded_anew(plate: np.ndarray, truth: np.ndarray) -> bool:
    """Whether ``truth`` was coded in blocks that ``plate`` was not coded in."""
    own = blocks_of(truth)
    if own is None:
        return False
    at = np.unravel_index(int(own.excess.argmax()), own.excess.shape)
    if own.excess[at] <= SURE * (own.noise + FLOOR):
        return False
    other = blocks_of(plate)
    return other is not None and bool(other.excess[at] < own.excess[at] / 2)


def _vanished(plane: np.ndarray) -> np.ndarray:
    """The share of fine cosines that are as good as 0, by where the grid begins: (8, 8)."""
    basis = cv2.dct(np.eye(BLOCK), flags=cv2.DCT_ROWS).T.astype(np.float32)
    fine = np.add.outer(np.arange(BLOCK), np.arange(BLOCK)) >= 4
    high, wide = (side // BLOCK - 1 for side in plane.shape)
    table = np.zeros((BLOCK, BLOCK))
    for top in range(BLOCK):
        down = basis @ plane[top : top + high * BLOCK].reshape(high, BLOCK, -1)
        for left in range(BLOCK):
            rows = down[:, :, left : left + wide * BLOCK].reshape(high, BLOCK, wide, BLOCK)
            cosines = np.abs(rows @ basis.T).transpose(0, 2, 1, 3)
            table[top, left] = (cosines[..., fine] < NOTHING).mean()
    return table
