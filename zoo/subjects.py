"""Subjects from code: solids with limbs, hair, leaves and holes, in colours of a photograph or plain ones.

They are like nothing that there is, so that what is learned of them holds for anything: an outline, and
another surface inside of it than outside.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from zoo.degrade.covers import field, leaves, strands, union
from zoo.degrade.solids import FINE, FULL, SHIFT, averaged
from zoo.pictures import Pictures

POINTS = 48
HAIRY, LEAFY, HOLED = 0.25, 0.15, 0.15


def draw_subject(random: np.random.Generator, pictures: Pictures, side: int) -> np.ndarray:
    """One as a premultiplied layer of linear light (S, S, 4), which it fills to about two thirds."""
    cover = draw_outline(random, side)
    light = _surface(random, pictures, side)
    return np.concatenate([light * cover[..., None], cover[..., None]], 2).astype(np.float32)


def draw_outline(random: np.random.Generator, side: int) -> np.ndarray:
    """How much of each pixel it covers (S, S)."""
    canvas = np.zeros((side * FINE, side * FINE), np.uint8)
    middle = np.full(2, side / 2) + random.normal(0, 0.04 * side, 2)
    _fill(canvas, _blob(random, middle, side * random.uniform(0.14, 0.3)), FULL)
    for _ in range(int(random.integers(0, 7))):
        _limb(random, canvas, middle, side)
    if random.random() < HOLED:
        _fill(canvas, _blob(random, middle + random.normal(0, 0.1 * side, 2), 0.06 * side), 0)
    cover = averaged(canvas)
    if random.random() < HAIRY:
        cover = union(cover, strands(random, side))
    if random.random() < LEAFY:
        cover = union(cover, leaves(random, side) * _about(middle, side))
    return cover


def _blob(random: np.random.Generator, middle: np.ndarray, radius: float) -> np.ndarray:
    """Corners of a closed outline, round or with a few bumps, longer than wide: (POINTS, 2)."""
    way = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    bumps = [random.normal(0, 0.35 / n) * np.cos(n * way + random.uniform(0, 2 * np.pi)) for n in range(2, 7)]
    away = np.maximum(1 + np.sum(bumps, 0), 0.2) * radius
    if random.random() < 0.3:  # with flat sides, as what is built has
        away = away / np.maximum(np.abs(np.cos(way)), np.abs(np.sin(way)))
    long, turn = np.exp(random.uniform(0, 0.6)), random.uniform(0, np.pi)
    flat = np.stack([np.cos(way) * away * long, np.sin(way) * away / long], 1)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.asarray(flat @ rotation.T + middle)


def _limb(random: np.random.Generator, canvas: np.ndarray, middle: np.ndarray, side: int) -> None:
    """From the middle outwards, bent once, thinner towards its end, now and then with something at it."""
    ways = random.uniform(0, 2 * np.pi) + np.array([0, random.normal(0, 0.7)])
    lengths = side * random.uniform(0.12, 0.28, 2)
    steps = np.stack([np.cos(ways), np.sin(ways)], 1) * lengths[:, None]
    joints = np.vstack([middle, middle + np.cumsum(steps, 0)])
    widths = side * np.exp(random.uniform(np.log(0.008), np.log(0.09))) * np.array([1.0, 0.6])
    for (one, other), width in zip(pairwise(joints), widths, strict=True):
        first, last = ((each * FINE * 2**SHIFT).astype(int).tolist() for each in (one, other))
        cv2.line(canvas, first, last, FULL, max(1, round(width * FINE)), cv2.LINE_AA, SHIFT)
    if random.random() < 0.3:
        _fill(canvas, _blob(random, joints[-1], side * random.uniform(0.03, 0.12)), FULL)


def _fill(canvas: np.ndarray, corners: np.ndarray, shade: int) -> None:
    cv2.fillPoly(canvas, [(corners * FINE * 2**SHIFT).astype(np.int32)], shade, cv2.LINE_AA, SHIFT)


def _about(middle: np.ndarray, side: int) -> np.ndarray:
    """1 near a place, 0 away from it."""
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    away = np.hypot(rows - middle[1], columns - middle[0]) / (0.35 * side)
    return np.asarray(np.clip((1 - away) * 8, 0, 1), np.float32)


def _surface(random: np.random.Generator, pictures: Pictures, side: int) -> np.ndarray:
    """Of a photograph, or plain, or with patches of a second colour, shaded as what is round is."""
    if random.random() < 0.6:
        light = pictures.crop(random, side, (1, 3))
    else:
        patch = np.clip(field(random, side, int(random.integers(2, 9))) * 8 + random.normal(0, 4), 0, 1)
        one, other = (random.beta(0.7, 1.5, 3).astype(np.float32) for _ in range(2))
        light = one * patch[..., None] + other * (1 - patch[..., None])
    return np.asarray(light * np.exp(0.35 * field(random, side, 2))[..., None], np.float32)
