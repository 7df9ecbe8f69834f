"""Clean-ups: markers, wires, specks, freckles and scratches, to be painted out; and paint that is put on."""

from __future__ import annotations

import cv2
import numpy as np

from zoo.degrade.covers import FINE, SHIFT
from zoo.recipe import Crop
from zoo.tasks.shots import Look

FULL = 255
UNIT = FINE * 2**SHIFT


def draw_marks(random: np.random.Generator, side: int) -> np.ndarray:
    """Coverage (side, side, 1) of what was put before, or on, something: spots, crosses or lines, alike."""
    kind = int(random.integers(4))
    if kind == 0:
        return _spots(random, side, int(random.integers(15, 80)), (0.5, 2.2))
    if kind == 1:
        return _spots(random, side, int(random.integers(3, 12)), (2, 6))
    return _crosses(random, side) if kind == 2 else _lines(random, side)


def _spots(random: np.random.Generator, side: int, count: int, sizes: tuple[float, float]) -> np.ndarray:
    canvas = _canvas(side)
    for _ in range(count):
        at = (random.uniform(0, side, 2) * UNIT).astype(int).tolist()
        cv2.circle(canvas, at, int(random.uniform(*sizes) * UNIT), FULL, -1, cv2.LINE_AA, SHIFT)
    return _averaged(canvas)


def _crosses(random: np.random.Generator, side: int) -> np.ndarray:
    canvas = _canvas(side)
    arm, thick = random.uniform(3, 7), int(random.integers(2, 6))
    turn = random.uniform(0, np.pi / 2)
    way = np.array([np.cos(turn), np.sin(turn)]) * arm
    for _ in range(int(random.integers(2, 8))):
        middle = random.uniform(0, side, 2)
        for each in (way, way[::-1] * [-1, 1]):
            _line(canvas, np.array([middle - each, middle + each]), thick)
    return _averaged(canvas)


def _lines(random: np.random.Generator, side: int) -> np.ndarray:
    """Wires, which sag."""
    canvas, along = _canvas(side), np.linspace(0, 1, 12)[:, None]
    thick = int(random.integers(1, 6))
    for _ in range(int(random.integers(1, 5))):
        ends = random.uniform(-0.2, 1.2, (2, 2)) * side
        sag = random.normal(0, 0.1) * side * 4 * along * (1 - along)
        _line(canvas, ends[0] * (1 - along) + ends[1] * along + sag * [0, 1], thick)
    return _averaged(canvas)


def _canvas(side: int) -> np.ndarray:
    return np.zeros((side * FINE, side * FINE), np.uint8)


def _line(canvas: np.ndarray, points: np.ndarray, thick: int) -> None:
    cv2.polylines(canvas, [(points * UNIT).astype(np.int32)], False, FULL, thick, cv2.LINE_AA, SHIFT)


def _averaged(canvas: np.ndarray) -> np.ndarray:
    side = len(canvas) // FINE
    return canvas.reshape(side, FINE, side, FINE).mean((1, 3), dtype=np.float32)[..., None] / FULL


def _painted(random: np.random.Generator, values: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Values with paint of one colour on them, or darker or lighter there."""
    if random.random() < 0.5:
        paint = random.uniform(0, 1, 3).astype(np.float32)
    else:
        paint = np.clip(values * random.uniform(0.3, 1.8, 3).astype(np.float32), 0, 1)
    share = share * np.float32(random.uniform(0.6, 1))
    return values * (1 - share) + paint * share


def clean_up(random: np.random.Generator, scene: np.ndarray) -> Crop:
    """A scene with marks on it, and the clean one; now and then the marks are what is wanted."""
    share = draw_marks(random, len(scene))
    if random.random() < 0.4:
        share = cv2.GaussianBlur(share, (0, 0), random.uniform(0.4, 1.2))[..., None]
    marked = _painted(random, scene, share)
    return Crop(scene, marked) if random.random() < 0.2 else Crop(marked, scene)


def dust(random: np.random.Generator) -> Look:
    """Dust and scratches of one kind, elsewhere on each frame, to be taken off."""
    kind = int(random.integers(1 << 31))
    paint = np.float32(random.choice([0.02, 0.95]))

    def look(each: np.random.Generator, values: np.ndarray) -> Crop:
        alike = np.random.default_rng(kind)
        share = _spots(each, len(values), int(alike.integers(5, 40)), (0.5, alike.uniform(0.8, 2.5)))
        return Crop(values * (1 - share) + paint * share, values)

    return look
