"""What spoils a frame, and is to be taken off: blur, noise, compression, a size that was too small."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from understudy.colour.scene_linear import linear_to_srgb, srgb_to_linear
from zoo.degrade.blur import blurred, defocus_kernel, path_kernel, shake_path
from zoo.degrade.compression import compressed
from zoo.degrade.noise import at_iso, draw_grain
from zoo.recipe import Crop
from zoo.tasks.shots import Look

Spoil = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def draw_blur(random: np.random.Generator) -> Spoil:
    """Defocus of one strength, or shake: the same for all frames, or each frame's own."""
    if random.random() < 0.5:
        kernel = defocus_kernel(random.uniform(0.7, 3), int(random.choice([0, 5, 6])))
        return lambda _, values: _through(values, kernel)
    length, own = random.uniform(3, 12), bool(random.random() < 0.5)
    kernel = path_kernel(shake_path(random, length))
    return lambda each, values: _through(values, path_kernel(shake_path(each, length)) if own else kernel)


def _through(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    light = blurred(srgb_to_linear(values).astype(np.float32), kernel)
    return np.asarray(np.clip(linear_to_srgb(light), 0, 1), np.float32)


def draw_noise(random: np.random.Generator) -> Spoil:
    """Of a camera at some ISO, or of film."""
    if random.random() < 0.4:
        return lambda each, values: values + draw_grain(each, values)
    camera = at_iso(float(np.exp(random.uniform(np.log(400), np.log(12800)))), bool(random.random() < 0.5))

    def spoil(each: np.random.Generator, values: np.ndarray) -> np.ndarray:
        light = srgb_to_linear(values).astype(np.float32)
        return np.asarray(linear_to_srgb(np.clip(light + camera.sample(each, light), 0, 1)), np.float32)

    return spoil


def draw_compression(random: np.random.Generator) -> Spoil:
    """Blocks of a codec."""
    quality, halved = int(random.integers(12, 60)), bool(random.random() < 0.6)
    return lambda _, values: compressed(values, quality, halved)


def draw_shrink(random: np.random.Generator) -> Spoil:
    """What is left of detail when a frame was made smaller, and enlarged again."""
    factor = random.uniform(1.5, 4)

    def spoil(_: np.random.Generator, values: np.ndarray) -> np.ndarray:
        size = tuple(max(4, round(side / factor)) for side in values.shape[1::-1])
        small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
        return cv2.resize(small, values.shape[1::-1], interpolation=cv2.INTER_CUBIC)

    return spoil


SPOILS = (draw_blur, draw_blur, draw_noise, draw_noise, draw_compression, draw_shrink)


def spoil(random: np.random.Generator) -> Look:
    """One of them, now and then two, to be taken off."""
    count = 2 if random.random() < 0.2 else 1
    spoils = [SPOILS[int(random.integers(len(SPOILS)))](random) for _ in range(count)]

    def look(each: np.random.Generator, values: np.ndarray) -> Crop:
        spoilt = values
        for one in spoils:
            spoilt = np.asarray(np.clip(one(each, spoilt), 0, 1), np.float32)
        return Crop(spoilt, values)

    return look
