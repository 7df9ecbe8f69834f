"""Cut-outs: exact mattes of shapes, hair, nets and branches, drawn large and brought down by area."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

FINE = 8
"""How many times larger things are drawn than they are kept: an edge has 64 levels."""
WHITE = 255

Random = np.random.Generator
Canvas = np.ndarray


def draw_matte(random: Random, side: int) -> tuple[str, np.ndarray]:
    """What is drawn, and its matte: float32 (side, side) from 0 to 1, in steps of 8 bits."""
    kind = str(random.choice(list(KINDS), p=list(SHARES)))
    canvas = np.zeros((side * FINE, side * FINE), np.uint8)
    KINDS[kind](random, canvas)
    matte = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / WHITE
    if random.random() < 0.12:  # out of focus, or smoke
        matte = cv2.GaussianBlur(matte, (0, 0), float(np.exp(random.uniform(0.0, 2.2))))
    return kind, np.round(matte * WHITE) / WHITE


def outline(random: Random, side: int, wild: float) -> np.ndarray:
    """(points, 2) of a closed smooth curve around somewhere near the middle."""
    angles = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    radius = np.ones_like(angles)
    for wave in range(2, 8):
        radius += wild * random.normal() / wave * np.cos(wave * angles + random.uniform(0, 2 * np.pi))
    size = side * random.uniform(0.16, 0.36)
    stretch = np.exp(random.normal(0, 0.25))
    middle = side * random.uniform(0.35, 0.65, 2)
    x, y = np.cos(angles) * radius * stretch, np.sin(angles) * radius / stretch
    turn = random.uniform(0, np.pi)
    turned = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1)
    return middle + size * turned


def fill(canvas: Canvas, points: np.ndarray, value: int = WHITE) -> None:
    cv2.fillPoly(canvas, [np.round(points).astype(np.int32)], value)


def strand(canvas: Canvas, points: np.ndarray, widths: np.ndarray) -> None:
    """A line of changing width (in pixels of the canvas) through points (n, 2)."""
    placed = np.round(points).astype(int).tolist()
    for first, second, width in zip(placed[:-1], placed[1:], widths, strict=False):
        cv2.line(canvas, first, second, WHITE, max(1, round(float(width))))


def draw_shape(random: Random, canvas: Canvas) -> None:
    """One to three smooth bodies, some with a hole."""
    for _ in range(int(random.integers(1, 4))):
        fill(canvas, outline(random, len(canvas), random.uniform(0.1, 0.7)))
    if random.random() < 0.3:
        hole = outline(random, len(canvas), 0.3)
        fill(canvas, hole.mean(0) + 0.3 * (hole - hole.mean(0)), 0)


def draw_hair(random: Random, canvas: Canvas) -> None:
    """A head with strands that grow out of its edge, and fall."""
    side = len(canvas)
    body = outline(random, side, 0.15)
    fill(canvas, body)
    middle, falls = body.mean(0), random.uniform(-0.2, 1.0)
    width = FINE * random.uniform(0.5, 1.6)
    along = np.linspace(0, 1, 14)[:, None]
    for _ in range(int(random.integers(60, 320))):
        root = body[random.integers(len(body))]
        out = (root - middle) / max(np.linalg.norm(root - middle), 1e-6)
        out = out + random.normal(0, 0.35, 2)
        length = side * random.uniform(0.04, 0.22)
        curl = random.normal(0, 0.25, 2) * np.sin(along * np.pi * random.uniform(0.5, 3))
        down = np.array([0.0, falls]) * along**2
        path = root - 0.05 * length * out + length * (out * along + down + curl * along)
        strand(canvas, path, width * (1 - 0.8 * along[:, 0]))


def draw_net(random: Random, canvas: Canvas) -> None:
    """A rim, and in it a net, spokes, or bars, seen at an angle."""
    side, rim = len(canvas), outline(random, len(canvas), 0.1)
    inside = np.zeros_like(canvas)
    width, step = max(1, round(FINE * random.uniform(0.6, 3.5))), side * random.uniform(0.025, 0.09)
    turns = random.uniform(0, np.pi) + np.array([0.0, random.uniform(0.4, 1.57)])
    if random.random() < 0.3:
        _spokes(random, inside, rim.mean(0), width)
    else:
        for turn in turns[: int(random.integers(1, 3))]:
            _bars(inside, float(turn), step, width)
    mask = np.zeros_like(canvas)
    fill(mask, rim)
    np.maximum(canvas, np.minimum(inside, mask), out=canvas)
    cv2.polylines(canvas, [np.round(rim).astype(np.int32)], True, WHITE, 2 * width + FINE)


def _bars(canvas: Canvas, turn: float, step: float, width: int) -> None:
    """Parallel lines over all of it."""
    side = len(canvas)
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    for at in np.arange(-side, side, step):
        start = side / 2 + at * across
        first, second = (np.round(start + far * side * along).astype(int).tolist() for far in (-1.5, 1.5))
        cv2.line(canvas, first, second, WHITE, width)


def _spokes(random: Random, canvas: Canvas, middle: np.ndarray, width: int) -> None:
    for turn in np.linspace(0, 2 * np.pi, int(random.integers(8, 40)), endpoint=False):
        far = middle + len(canvas) * np.array([np.cos(turn), np.sin(turn)])
        ends = [np.round(point).astype(int).tolist() for point in (middle, far)]
        cv2.line(canvas, *ends, WHITE, width)


def draw_branch(random: Random, canvas: Canvas) -> None:
    """A branch that parts, with leaves at its ends."""
    side = len(canvas)
    start = np.array([random.uniform(0.2, 0.8), 1.02]) * side
    _grow(random, canvas, start, random.normal(-np.pi / 2, 0.3), side * random.uniform(0.2, 0.3), 0)


def _grow(random: Random, canvas: Canvas, start: np.ndarray, turn: float, length: float, level: int) -> None:
    bend = random.normal(0, 0.25)
    along = np.linspace(0, 1, 8)
    turns = turn + bend * along
    points = start + np.cumsum(np.stack([np.cos(turns), np.sin(turns)], 1) * length / 8, 0)
    width = max(FINE * 0.7, FINE * 7 * 0.55**level)
    strand(canvas, np.vstack([start, points]), np.full(8, width))
    if level > 2:
        axes = (round(length * 0.35), round(length * 0.14))
        centre = np.round(points[-1]).astype(int).tolist()
        cv2.ellipse(canvas, centre, axes, float(np.degrees(turns[-1])), 0, 360, WHITE, -1)
    if level == 5:
        return
    for _ in range(int(random.integers(2, 4))):
        begin = points[random.integers(3, 8)]
        _grow(
            random, canvas, begin, turn + random.normal(0, 0.6), length * random.uniform(0.6, 0.85), level + 1
        )


KINDS: dict[str, Callable[[Random, Canvas], None]] = {
    "shape": draw_shape,
    "hair": draw_hair,
    "net": draw_net,
    "branch": draw_branch,
}
SHARES = (0.35, 0.35, 0.15, 0.15)
