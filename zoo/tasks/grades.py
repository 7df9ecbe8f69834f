"""Grades: what changes the colours, and where."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from zoo.degrade.covers import body
from zoo.recipe import Crop
from zoo.tasks.shots import Look, luma, softly

Grade = Callable[[np.ndarray], np.ndarray]
"""Values -> values."""


def draw_curves(random: np.random.Generator) -> Grade:
    """A curve of each channel, and the channels mixed a little."""
    knots = np.linspace(0, 1, 5)
    ends = np.sort(np.clip(knots + random.normal(0, 0.1, (3, 5)), 0, 1), 1)
    mix = (np.eye(3) + random.normal(0, 0.12, (3, 3))).astype(np.float32)
    mix /= mix.sum(0)

    def grade(values: np.ndarray) -> np.ndarray:
        curved = np.dstack([np.interp(values[..., each], knots, ends[each]) for each in range(3)])
        return np.asarray(curved, np.float32) @ mix

    return grade


def draw_hue(random: np.random.Generator) -> Grade:
    """What has a hue becomes more, or less, or otherwise coloured."""
    chosen, width = random.uniform(0, 360), random.uniform(25, 70)
    turned, more = random.uniform(-120, 120), random.uniform(0, 2)

    def grade(values: np.ndarray) -> np.ndarray:
        hue, saturation, value = cv2.split(cv2.cvtColor(values, cv2.COLOR_RGB2HSV))
        near = softly(-apart(hue, chosen), -width, -width / 2)
        other = cv2.merge([(hue + turned * near) % 360, np.clip(saturation * more, 0, 1), value])
        share = near[..., None]
        return values * (1 - share) + cv2.cvtColor(np.asarray(other, np.float32), cv2.COLOR_HSV2RGB) * share

    return grade


def apart(hue: np.ndarray, other: float) -> np.ndarray:
    """Degrees between hues, 0..180."""
    return np.abs((hue - other + 180) % 360 - 180)


def draw_detail(random: np.random.Generator) -> Grade:
    """More, or less, of what differs from its surroundings: clarity, sharpening, softening."""
    sigma, amount = float(np.exp(random.uniform(-0.5, 2.3))), random.uniform(-0.9, 1.5)
    return lambda values: values + (values - cv2.GaussianBlur(values, (0, 0), sigma)) * np.float32(amount)


def draw_glow(random: np.random.Generator) -> Grade:
    """Light that spreads from what is bright."""
    sigma, from_, amount = random.uniform(1, 8), random.uniform(0.4, 0.8), random.uniform(0.3, 1.2)
    tint = random.uniform(0.4, 1, 3).astype(np.float32) * np.float32(amount)

    def grade(values: np.ndarray) -> np.ndarray:
        bright = values * softly(luma(values), from_, from_ + 0.2)
        spread = cv2.GaussianBlur(bright, (0, 0), sigma) * tint
        return 1 - (1 - values) * (1 - np.clip(spread, 0, 1))

    return grade


def draw_tones(random: np.random.Generator) -> Grade:
    """Two grades: one of what lies in the dark, one of what lies in the light."""
    dark, light = draw_curves(random), draw_curves(random)
    sigma, middle, width = random.uniform(0.5, 6), random.uniform(0.3, 0.6), random.uniform(0.05, 0.3)

    def grade(values: np.ndarray) -> np.ndarray:
        about = cv2.GaussianBlur(luma(values)[..., 0], (0, 0), sigma)[..., None]
        share = softly(about, middle - width, middle + width)
        return dark(values) * (1 - share) + light(values) * share

    return grade


GRADES = (draw_curves, draw_hue, draw_hue, draw_detail, draw_glow, draw_tones)


def draw_grade(random: np.random.Generator) -> Grade:
    """One of them, or two."""
    first, second = (GRADES[int(random.integers(len(GRADES)))](random) for _ in range(2))
    if random.random() < 0.6:
        return lambda values: np.clip(first(values), 0, 1)
    return lambda values: np.clip(second(np.clip(first(values), 0, 1).astype(np.float32)), 0, 1)


def grade(random: np.random.Generator) -> Look:
    """A grade of each frame."""
    graded = draw_grade(random)
    return lambda _, values: Crop(values, graded(values))


def grade_of_a_thing(random: np.random.Generator, scene: np.ndarray) -> Crop:
    """A grade of a part of the scene, with a soft edge."""
    share = body(random, len(scene))[..., None]
    change = draw_curves(random)(draw_grade(random)(scene).astype(np.float32))
    return Crop(scene, np.clip(scene * (1 - share) + change * share, 0, 1))
