"""Motion blur for the edge of a matte that is sharper than the plate's."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

LEAST = 1.5
"""Pixels of smear that cannot be told from the edge's own softness."""

MOST = 200.0
SAMPLES = 97
RAMP = 6.0
"""The width of a linear ramp from 0 to 1 is so many times the sum of value * (1 - value) across it."""

SHARP = 1.2
"""Pixels that an edge is wide where none tells of it."""

OBLIQUE = 0.3
"""An edge is one along the motion where it is no steeper than this across it."""

TINY = 1e-6


@dataclass(frozen=True, eq=False)
class Motion:
    """How the plate moves: ``vectors`` float32 (height, width, 2), pixels per frame, x to the right and y
    down; ``sure`` bool (height, width), where that is known; ``shutter``: the part of the time between two
    frames for which it is open, around the frame's own time."""

    vectors: np.ndarray
    sure: np.ndarray
    shutter: float


def motion_blurred(matte: np.ndarray, motion: Motion) -> np.ndarray:
    """A matte, float32 (height, width), whose edge is as wide along the motion as the shutter makes it.

    The subject's motion goes on beyond its edge. What is that wide already, or lies along the motion, stays;
    what is sharper is smeared by as much as it lacks. All but the surroundings of edges stays bit for bit.
    """
    speed = motion.shutter * float(np.abs(motion.vectors[motion.sure]).max(initial=0))
    if speed < LEAST:
        return matte
    reach = int(min(speed, MOST)) + 2
    place = _around_edges(matte, reach)
    if place is None:
        return matte
    part = np.ascontiguousarray(matte[place])
    smear = _subjects(part, motion.vectors[place], motion.sure[place], reach) * np.float32(motion.shutter)
    length = np.minimum(np.hypot(smear[..., 0], smear[..., 1]), np.float32(MOST))
    direction = smear / np.maximum(length, TINY)[..., None]
    lacks = length * _lacking(part, direction, length)
    if lacks.max(initial=0) < LEAST:
        return matte
    out = matte.copy()
    out[place] = np.where(lacks >= LEAST, _smeared(part, direction, lacks), part)
    return out


def _around_edges(matte: np.ndarray, reach: int) -> tuple[slice, slice] | None:
    """The box of what is neither all black nor all white within reach."""
    inner = (matte > 1 / 255) & (matte < 254 / 255)
    steps = np.abs(np.diff(matte, axis=0)) > 0.5, np.abs(np.diff(matte, axis=1)) > 0.5
    inner[1:] |= steps[0]
    inner[:, 1:] |= steps[1]
    rows, columns = np.flatnonzero(inner.any(axis=1)), np.flatnonzero(inner.any(axis=0))
    if not len(rows):
        return None
    top, left = max(rows[0] - 2 * reach, 0), max(columns[0] - 2 * reach, 0)
    return slice(top, rows[-1] + 2 * reach + 1), slice(left, columns[-1] + 2 * reach + 1)


def _subjects(matte: np.ndarray, vectors: np.ndarray, sure: np.ndarray, reach: int) -> np.ndarray:
    """The motion of what the matte shows, carried on beyond its edge: around the edge the search finds that
    of the background, or nothing."""
    # Of the edge itself little counts: what is found there is of both sides.
    weight = np.where(sure, np.clip(matte, 0, 1) ** 4, 0).astype(np.float32)
    out = np.zeros_like(vectors)
    known = np.zeros_like(matte)
    for sigma in (2.0, 6.0, 18.0, max(54.0, float(reach))):
        near = _blurred(weight, sigma)
        left = np.clip(1 - known, 0, 1) * np.clip(near * 20, 0, 1)
        for axis in range(2):
            out[..., axis] += left * _blurred(vectors[..., axis] * weight, sigma) / np.maximum(near, TINY)
        known += left
    return out / np.maximum(known, TINY)[..., None] * (known > 0.01)[..., None]


def _lacking(matte: np.ndarray, direction: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Which part of ``length`` the matte's edge has to be smeared by to be that wide along the motion."""
    down, right = np.gradient(matte)
    across = np.abs(right * direction[..., 0] + down * direction[..., 1])
    steep = np.hypot(right, down)
    grey = matte * (1 - matte)
    sigma = float(np.clip(length.max(initial=0) / 3, 2, 12))
    mass, crossed, edge = _blurred(grey, sigma), _blurred(across, sigma), _blurred(steep, sigma)
    wide = RAMP * mass / np.maximum(crossed, TINY)
    own = _own_width(mass, edge, crossed, steep)
    slant = np.clip(crossed / np.maximum(edge, TINY), OBLIQUE, 1)
    there = np.clip((np.square(wide) - np.square(own / slant)) / np.maximum(np.square(length), TINY), 0, 1)
    # Where the edge lies along the motion nothing tells; what crosses it nearby does.
    weight = crossed * (length >= LEAST)
    near = _blurred(weight, 2 * sigma)
    share = _blurred(there * weight, 2 * sigma) / np.maximum(near, TINY)
    return np.sqrt(np.clip(1 - share, 0, 1)) * (near > TINY)


def _own_width(mass: np.ndarray, edge: np.ndarray, crossed: np.ndarray, steep: np.ndarray) -> float:
    """How wide the matte's edge is where no motion crosses it."""
    along = (steep > 0.05) & (crossed < OBLIQUE * edge)
    if along.sum() < 20:
        return SHARP
    return float(np.median(RAMP * mass[along] / edge[along]))


def _smeared(matte: np.ndarray, direction: np.ndarray, length: np.ndarray) -> np.ndarray:
    """The mean of what lies within half of ``length`` on both sides of each pixel, in its direction."""
    height, width = matte.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    step = direction * length[..., None].astype(np.float32)
    count = int(np.clip(np.ceil(length.max()) * 1.5, 5, SAMPLES)) | 1
    total = np.zeros_like(matte)
    for index in range(count):
        at = np.float32((index + 0.5) / count - 0.5)
        total += cv2.remap(
            matte, x + at * step[..., 0], y + at * step[..., 1], cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
    return np.asarray(total / np.float32(count))


def _blurred(plane: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian; a wide one on a smaller picture, which it leaves no detail in."""
    plane = plane.astype(np.float32, copy=False)
    if sigma <= 8:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))
    scale = sigma / 4
    height, width = plane.shape
    size = max(1, round(width / scale)), max(1, round(height / scale))
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 4, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
