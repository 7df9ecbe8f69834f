"""Meshes from code: those of training scenes, and kinds that only validation scenes have."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

RING = 14
"""Corners of a tube's cross section."""


class Surface(NamedTuple):
    """A mesh: corners (N, 3) float32, triangles (M, 3) uint32, and the texture's coordinates (N, 2).
    ``smooth``: its normals are interpolated."""

    corners: np.ndarray
    triangles: np.ndarray
    places: np.ndarray
    smooth: bool = True


def grid(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """The triangles of a grid of corners, and the coordinates (rows * columns, 2) of these in 0..1."""
    down, across = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
    index = np.arange(rows * columns, dtype=np.uint32).reshape(rows, columns)
    corners = (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:])
    first, right, below, last = (each.ravel() for each in corners)
    triangles = np.concatenate([np.stack([first, right, below], 1), np.stack([right, last, below], 1)])
    return triangles, np.stack([across.ravel(), down.ravel()], 1).astype(np.float32)


def waves(random: np.random.Generator, rows: int, columns: int, wraps: bool = False) -> np.ndarray:
    """Smooth noise (rows, columns) of several sizes, about -1..1; where it ``wraps``, the columns meet."""
    total = np.zeros((rows, columns), np.float32)
    for octave in range(int(random.integers(1, 5))):
        cells = 3 * 2**octave
        coarse = random.standard_normal((cells, cells)).astype(np.float32)
        if wraps:
            coarse[:, -1] = coarse[:, 0]
        total += cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC) * 0.5**octave
    if wraps:
        blend = np.linspace(0, 1, columns, dtype=np.float32)[None]
        total += (total[:, :1] - total[:, -1:]) * (blend - 0.5)
        total[[0, -1]] = total[[0, -1]].mean(1, keepdims=True)
    return np.asarray(total / 2)


def pebble(random: np.random.Generator) -> Surface:
    """A ball with dents and bumps."""
    triangles, places = grid(72, 144)
    height = 1 + random.uniform(0.05, 0.4) * waves(random, 72, 144, wraps=True).ravel()
    polar, azimuth = np.pi * places[:, 1], 2 * np.pi * places[:, 0]
    ball = [np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)]
    return Surface(np.stack(ball, 1) * np.maximum(height, 0.2)[:, None], triangles, places)


def hills(random: np.random.Generator) -> Surface:
    """Ground of -1..1 with hills."""
    triangles, places = grid(120, 120)
    height = random.uniform(0.05, 0.25) * waves(random, 120, 120).ravel()
    return Surface(np.column_stack([places * 2 - 1, height]), triangles, places)


def vase(random: np.random.Generator) -> Surface:
    """A profile turned about an axis."""
    triangles, places = grid(64, 96)
    knots = random.uniform(0.15, 1, 7).astype(np.float32)[:, None]
    profile = cv2.resize(knots, (1, 64), interpolation=cv2.INTER_CUBIC).ravel().clip(0.05)
    radius, azimuth = np.repeat(profile, 96), 2 * np.pi * places[:, 0]
    turned = [radius * np.cos(azimuth), radius * np.sin(azimuth), 1 - 2 * places[:, 1]]
    return Surface(np.stack(turned, 1), triangles, places)


def knot(random: np.random.Generator) -> Surface:
    """A tube along a knot that lies on a torus: for validation alone."""
    p, q = ((2, 3), (3, 2), (2, 5), (3, 4))[int(random.integers(4))]
    triangles, places = grid(400, RING)
    along = np.linspace(0, 2 * np.pi, 400)
    radius = 0.65 + 0.28 * np.cos(q * along)
    spine = np.stack([radius * np.cos(p * along), radius * np.sin(p * along), 0.28 * np.sin(q * along)], 1)
    forward = np.gradient(spine, axis=0)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    side = np.cross(forward, [0, 0, 1])
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
    up = np.cross(side, forward)
    angle = np.linspace(0, 2 * np.pi, RING)[None, :, None]
    ring = side[:, None] * np.cos(angle) + up[:, None] * np.sin(angle)
    corners = spine[:, None] + ring * random.uniform(0.05, 0.14)
    return Surface(corners.reshape(-1, 3), triangles, places * np.asarray([1, 12], np.float32))


def blocks(random: np.random.Generator) -> Surface:
    """A town of blocks of many heights and a few sizes: for validation alone."""
    parts = []
    for row in range(9):
        for column in range(9):
            if random.random() < 0.75:
                low = np.asarray([row / 4.5 - 1, column / 4.5 - 1, -1], np.float32)
                size = np.asarray([*random.uniform(0.08, 0.21, 2), random.uniform(0.15, 1.6)], np.float32)
                parts.append(_block(low, size))
    count = np.cumsum([0, *(len(each.corners) for each in parts)])
    triangles = [each.triangles + np.uint32(start) for each, start in zip(parts, count[:-1], strict=True)]
    corners, places = (np.concatenate([part[field] for part in parts]) for field in (0, 2))
    return Surface(corners, np.concatenate(triangles), places, smooth=False)


def _block(low: np.ndarray, size: np.ndarray) -> Surface:
    """Six faces, each with corners of its own, so that edges are sharp."""
    corners: list[np.ndarray] = []
    triangles: list[np.ndarray] = []
    places: list[np.ndarray] = []
    face, flat = grid(2, 2)
    for axis in range(3):
        for end in (0.0, 1.0):
            at = np.insert(flat, axis, end, axis=1)
            outward = face if (end == 1.0) == (axis != 1) else face[:, ::-1]
            corners.append(low + at * size)
            triangles.append(outward + np.uint32(4 * len(triangles)))
            places.append(flat * np.delete(size, axis))
    return Surface(np.concatenate(corners), np.concatenate(triangles), np.concatenate(places))


TRAINING = (pebble, hills, vase)
VALIDATION = (knot, blocks)
