"""Green and blue screens, in linear light: uneven, creased, shaded, with markers on them.

``key`` is the channel of the screen's colour: 1 for green, 2 for blue.
"""

from __future__ import annotations

import cv2
import numpy as np

from zoo.degrade.covers import field
from zoo.degrade.solids import FINE, SHIFT, averaged

GREEN, BLUE = 1, 2
MARKED = 0.45


def draw_paint(random: np.random.Generator, key: int) -> np.ndarray:
    """The colour of a screen, float32 (3,), as evenly lit."""
    strong = random.uniform(0.2, 0.75)
    others = strong * np.exp(random.uniform(np.log(0.06), np.log(0.5), 3))
    if key == BLUE:
        others[GREEN] = strong * random.uniform(0.1, 0.5)
    paint = others.astype(np.float32)
    paint[key] = strong
    return paint


def draw_screen(random: np.random.Generator, side: int, paint: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Light (side, side, 3) of a screen of a ``paint``; what stands before it, ``cover``, may shade it."""
    light = np.exp(
        random.uniform(0, 0.35) * field(random, side, 1) + random.uniform(0, 0.06) * _creases(random, side)
    )
    if random.random() < 0.3:
        light = light * (1 - random.uniform(0.1, 0.6) * _shadow(random, cover))
    tint = np.exp(random.normal(0, 0.03, 3) * 1.0)[None, None] ** field(random, side, 2)[..., None]
    screen = (light[..., None] * tint * paint).astype(np.float32)
    return _with_markers(random, screen, paint) if random.random() < MARKED else screen


def _creases(random: np.random.Generator, side: int) -> np.ndarray:
    """Folds of cloth, along one direction."""
    coarse = random.standard_normal((4, int(random.integers(6, 24)))).astype(np.float32)
    folds = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return folds if random.random() < 0.5 else np.ascontiguousarray(folds.T)


def _shadow(random: np.random.Generator, cover: np.ndarray) -> np.ndarray:
    side = len(cover)
    shift = np.asarray([[1, 0, random.normal(0, side / 6)], [0, 1, random.normal(0, side / 6)]], np.float32)
    moved = cv2.warpAffine(cover, shift, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return cv2.GaussianBlur(moved, (0, 0), random.uniform(2, side / 8))


def _with_markers(random: np.random.Generator, screen: np.ndarray, paint: np.ndarray) -> np.ndarray:
    """Crosses, dots and squares of tape, of a like colour or of another."""
    side = len(screen)
    canvas = np.zeros((side * FINE, side * FINE), np.uint8)
    size, thickness = random.uniform(2, 9), int(random.integers(2, 8))
    kind, turn = int(random.integers(3)), random.uniform(0, np.pi / 2)
    for _ in range(int(random.integers(1, 10))):
        _draw_marker(canvas, random.uniform(0, side, 2), size, thickness, kind, turn)
    share = averaged(canvas)[..., None]
    return np.asarray(screen * (1 - share) + _draw_tape(random, paint) * share, np.float32)


def _draw_tape(random: np.random.Generator, paint: np.ndarray) -> np.ndarray:
    """The colour of markers: a darker or lighter one of the screen, a grey, or any."""
    kind = random.random()
    if kind < 0.45:
        return np.asarray(paint * random.uniform(0.2, 2.0), np.float32)
    if kind < 0.75:
        grey = np.exp(random.uniform(np.log(0.01), np.log(0.9)))
        return np.asarray(grey * np.exp(random.normal(0, 0.1, 3)), np.float32)
    return np.asarray(random.uniform(0.01, 0.8, 3), np.float32)


def _draw_marker(
    canvas: np.ndarray, middle: np.ndarray, size: float, thickness: int, kind: int, turn: float
) -> None:
    scale = FINE * 2**SHIFT
    arms = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * size
    if kind == 0:
        for arm in arms:
            ends = (np.array([middle - arm, middle + arm]) * scale).astype(np.int32)
            cv2.line(canvas, ends[0].tolist(), ends[1].tolist(), 255, thickness, cv2.LINE_AA, SHIFT)
    elif kind == 1:
        at = (middle * scale).astype(np.int32).tolist()
        cv2.circle(canvas, at, int(size * scale / 2), 255, -1, cv2.LINE_AA, SHIFT)
    else:
        corners = np.array([middle + arms[0], middle + arms[1], middle - arms[0], middle - arms[1]])
        cv2.fillPoly(canvas, [(corners * scale).astype(np.int32)], 255, cv2.LINE_AA, SHIFT)
