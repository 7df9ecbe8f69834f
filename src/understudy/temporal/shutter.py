"""How long the shutter of a shot was open, told from its edges: those across which something moved are wider
than those along which it did.

A shutter that is open for a part ``s`` of the time between two frames smears an edge that moves by ``v``
pixels across itself over ``s * v`` pixels. The squares of widths add up.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

SMOOTH = 1.0
"""A Gaussian of this many pixels takes the grain away before edges are looked for; its width is taken off."""

HALF = 40
"""Pixels on each side of an edge in which its ramp has to end."""

FAINT = 0.008
"""Codes of 0 to 1 by which the plate changes from pixel to pixel where there is an edge."""

FOOT = 0.12
"""A ramp ends where it is less steep than this part of its steepest."""

LEVEL, UNEVEN = 4, 0.3
"""For so many pixels beyond both of its ends the plate is no steeper than this part of a ramp's steepest."""

MOST = 20_000
STILL, MOVES = 1.0, 9.0
"""Squared pixels that an edge moves across itself: up to here it stands, from here on it tells of the
shutter."""

ENOUGH = 40
LEAST = 0.1
"""A shutter that is open for less smears less than an edge is wide."""


def edge_widths(plane: np.ndarray, vectors: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """Edges of a frame, float32 (count, 3): the squared pixels by which each moves across itself until the
    next frame, those by which it moves at all, and the square of its width, as that of a linear ramp.

    ``plane`` is the frame's luma (height, width), ``vectors`` (height, width, 2) its motion in pixels per
    frame, ``sure`` (height, width) where that is known.
    """
    smooth = cv2.GaussianBlur(plane.astype(np.float32), (0, 0), SMOOTH, borderType=cv2.BORDER_REPLICATE)
    down, right = np.gradient(smooth)
    steep = np.hypot(right, down)
    y, x = np.nonzero(_crests(steep, right, down) & sure)
    if not len(y):
        return np.zeros((0, 3), np.float32)
    chosen = np.random.default_rng(0).permutation(len(y))[:MOST]
    y, x = y[chosen], x[chosen]
    normal = np.stack([right[y, x], down[y, x]], axis=1) / steep[y, x, None]
    squares, good = _ramps(smooth, x, y, normal)
    across = np.square((vectors[y, x] * normal).sum(axis=1))
    at_all = np.square(vectors[y, x]).sum(axis=1)
    return np.stack([across[good], at_all[good], squares[good]], axis=1).astype(np.float32)


def fitted_shutter(samples: Sequence[np.ndarray]) -> float | None:
    """The part of the time between two frames for which the shutter is open, 0 to 1, by the edges of some
    frames; None where too few move to tell, and 0 where they are no wider for it."""
    known = np.concatenate([np.zeros((0, 3), np.float32), *samples])
    across, at_all, squares = known.T
    moving = across >= MOVES
    if moving.sum() < ENOUGH:
        return None
    own = _own_width(squares, across <= STILL, at_all >= MOVES)
    open_for = float(np.sqrt(max(np.median((squares[moving] - own) / across[moving]), 0.0)))
    return min(open_for, 1.0) if open_for >= LEAST else 0.0


def _own_width(squares: np.ndarray, stands: np.ndarray, moves: np.ndarray) -> float:
    """The squared width of an edge that no motion crosses: of what moves along it, or else of any."""
    for chosen in (stands & moves, stands):
        if chosen.sum() >= ENOUGH:
            return float(np.median(squares[chosen]))
    return float(np.quantile(squares, 0.1))


def _crests(steep: np.ndarray, right: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Where the plate is steeper than a pixel further on both sides, away from the border."""
    height, width = steep.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    size = np.maximum(steep, 1e-9)
    aside = [
        cv2.remap(steep, x + sign * right / size, y + sign * down / size, cv2.INTER_LINEAR)
        for sign in (np.float32(-1), np.float32(1))
    ]
    found = (steep > FAINT) & (steep >= aside[0]) & (steep > aside[1])
    found[:2] = found[-2:] = False
    found[:, :2] = found[:, -2:] = False
    return np.asarray(found)


def _ramps(
    plane: np.ndarray, x: np.ndarray, y: np.ndarray, normal: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The squared widths of the ramps through some places along their normals, (count,), and which of them
    end within reach and within the frame."""
    steps = np.arange(-HALF, HALF + 1, dtype=np.float32)
    across = x[:, None] + steps * normal[:, :1]
    along = y[:, None] + steps * normal[:, 1:]
    profile = cv2.remap(
        plane, across.astype(np.float32), along.astype(np.float32), cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    rise = np.gradient(profile, axis=1)
    of_ramp = rise > FOOT * rise[:, HALF : HALF + 1]
    after = np.minimum.accumulate(of_ramp[:, HALF:], axis=1)
    before = np.minimum.accumulate(of_ramp[:, HALF::-1], axis=1)[:, ::-1]
    mass = rise * np.concatenate([before[:, :-1], after], axis=1)
    total = np.maximum(mass.sum(axis=1), 1e-9)
    mean = (mass * steps).sum(axis=1) / total
    spread = (mass * np.square(steps - mean[:, None])).sum(axis=1) / total
    level = _is_level(rise, HALF + after.sum(axis=1)) & _is_level(rise[:, ::-1], HALF + before.sum(axis=1))
    return 12 * np.maximum(spread - SMOOTH**2, 0), level


def _is_level(rise: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Whether the plate is level after the ramps, (count,), that end there: where the next one begins at
    once, the smear of both has run together, and their widths are those of the texture."""
    beyond = np.minimum(end[:, None] + np.arange(LEVEL), rise.shape[1] - 1)
    steep = np.abs(np.take_along_axis(rise, beyond, axis=1)).max(axis=1)
    return np.asarray((steep < UNEVEN * rise[:, HALF]) & (end + LEVEL < rise.shape[1]))
