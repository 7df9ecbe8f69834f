"""Rendered people and things as others than they were rendered: in other colours, cloths and shapes, so that
none of them can be learned by heart.
"""

from __future__ import annotations

import cv2
import numpy as np

from zoo.degrade.covers import field
from zoo.pictures import Pictures

DYED, PRINTED = 0.75, 0.2
"""How often something is dyed, and how often what is dyed gets a photograph's pattern."""
DYES = 3
BENT = 0.6
BEND = 0.035
"""Of its height, how far each place is moved, in the mean."""
LEAST = 1e-3


def dyed(random: np.random.Generator, light: np.ndarray, pictures: Pictures) -> np.ndarray:
    """Premultiplied light and alpha (H, W, 4) in which all that is of one colour, as a cloth, has another, or
    a pattern; up to three times. What it covers stays."""
    if random.random() > DYED:
        return light
    alpha = light[..., 3]
    inside = np.argwhere(alpha > 0.5)
    if not len(inside):
        return light
    colours = light[..., :3].copy()
    for _ in range(int(random.integers(1, DYES + 1))):
        row, column = inside[int(random.integers(len(inside)))]
        share = _alike(random, colours, alpha, colours[row, column])[..., None]
        dye = np.exp(random.normal(0, 0.5, 3) + random.normal(0, 0.4)).astype(np.float32)
        other = colours * dye
        if random.random() < PRINTED:
            print_ = cv2.resize(pictures.crop(random, 96, (1, 4)), alpha.shape[::-1])
            shade = colours.mean(2, keepdims=True)
            level = float(shade.sum() / max(float(alpha.sum()), 1.0))
            other = print_ * shade / max(level, LEAST)
        colours += share * (other - colours)
    colours = np.minimum(colours, 1.2 * alpha[..., None])
    return np.dstack([colours, alpha])


def _alike(
    random: np.random.Generator, colours: np.ndarray, alpha: np.ndarray, colour: np.ndarray
) -> np.ndarray:
    """0..1: how much each pixel is of a colour, however bright it is."""
    sums = colours.sum(2, keepdims=True)
    hues = colours / np.maximum(sums, LEAST)
    apart = np.square(hues - colour / max(float(colour.sum()), LEAST)).sum(2)
    return np.asarray(np.exp(-apart / np.float32(random.uniform(0.03, 0.15) ** 2)) * (alpha > 0))


def bent(random: np.random.Generator, across: np.ndarray, height: float) -> np.ndarray:
    """Where each pixel of a frame comes from (S, S, 2), moved about smoothly; ``height``: of the person or
    thing there, in the pixels that it comes from."""
    if random.random() > BENT:
        return across
    side, cells = len(across), int(random.integers(2, 6))
    far = np.float32(BEND * height * random.uniform(0.3, 1.5))
    return across + far * np.dstack([field(random, side, cells), field(random, side, cells)])
