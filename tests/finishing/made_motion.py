"""A textured disc that flies over a textured ground, as a camera with a shutter sees it; all from numbers."""

from __future__ import annotations

import cv2
import numpy as np

HEIGHT, WIDTH, RADIUS = 240, 400, 62
STEPS = 25


def texture(seed: int, size: tuple[int, int]) -> np.ndarray:
    """Patches with edges, 0.3 to 0.6."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random(size).astype(np.float32), (0, 0), 7)
    return np.where(noise > noise.mean(), 0.58, 0.34).astype(np.float32)


GROUND, SKIN = texture(1, (HEIGHT, WIDTH)) * 0.5, texture(2, (3 * HEIGHT, 3 * WIDTH)) + 0.2


def matte_at(x: float, y: float) -> np.ndarray:
    """The disc around a place, without motion."""
    down, right = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    return np.clip(RADIUS - np.hypot(right - x, down - y) + 0.5, 0, 1).astype(np.float32)


def frame(number: int, velocity: tuple[float, float], shutter: float) -> tuple[np.ndarray, np.ndarray]:
    """The matte (height, width) and the plate of a frame; the disc is in the middle in frame 0."""
    mattes, plates = [], []
    down, right = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    for step in range(STEPS):
        time = number + shutter * ((step + 0.5) / STEPS - 0.5)
        x, y = WIDTH / 2 + velocity[0] * time, HEIGHT / 2 + velocity[1] * time
        matte = matte_at(x, y)
        skin = cv2.remap(SKIN, right - np.float32(x - WIDTH), down - np.float32(y - HEIGHT), cv2.INTER_LINEAR)
        mattes.append(matte)
        plates.append(GROUND * (1 - matte) + skin * matte)
    grain = 0.004 * np.random.default_rng(number + 10).standard_normal((HEIGHT, WIDTH), np.float32)
    plate = cv2.GaussianBlur(np.mean(plates, axis=0, dtype=np.float32), (0, 0), 0.7) + grain
    return np.mean(mattes, axis=0, dtype=np.float32), plate
