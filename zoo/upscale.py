"""upscale: twice the size.

    python -m zoo.upscale --data ../shared/photographs --time-limit 2h

A photograph is the truth; made half as large it is what goes in: bicubic for the most part, as pictures are
made smaller in practice, and by other filters. One in six is compressed a little, or has a little noise,
which is not to be enlarged.
"""

from __future__ import annotations

import numpy as np

from understudy.network.effect import Architecture
from zoo.command import main
from zoo.degrade.compression import compressed, quantised
from zoo.degrade.light import draw_exposure, draw_film
from zoo.degrade.shrink import FILTERS, HALF, cubic, halved
from zoo.pictures import Pictures
from zoo.recipe import Crop, Recipe

BICUBIC, CLEAN = 0.7, 0.85
SHRINK = (1.0, 1.6)
MOST_SIGMA = 0.012
CHOICES, CHOSEN = 3, 0.75
"""Of so many places the one with the most detail is taken, in so many of all crops: skies teach little."""


def make(random: np.random.Generator, pictures: Pictures, side: int) -> Crop:
    """A crop, and twice as large."""
    film = draw_film(random)
    light = draw_exposure(random, draw_place(random, pictures, HALF * side), film)
    truth = film.values(light)
    chosen = cubic if random.random() < BICUBIC else FILTERS[int(random.integers(len(FILTERS)))]
    small = halved(truth, chosen)
    if random.random() > CLEAN:
        small = small + random.standard_normal(small.shape, np.float32) * random.uniform(0, MOST_SIGMA)
        if not film.linear:
            small = compressed(small, int(random.integers(80, 98)), bool(random.random() < 0.5))
    elif not film.linear:
        small = quantised(small).astype(np.float32) / 255
    return Crop(np.asarray(small, np.float32), truth)


def draw_place(random: np.random.Generator, pictures: Pictures, side: int) -> np.ndarray:
    """Light of a place in a photograph, for the most part of one with detail."""
    count = CHOICES if random.random() < CHOSEN else 1
    return max((pictures.crop(random, side, SHRINK) for _ in range(count)), key=_detail)


def _detail(light: np.ndarray) -> float:
    """How much neighbours differ, about as they are seen."""
    values = np.sqrt(light[..., 1])
    return float(np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean())


RECIPE = Recipe(
    name="upscale",
    title="Upscale",
    purpose="Twice the size, as sharp as a photograph of that size.",
    kinds=("network",),
    architecture=Architecture(
        inputs=3,
        outputs=3,
        size="fine-detail",
        fit_inputs=3,
        plate=3,
        scale=HALF,
    ),
    make=make,
    side=64,
    crops=4,
)

if __name__ == "__main__":
    main(RECIPE)
