"""How the contour of a matte lies on the edges of its plate.

A matte has no picture in it: all that it shares with its plate is that some edges of the picture lie where it
ends. So the picture is read along lines across the contour, and the contour is moved to where its edges are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from understudy.dataset.checks.planes import blurred

REACH = 10
"""Pixels across the contour, to both sides, in which edges are looked for."""
STEP = 0.5
SOFT = 1.2
SEGMENTS = 24
"""Pieces of the contour, left out one by one to tell how sure an answer is."""
FEWEST = 40
KERNELS = (4.0, 2.5, 1.6, 1.6, 1.6)


@dataclass(frozen=True, eq=False)
class Contour:
    """Where a matte is 0.5: ``points`` float (points, 2) as x and y, ``normals`` the way into the matte,
    ``pieces`` which piece of the contour each belongs to."""

    points: np.ndarray
    normals: np.ndarray
    pieces: np.ndarray


def contour_of(matte: np.ndarray) -> Contour | None:
    """The contour of a matte (height, width), 0 to 1, away from the borders; None where it has hardly any."""
    soft = blurred(matte.astype(np.float32), SOFT)
    found, _ = cv2.findContours((soft > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    if not found:
        return None
    places = np.concatenate([line[:, 0] for line in found])
    height, width = matte.shape
    x, y = places.T
    inside = (x > 3) & (y > 3) & (x < width - 4) & (y < height - 4)
    places = places[inside]
    if len(places) < FEWEST:
        return None
    x, y = places.T
    slope_x, slope_y = (cv2.Sobel(soft, cv2.CV_32F, *axis, scale=1 / 8)[y, x] for axis in ((1, 0), (0, 1)))
    steep = np.hypot(slope_x, slope_y) + 1e-6
    normals = np.stack([slope_x, slope_y], 1) / steep[:, None]
    away = np.clip((0.5 - soft[y, x]) / steep, -1.5, 1.5)
    pieces = np.arange(len(places)) * SEGMENTS // len(places)
    return Contour(places + away[:, None] * normals, normals, pieces)


def profiles(contour: Contour, plate: np.ndarray) -> np.ndarray:
    """How steep the picture is across the contour: float (points, steps) from -REACH to REACH, towards the
    inside of the matte. ``plate``: (height, width, channels), display values."""
    along = np.arange(-REACH - STEP / 2, REACH + STEP, STEP, dtype=np.float32)
    at = contour.points[:, None] + along[None, :, None] * contour.normals[:, None]
    x, y = (np.ascontiguousarray(at[..., axis], np.float32) for axis in range(2))
    total = np.zeros((len(x), len(along) - 1), np.float32)
    for channel in range(min(3, plate.shape[2])):
        soft = blurred(np.ascontiguousarray(plate[..., channel], np.float32), 0.8)
        read = cv2.remap(soft, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        total += np.square(np.diff(read, axis=1))
    return np.sqrt(total)


OFFSETS = np.arange(-REACH, REACH + STEP / 2, STEP)


@dataclass(frozen=True)
class Lie:
    """By how much a matte lies off the edges: (right, down, scale, turn, wider), pixels, shares and radians;
    ``errors`` how sure that is; ``support``: the strength of edges on the contour, against that beside it."""

    values: np.ndarray
    errors: np.ndarray
    support: float


def lie_of(matte: np.ndarray, plate: np.ndarray, free: Sequence[int] = (0, 1, 4)) -> Lie | None:
    """How ``matte`` lies on ``plate``. ``free``: which of the five values are looked for."""
    contour = contour_of(matte)
    if contour is None:
        return None
    steep = profiles(contour, plate)
    parts = _parts(contour, matte.shape)[:, list(free)]
    clipped = steep / (steep + 0.5 * np.median(steep.max(1)) + 0.004)
    values, errors = np.zeros(5), np.full(5, np.inf)
    for kernel in KERNELS:
        # the matte is moved along its parameters to where the edges are; what is found is the opposite
        at = parts @ values[list(free)]
        weight = clipped**2 * np.exp(-0.5 * np.square((OFFSETS[None] - at[:, None]) / kernel))
        mass = weight.sum(1)
        centre = (weight * OFFSETS[None]).sum(1) / (mass + 1e-9)
        step, spread = _solve(parts, centre - at, mass, contour.pieces)
        values[list(free)] += step * 1.5
        errors[list(free)] = spread
    middle = np.abs(OFFSETS) <= 1.5
    beside = np.abs(OFFSETS) >= 5
    return Lie(-values, errors, float(clipped[:, middle].mean() / clipped[:, beside].mean()))


def _parts(contour: Contour, shape: tuple[int, ...]) -> np.ndarray:
    """By how many pixels each point moves along its normal, for one unit of each of the five values."""
    x, y = (contour.points - (np.array([shape[1], shape[0]]) - 1) / 2).T
    across, down = contour.normals.T
    return np.stack([across, down, across * x + down * y, down * x - across * y, np.ones_like(x)], 1)


def _solve(
    parts: np.ndarray, miss: np.ndarray, weight: np.ndarray, pieces: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    held = parts * weight[:, None]
    count = pieces.max() + 1
    squares = np.stack([held[pieces == k].T @ parts[pieces == k] for k in range(count)])
    sides = np.stack([held[pieces == k].T @ miss[pieces == k] for k in range(count)])
    whole, side = squares.sum(0), sides.sum(0)
    ridge = np.diag(np.diagonal(whole) * 1e-3 + 1e-9)
    step = np.linalg.solve(whole + ridge, side)
    without = np.linalg.solve(whole - squares + ridge, (side - sides)[..., None])[..., 0]
    return step, np.sqrt((count - 1) / count * np.square(without - without.mean(0)).sum(0))
