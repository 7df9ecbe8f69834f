"""Motion for measuring alone, of kinds that no training has seen: stars and rings that fly before one
another, and photographs that hang in space, which a camera moves through."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from zoo.degrade.light import Film
from zoo.degrade.moving import FIRST, MARGIN, SECOND, Layer, Motion, frame, near_edges, true_motion
from zoo.degrade.noise import at_iso
from zoo.degrade.solids import FINE, FULL, SHIFT, averaged
from zoo.pictures import Pictures

SIDE = 448
ISO = 400
SHUTTER = 0.4
THINGS = 3
FASTEST = 40.0
DISPLAY = Film(linear=False)
AWAY = (1.3, 3.5)
"""How far photographs hang from the camera; one that is 1 away fills the frame."""


@dataclass(frozen=True)
class Pair:
    """Two frames (H, W, 3) 0..1 as of 8-bit files; the true motion (H, W, 2) from the first to the second;
    and where edges of it are near (H, W)."""

    first: np.ndarray
    second: np.ndarray
    motion: np.ndarray
    near: np.ndarray


def flying(random: np.random.Generator, pictures: Pictures) -> list[Layer]:
    """Stars and rings before a photograph."""
    size = SIDE + 2 * MARGIN
    layers = [Layer(pictures.crop(random, size, (1.0, 1.5)), _motion(random, 12))]
    for number in range(THINGS):
        cover = _star(random, size) if number % 2 == 0 else _ring(random, size)
        layers.append(Layer(pictures.crop(random, size, (1.0, 1.5)), _motion(random, FASTEST), cover))
    return layers


def _motion(random: np.random.Generator, fastest: float) -> Motion:
    angle, length = random.uniform(0, 2 * np.pi), random.uniform(0, fastest)
    shift = length * np.array([np.cos(angle), np.sin(angle)])
    turn, zoom = random.normal(0, 0.04), random.normal(0, 0.03)
    return Motion(random.uniform(0.3, 0.7, 2) * SIDE, shift, turn, zoom)


def _star(random: np.random.Generator, side: int) -> np.ndarray:
    points = 2 * int(random.integers(3, 8))
    angles = np.arange(points) * (2 * np.pi / points) + random.uniform(0, 2 * np.pi)
    radii = np.where(np.arange(points) % 2, random.uniform(0.25, 0.7), 1) * random.uniform(0.08, 0.22) * side
    corners = (
        np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, None] + random.uniform(0.2, 0.8, 2) * side
    )
    canvas = np.zeros((side * FINE, side * FINE), np.uint8)
    cv2.fillPoly(canvas, [(corners * FINE * 2**SHIFT).astype(np.int32)], FULL, cv2.LINE_AA, SHIFT)
    return averaged(canvas)


def _ring(random: np.random.Generator, side: int) -> np.ndarray:
    canvas = np.zeros((side * FINE, side * FINE), np.uint8)
    middle = (random.uniform(0.2, 0.8, 2) * side * FINE).astype(int).tolist()
    radius = int(random.uniform(0.06, 0.18) * side * FINE)
    cv2.circle(canvas, middle, radius, FULL, int(radius * random.uniform(0.2, 0.6)), cv2.LINE_AA)
    return averaged(canvas)


@dataclass(frozen=True, eq=False)
class InSpace:
    """A photograph that hangs ``away``, turned by ``turn`` (3,) radians about ``place`` (3,), seen by a
    camera that in a frame's time moves by ``moves`` and turns by ``looks`` (3,)."""

    place: np.ndarray
    turn: np.ndarray
    size: float
    moves: np.ndarray
    looks: np.ndarray
    bend: None = None

    def matrix(self, time: float) -> np.ndarray:
        """Where its pixels are in the frame, as a homography (3, 3)."""
        eye, _ = cv2.Rodrigues(self.looks * time)
        pose, _ = cv2.Rodrigues(self.turn)
        axes = eye @ np.stack([pose[:, 0], pose[:, 1]], 1)
        there = eye @ (self.place - self.moves * time)
        scale = self.size / SIDE
        middle = (SIDE + 2 * MARGIN) / 2
        pixels = np.array([[scale, 0, -scale * middle], [0, scale, -scale * middle], [0, 0, 1]])
        lens = np.array([[SIDE, 0, SIDE / 2], [0, SIDE, SIDE / 2], [0, 0, 1.0]])
        return np.asarray(lens @ np.column_stack([axes, there]) @ pixels)


def hanging(random: np.random.Generator, pictures: Pictures) -> list[Layer]:
    """Photographs in space, the furthest first, and a camera that moves through them."""
    moves = random.normal(0, [0.06, 0.06, 0.08])
    looks = random.normal(0, 0.02, 3)
    size = SIDE + 2 * MARGIN
    wall = InSpace(np.array([0, 0, 4.0]), random.normal(0, 0.12, 3), 5.0, moves, looks)
    layers = [Layer(pictures.crop(random, size, (1.0, 1.5)), wall)]
    for away in sorted(random.uniform(*AWAY, THINGS), reverse=True):
        place = np.array([*random.uniform(-0.4, 0.4, 2) * away, away])
        hung = InSpace(place, random.normal(0, 0.3, 3), random.uniform(0.3, 0.8), moves, looks)
        layers.append(Layer(pictures.crop(random, size, (1.0, 1.5)), hung, np.ones((size, size), np.float32)))
    return layers


def draw_pair(random: np.random.Generator, layers: list[Layer], blurred: bool) -> Pair:
    """What a camera makes of layers, at ISO 400, in 8 bits."""
    shutter, noise = SHUTTER if blurred else 0.0, at_iso(ISO)
    frames = []
    for time in (FIRST, SECOND):
        light = frame(layers, time, SIDE, shutter)
        values = DISPLAY.values(light + noise.sample(random, light))
        frames.append(np.rint(values * FULL).astype(np.float32) / FULL)
    motion = true_motion(layers, SIDE)
    return Pair(frames[0], frames[1], motion, near_edges(motion))
