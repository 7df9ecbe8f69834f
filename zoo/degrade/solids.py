"""Shapes with hard edges, drawn smoothly: boxes, discs, rings, wheels and poles."""

from __future__ import annotations

import cv2
import numpy as np

FINE = 2
SHIFT = 4
"""Binary places of a pixel that OpenCV draws to."""
FULL = 255


def averaged(canvas: np.ndarray) -> np.ndarray:
    """What was drawn ``FINE`` times as large, uint8, as shares of pixels, float32 0..1."""
    small = canvas.astype(np.float32).reshape(len(canvas) // FINE, FINE, -1, FINE).mean((1, 3))
    return np.asarray(small / FULL)


def solids(random: np.random.Generator, side: int, least: float = 0.02) -> np.ndarray:
    """Boxes, discs, rings with spokes, and poles (S, S), each of at least so much of a side."""
    canvas = np.zeros((side * FINE, side * FINE), np.uint8)
    scale = FINE * 2**SHIFT
    for _ in range(int(random.integers(1, 6))):
        middle, size = (
            random.uniform(0, side, 2),
            side * float(np.exp(random.uniform(np.log(least), np.log(0.3)))),
        )
        turn, kind = random.uniform(0, np.pi), int(random.integers(4))
        at = tuple((middle * scale).astype(int).tolist())
        if kind == 0:
            corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * random.uniform(0.3, 1, 2)
            corners = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
            cv2.fillPoly(
                canvas, [((corners * size + middle) * scale).astype(np.int32)], 255, cv2.LINE_AA, SHIFT
            )
        elif kind == 1:
            axes = (size * random.uniform(0.4, 1, 2) * scale).astype(int).tolist()
            cv2.ellipse(canvas, at, axes, float(np.degrees(turn)), 0, 360, 255, -1, cv2.LINE_AA, SHIFT)
        else:
            _bars(random, canvas, middle, size, wheel=kind == 2)
    return averaged(canvas)


def _bars(
    random: np.random.Generator, canvas: np.ndarray, middle: np.ndarray, size: float, wheel: bool
) -> None:
    """A wheel, or poles across the frame."""
    scale, thickness = FINE * 2**SHIFT, int(random.integers(1, 12))
    if wheel:
        at = tuple((middle * scale).astype(int).tolist())
        cv2.circle(canvas, at, int(size * scale), 255, thickness, cv2.LINE_AA, SHIFT)
        ways = np.arange(int(random.integers(0, 12))) * 2 * np.pi / 12
    else:
        ways, size = random.uniform(0, 2 * np.pi, int(random.integers(1, 4))), 4 * size
    for way in ways:
        end = middle + size * np.array([np.cos(way), np.sin(way)])
        first, last = ((each * scale).astype(int).tolist() for each in (middle, end))
        cv2.line(canvas, first, last, 255, max(1, thickness // (2 if wheel else 1)), cv2.LINE_AA, SHIFT)
