"""deblur: takes the blur of a shaken camera, of motion, and slight defocus off a plate.

    python -m zoo.deblur --data ../shared/photographs --time-limit 2h

A photograph is the truth. In linear light it is shaken along a path of up to 30 pixels, or two of them are
layers that move apart, or it is out of focus; one in ten stays sharp, since what is sharp is to stay what it
is. Then it gets a little of a camera's noise, and becomes an 8-bit file, compressed or not, or a scene-linear
one.
"""

from __future__ import annotations

import numpy as np

from understudy.network.effect import Architecture
from zoo.command import main
from zoo.degrade.blur import REACH, blurred, draw_defocus, draw_motion, draw_shape, layered
from zoo.degrade.compression import draw_file
from zoo.degrade.light import Film, draw_exposure, draw_film
from zoo.degrade.noise import CameraNoise
from zoo.pictures import Pictures
from zoo.recipe import Crop, Recipe

SHAKEN, LAYERED, DEFOCUSED = 0.55, 0.75, 0.9
SHRINK = (1.0, 1.5)
MOST_SHOT = 2e-3


def make(random: np.random.Generator, pictures: Pictures, side: int) -> Crop:
    """A blurred crop, and the sharp one, cut from a larger one, as what lies around it blurs into it."""
    film = draw_film(random)
    whole = side + 2 * REACH
    sharp = draw_exposure(random, pictures.crop(random, whole, SHRINK), film)
    soft, sharp = _spoilt(random, pictures, sharp, film)
    inner = slice(REACH, REACH + side)
    soft, sharp = soft[inner, inner], sharp[inner, inner]
    values = film.values(soft + _noise(random, soft))
    return Crop(values if film.linear else draw_file(random, values), film.values(sharp))


def _spoilt(
    random: np.random.Generator, pictures: Pictures, sharp: np.ndarray, film: Film
) -> tuple[np.ndarray, np.ndarray]:
    """Light blurred and sharp."""
    kind = random.random()
    if kind < SHAKEN:
        return blurred(sharp, draw_motion(random)), sharp
    if kind < LAYERED:
        front = draw_exposure(random, pictures.crop(random, len(sharp), SHRINK), film)
        behind = draw_motion(random) if random.random() < 0.5 else np.ones((1, 1), np.float32)
        return layered(front, draw_shape(random, len(sharp)), sharp, (draw_motion(random), behind))
    if kind < DEFOCUSED:
        return blurred(sharp, draw_defocus(random)), sharp
    return sharp, sharp


def _noise(random: np.random.Generator, light: np.ndarray) -> np.ndarray:
    shot = float(np.exp(random.uniform(np.log(1e-5), np.log(MOST_SHOT))))
    return CameraNoise(shot, shot * shot, mosaic=bool(random.random() < 0.5)).sample(random, light)


RECIPE = Recipe(
    name="deblur",
    title="Deblur",
    purpose="Takes the blur of a shaken camera, of motion, and slight defocus off a plate.",
    kinds=("network", "start"),
    architecture=Architecture(inputs=3, outputs=3, size="small", fit_inputs=3, plate=3),
    make=make,
    side=160,
    crops=3,
)

if __name__ == "__main__":
    main(RECIPE)
