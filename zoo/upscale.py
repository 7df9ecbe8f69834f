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


def make(random: np.random.Generator, pictures: Pictures, side: int) -> Crop:
    """A crop, and twice as large."""
    film = draw_film(random)
    light = draw_exposure(random, pictures.crop(random, HALF * side, SHRINK), film)
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
