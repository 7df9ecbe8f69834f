"""Solids made of tubes: limbs, poles, wheels, boxes, wings; each is a curve with a cross-section that changes
along it. Decimetres, x ahead, y up, z to the side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from zoo.people.cloth import pattern, plain
from zoo.people.mesh import Mesh
from zoo.people.wardrobe import Piece
from zoo.pictures import Pictures

AHEAD, UP, ASIDE = (np.array(axis) for axis in ((1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0)))
BOX = 7.0


def smooth(points: np.ndarray, steps: int, closed: bool = False) -> np.ndarray:
    """A curve (M, K) through points (N, K), in so many steps from each to the next (Catmull and Rom's)."""
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:
        padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    at = (np.arange(steps) / steps)[None, :, None]
    a, b, c, d = (padded[first : len(padded) - 3 + first, None] for first in range(4))
    curve = b + 0.5 * at * (c - a + at * (2 * a - 5 * b + 4 * c - d + at * (3 * (b - c) + d - a)))
    curve = curve.reshape(-1, points.shape[1])
    return curve if closed else np.concatenate([curve, points[-1:]])


def tube(
    path: ArrayLike,
    sizes: ArrayLike,
    side: np.ndarray = ASIDE,
    square: float = 2.0,
    around: int = 14,
    steps: int = 4,
    closed: bool = False,
) -> Mesh:
    """A tube along ``path`` (N, 3). ``sizes``: half its width, one for all, or one for each point, or two for
    each: towards ``side``, and across it. ``square``: 2 is round, more is a box with ever sharper edges.
    ``closed``: a ring, otherwise its ends are shut."""
    centres = np.asarray(path, np.float64)
    wide = np.asarray(sizes, np.float64)
    wide = np.broadcast_to(wide[:, None] if wide.ndim == 1 else wide, (len(centres), 2))
    rings = smooth(np.hstack([centres, wide]), steps, closed)
    centres, wide = rings[:, :3], np.maximum(rings[:, 3:], 0)
    turns = np.arange(around) * 2 * np.pi / around
    across, other = _frames(centres, side, closed)
    cosine, sine = (np.sign(v) * np.abs(v) ** (2 / square) for v in (np.cos(turns), np.sin(turns)))
    reach = across[:, None] * (wide[:, :1] * cosine)[..., None]
    reach = reach + other[:, None] * (wide[:, 1:] * sine)[..., None]
    points = centres[:, None] + reach
    if closed:
        return _woven(np.concatenate([points, points[:1]]))
    ends = (centres[[0]][:, None], centres[[-1]][:, None])
    first, last = (np.repeat(end, around, 1) for end in ends)
    return _woven(np.concatenate([first, points[:1], points, points[-1:], last]))


def _frames(centres: np.ndarray, side: np.ndarray, closed: bool) -> tuple[np.ndarray, np.ndarray]:
    """At each point of a curve, two directions across it (N, 3): the one nearest to ``side``, and the
    other."""
    along = np.gradient(centres, axis=0)
    if closed:
        along = np.roll(centres, -1, 0) - np.roll(centres, 1, 0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    side = side + 1e-3 * np.array([0.3, 0.5, 0.7])
    across = side - along * (along @ side)[:, None]
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    return across, np.cross(along, across)


def _woven(points: np.ndarray) -> Mesh:
    """Rings of points (R, A, 3) as a mesh, with uvs along and around."""
    rings, around = points.shape[:2]
    down, along = np.mgrid[: rings - 1, :around].reshape(2, -1)

    def corner(width: int, low: int, high: int) -> np.ndarray:
        return np.asarray((down + low) * width + (along + high) % width)

    def faces(width: int) -> np.ndarray:
        a, b, c, d = (corner(width, *at) for at in ((0, 0), (0, 1), (1, 0), (1, 1)))
        return np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])

    rows, columns = np.mgrid[:rings, : around + 1].reshape(2, -1)
    uvs = np.stack([columns / around, rows / max(rings - 1, 1)], 1)
    found = faces(around)
    return Mesh(points.reshape(-1, 3), found, uvs, faces(around + 1), np.full(len(found), ""))


