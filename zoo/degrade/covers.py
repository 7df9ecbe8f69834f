"""Shapes that cover a screen, with exact soft edges: bodies, hair, leaves, rings and bars, veils.

A cover is float32 (side, side), 0..1: how much of each pixel is covered. Shapes are drawn twice as large,
with smooth edges, and averaged.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from zoo.degrade.solids import FINE, FULL, SHIFT, averaged, solids


def field(random: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """A smooth random plane, of so many bumps along a side, mean about 0 and spread about 1."""
    coarse = random.standard_normal((cells + 2, cells + 2)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def union(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """What either of two layers covers."""
    return 1 - (1 - one) * (1 - other)


def body(random: np.random.Generator, side: int) -> np.ndarray:
    """A smooth outline, more or less sharp."""
    plane = field(random, side, int(random.integers(1, 5)))
    level = np.quantile(plane, random.uniform(0.2, 0.8))
    slope = np.hypot(*np.gradient(plane)) + 1e-3
    width = np.float32(np.exp(random.uniform(np.log(0.7), np.log(4))))
    return np.clip((plane - level) / (slope * width) + 0.5, 0, 1).astype(np.float32)


def strands(random: np.random.Generator, side: int) -> np.ndarray:
    """Hair: curves that begin near each other, run more or less alike, and are half a pixel to two pixels
    wide."""
    canvas = np.zeros((side * FINE, side * FINE), np.uint8)
    root, lean = random.uniform(0, side, 2), random.uniform(0, 2 * np.pi)
    spread, curl = random.uniform(0.1, 1.2), random.uniform(0, 0.25)
    reach = random.uniform(0.1, 0.7) * side
    for _ in range(int(np.exp(random.uniform(np.log(4), np.log(120))))):
        start = root + random.normal(0, reach / 2, 2)
        turns = lean + random.normal(0, spread) + np.cumsum(random.normal(0, curl, 14))
        length = reach * random.uniform(0.3, 1.5) / 14
        steps = np.stack([np.cos(turns), np.sin(turns)], 1) * length
        points = (np.cumsum(np.vstack([start, steps]), 0) * FINE * 2**SHIFT).astype(np.int32)
        thickness, shade = int(random.choice([1, 1, 1, 2, 3, 4])), int(random.integers(80, FULL + 1))
        cv2.polylines(canvas, [points], False, shade, thickness, cv2.LINE_AA, SHIFT)
    return averaged(canvas)


def leaves(random: np.random.Generator, side: int) -> np.ndarray:
    """Many small pointed shapes with holes between them."""
    canvas = np.zeros((side * FINE, side * FINE), np.uint8)
    size = random.uniform(0.02, 0.12) * side
    for _ in range(int(random.integers(5, 60))):
        middle, turn = random.uniform(0, side, 2), random.uniform(0, 2 * np.pi)
        long, wide = size * random.uniform(0.5, 1.6), size * random.uniform(0.15, 0.5)
        along = np.linspace(-1, 1, 9)
        upper = np.stack([along * long, (1 - along**2) * wide], 1)
        outline = np.vstack([upper, (upper * [1, -1])[::-1]])
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        points = ((outline @ rotation + middle) * FINE * 2**SHIFT).astype(np.int32)
        cv2.fillPoly(canvas, [points], FULL, cv2.LINE_AA, SHIFT)
    return averaged(canvas)


def large(random: np.random.Generator, side: int) -> np.ndarray:
    """Rings, bars and other solids, larger than what is taped to a screen."""
    return solids(random, side, least=0.1)


SHAPES: tuple[Callable[[np.random.Generator, int], np.ndarray], ...] = (body, strands, leaves, large)


def draw_cover(random: np.random.Generator, side: int) -> np.ndarray:
    """A body with hair, leaves, rings and bars, a veil, or one of these alone; now and then all, or
    nothing."""
    kind = random.random()
    if kind < 0.1:
        return np.zeros((side, side), np.float32)
    if kind < 0.15:
        return np.ones((side, side), np.float32)
    if kind < 0.55:
        cover = union(body(random, side), strands(random, side))
    else:
        cover = SHAPES[int(random.integers(len(SHAPES)))](random, side)
    if random.random() < 0.06:
        veil = np.clip(0.5 + 0.3 * field(random, side, 3), 0.1, 1)
        cover = cover * veil
    return cover
