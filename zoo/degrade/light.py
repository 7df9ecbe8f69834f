"""Light <-> the values that a network sees: sRGB of 8-bit files, or the curve of scene-linear ones.

The two curves are nearly alike where there is most of a picture (0.18 is 0.46 in the one, 0.48 in the other),
so one network learns both, and a plate goes in as what its files hold.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from understudy.colour import LINEAR, encode
from understudy.colour.scene_linear import linear_to_srgb

LINEAR_SHARE = 0.35
"""How many crops are as of scene-linear files; the others are as of display-referred ones."""


class Film(NamedTuple):
    """How light becomes values: ``linear`` as of a scene-linear file, unbounded; else sRGB, 0..1."""

    linear: bool

    def values(self, light: np.ndarray) -> np.ndarray:
        """float32 network values."""
        if self.linear:
            return np.asarray(encode(np.asarray(light, np.float32), LINEAR))
        return np.clip(linear_to_srgb(light), 0, 1)


def draw_film(random: np.random.Generator) -> Film:
    return Film(bool(random.random() < LINEAR_SHARE))


def draw_exposure(random: np.random.Generator, light: np.ndarray, film: Film) -> np.ndarray:
    """The same scene, brighter or darker, in other light; of a scene-linear one, highlights reach beyond 1 as
    they did before a camera's curve held them."""
    gains = np.exp(random.normal(0, 0.1, 3)).astype(np.float32)
    stops = random.uniform(-1.5, 0.5) if random.random() < 0.6 else 0.0
    exposed = light * gains * np.float32(2.0**stops)
    if film.linear:
        held = np.float32(random.uniform(0, 0.9))
        return exposed / (1 - held * np.minimum(light, 1))
    return np.minimum(exposed, 1)
