"""Moving the edge of a matte by parts of a pixel."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

EXACT = 0.05
"""By how many pixels, at most, the circle of directions falls short of a round one."""


def grow(matte: np.ndarray, radius: float) -> np.ndarray:
    """A matte, float32 (height, width), whose edge lies ``radius`` pixels further out, or, below 0, further
    in; as soft as it was.

    Every pixel becomes the largest value (the smallest, to shrink) within the radius, as it would be between
    pixels too. Beyond the frame the matte goes on as it ends.
    """
    if radius == 0:
        return matte
    return _grown(matte, radius) if radius > 0 else 1 - _grown(1 - matte, -radius)


def edge_only(matte: np.ndarray, width: float) -> np.ndarray:
    """A band of ``width`` pixels along the edge: what growing by half of it adds to shrinking by it."""
    return np.asarray(_grown(matte, width / 2) - grow(matte, -width / 2))


def grow_reach(radius: float) -> int:
    """How far a pixel lies from what it may become."""
    return math.ceil(abs(radius)) + 1 if radius else 0


def _grown(matte: np.ndarray, radius: float) -> np.ndarray:
    margin = grow_reach(radius)
    wide = cv2.copyMakeBorder(matte, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    grown = cv2.dilate(matte, _disc(int(radius)), borderType=cv2.BORDER_REPLICATE)
    for down, right in _circle(radius):
        np.maximum(grown, _moved(wide, margin + down, margin + right, matte.shape), out=grown)
    return np.asarray(grown)


def _disc(radius: int) -> np.ndarray:
    """The whole pixels within a radius: what is thin is caught between the centre and the circle."""
    line = np.arange(-radius, radius + 1) ** 2
    return (line[:, None] + line <= radius * radius).astype(np.uint8)


def _circle(radius: float) -> Iterator[tuple[float, float]]:
    """Places on a circle, along both axes among them, so close that no edge between two is missed."""
    half_step = math.acos(max(1 - EXACT / radius, 0))
    count = 4 * max(2, math.ceil(math.pi / half_step / 4))
    for index in range(count):
        angle = 2 * math.pi * index / count
        yield round(radius * math.sin(angle), 9), round(radius * math.cos(angle), 9)


def _moved(wide: np.ndarray, top: float, left: float, shape: tuple[int, ...]) -> np.ndarray:
    """``shape`` of a plane from a place between pixels on, linear between them."""
    row, column = math.floor(top), math.floor(left)
    high, broad = shape[0] + 1, shape[1] + 1
    plane = wide[row : row + high, column : column + broad]
    plane = _between(plane[:, :-1], plane[:, 1:], left - column)
    return _between(plane[:-1], plane[1:], top - row)


def _between(first: np.ndarray, second: np.ndarray, part: float) -> np.ndarray:
    return first if part == 0 else np.asarray(first + (second - first) * np.float32(part))