def off(point: np.ndarray, x: float, y: float, z: float) -> np.ndarray:
    """What lies so far from a point."""
    return point + np.array([x, y, z])


def rod(start: ArrayLike, end: ArrayLike, size: float, around: int = 8) -> Mesh:
    """A straight pole."""
    ends = np.array([start, end], np.float64)
    way = np.abs(ends[1] - ends[0])
    return tube(ends, size, side=np.eye(3)[int(np.argmin(way))], around=around, steps=1)


def box(middle: ArrayLike, half: Sequence[float], square: float = BOX) -> Mesh:
    """A box with rounded edges, ``half`` as long, high and wide on each side of its middle."""
    at, long = np.asarray(middle, np.float64), half[0]
    places = np.array([-1, -0.93, 0, 0.93, 1])[:, None]
    shares = np.array([0.9, 1, 1, 1, 0.9])[:, None]
    return tube(at + places * long * AHEAD, shares * [half[2], half[1]], square=square, around=24, steps=1)


def ball(middle: ArrayLike, half: Sequence[float]) -> Mesh:
    """An ellipsoid, ``half`` as long, high and wide on each side of its middle."""
    polar = np.linspace(0, np.pi, 11)
    places, shares = -np.cos(polar)[:, None], np.sin(polar)[:, None]
    return tube(
        np.asarray(middle, np.float64) + places * half[0] * AHEAD, shares * [half[2], half[1]], steps=1
    )


def ring(
    middle: ArrayLike,
    radius: float,
    sizes: tuple[float, float],
    axis: np.ndarray = ASIDE,
    square: float = 2.0,
) -> Mesh:
    """A wheel's tyre about an axis; ``sizes``: half its width along the axis, and across it."""
    turns = np.arange(28) * 2 * np.pi / 28
    one, other = _across(axis)
    path = np.asarray(middle) + radius * (np.outer(np.cos(turns), one) + np.outer(np.sin(turns), other))
    return tube(path, np.tile(sizes, (28, 1)), side=axis, square=square, steps=1, around=10, closed=True)


def spun(bottom: ArrayLike, heights: Sequence[float], radii: Sequence[float], axis: np.ndarray = UP) -> Mesh:
    """What a potter's wheel makes: so wide at such heights."""
    path = np.asarray(bottom) + np.outer(heights, axis)
    return tube(path, radii, side=_across(axis)[0], around=24)


def _across(axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    one = np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))])
    one /= np.linalg.norm(one)
    return one, np.cross(axis, one)


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Many as one."""
    points, uvs = (np.cumsum([0] + [len(getattr(m, what)) for m in meshes]) for what in ("points", "uvs"))
    return Mesh(
        np.concatenate([m.points for m in meshes]),
        np.concatenate([m.faces + first for m, first in zip(meshes, points, strict=False)]),
        np.concatenate([m.uvs for m in meshes]),
        np.concatenate([m.corners + first for m, first in zip(meshes, uvs, strict=False)]),
        np.concatenate([m.groups for m in meshes]),
    )


def solid(
    random: np.random.Generator,
    meshes: Sequence[Mesh],
    picture: np.ndarray,
    rough: tuple[float, float] = (0.15, 0.8),
) -> Piece:
    """Meshes of one look."""
    mesh = joined(meshes)
    roughness = float(random.uniform(*rough))
    return Piece(mesh, np.zeros((len(mesh.points), 1)), picture=picture, roughness=roughness, patterned=True)


def paint(random: np.random.Generator, pictures: Pictures, patterned: float = 0.25) -> np.ndarray:
    """One colour, or a pattern."""
    return pattern(random, pictures) if random.random() < patterned else plain(random)


def grey(random: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Tyres, metal, glass: sRGB between two values, about grey."""
    tone = random.uniform(low, high) + random.normal(0, 0.02 * high, 3)
    return np.broadcast_to(np.clip(tone, 2, 250).astype(np.uint8), (4, 4, 3)).copy()
