"""upscale-start: what a training begins from that learns to sharpen what was enlarged.

    python -m zoo.upscale_start --data ../shared/photographs --time-limit 2h

A training keeps the size of the frame: its plates are enlarged already, two to four times, by some filter,
and its ground truth is what they were made from. So are the crops here.
"""

from __future__ import annotations

import cv2
import numpy as np

from understudy.network.effect import Architecture
from zoo.command import main
from zoo.degrade.compression import draw_file
from zoo.degrade.light import draw_exposure, draw_film
from zoo.pictures import Pictures
from zoo.recipe import Crop, Recipe

LEAST, MOST = 1.5, 4.5
WHOLE = 0.6
ENLARGED_BY = (cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_LANCZOS4)
SHRINK = (1.0, 2.0)


def make(random: np.random.Generator, pictures: Pictures, side: int) -> Crop:
    """A crop that was made smaller and larger again, and as it was."""
    film = draw_film(random)
    truth = film.values(draw_exposure(random, pictures.crop(random, side, SHRINK), film))
    factor = random.choice([2.0, 3.0, 4.0]) if random.random() < WHOLE else random.uniform(LEAST, MOST)
    small = max(8, round(side / factor))
    reduced = cv2.resize(_softened(truth, factor, random), (small, small), interpolation=cv2.INTER_AREA)
    if not film.linear:
        reduced = draw_file(random, reduced) if random.random() < 0.3 else reduced
    way = ENLARGED_BY[int(random.integers(len(ENLARGED_BY)))]
    enlarged = cv2.resize(np.asarray(reduced, np.float32), (side, side), interpolation=way)
    return Crop(enlarged if film.linear else np.clip(enlarged, 0, 1), truth)


def _softened(values: np.ndarray, factor: float, random: np.random.Generator) -> np.ndarray:
    """As some filters that make pictures smaller are softer than others."""
    if random.random() < 0.5:
        return values
    return cv2.GaussianBlur(values, (0, 0), random.uniform(0.1, 0.35) * factor)


RECIPE = Recipe(
    name="upscale-start",
    title="Upscale, the start",
    purpose="What a training begins from whose plates were enlarged and are to become sharp.",
    kinds=("start",),
    architecture=Architecture(inputs=3, outputs=3, size="small", fit_inputs=3, plate=3),
    make=make,
)

if __name__ == "__main__":
    main(RECIPE)
