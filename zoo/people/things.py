"""What stands about beside people: blobs, leaves, boxes, discs, wheels and poles."""

from __future__ import annotations

import numpy as np

from zoo.degrade.covers import draw_cover, field
from zoo.degrade.solids import solids
from zoo.pictures import Pictures


def draw_thing(random: np.random.Generator, pictures: Pictures, side: int) -> np.ndarray:
    """Anything but a person, as a premultiplied layer (S, S, 4): blobs, leaves, boxes, poles, wheels, in the
    colours of a photograph or in plain ones."""
    cover = (
        draw_cover(random, side) * _window(random, side) if random.random() < 0.4 else solids(random, side)
    )
    if random.random() < 0.6:
        light = pictures.crop(random, side, (1, 3))
    else:
        shade = np.exp(0.4 * field(random, side, 2))[..., None]
        light = np.float32(random.beta(0.7, 1.5, 3)) * shade
    return np.concatenate([light * cover[..., None], cover[..., None]], 2).astype(np.float32)


def _window(random: np.random.Generator, side: int) -> np.ndarray:
    """1 about some place, 0 elsewhere, so that a cover leaves most of a frame free."""
    rows, columns = np.mgrid[:side, :side].astype(np.float32) / side
    middle, reach = random.uniform(0, 1, 2), random.uniform(0.08, 0.4, 2)
    away = np.hypot((rows - middle[0]) / reach[0], (columns - middle[1]) / reach[1])
    return np.clip((1 - away) * 12, 0, 1)
