"""denoise: takes the noise of cameras and the grain of film off a plate.

    python -m zoo.denoise --data ../shared/photographs --time-limit 2h

A photograph, made smaller so that it is clean, is the truth. Three in four get the noise of a camera at some
ISO, in linear light; the others get film grain, or plain Gaussian noise, and one in twenty gets nothing,
since a clean plate is to stay what it is. Two in three are then 8-bit sRGB files, about half of these
compressed; the others are scene-linear and reach beyond 1.
"""

from __future__ import annotations

import numpy as np

from understudy.network.effect import Architecture
from zoo.command import main
from zoo.degrade.compression import draw_file
from zoo.degrade.light import Film, draw_exposure, draw_film
from zoo.degrade.noise import draw_camera, draw_grain
from zoo.pictures import Pictures
from zoo.recipe import Crop, Recipe

CAMERA, GRAIN, PLAIN = 0.75, 0.87, 0.95


def make(random: np.random.Generator, pictures: Pictures, side: int) -> Crop:
    """A crop with noise, and without."""
    film = draw_film(random)
    light = draw_exposure(random, pictures.crop(random, side), film)
    truth = film.values(light)
    noisy = _noisy(random, light, truth, film)
    return Crop(noisy if film.linear else draw_file(random, noisy), truth)


def _noisy(random: np.random.Generator, light: np.ndarray, truth: np.ndarray, film: Film) -> np.ndarray:
    kind = random.random()
    if kind < CAMERA:
        return film.values(light + draw_camera(random).sample(random, light))
    if kind < GRAIN:
        return truth + draw_grain(random, truth)
    if kind < PLAIN:
        sigma = np.float32(np.exp(random.uniform(np.log(0.008), np.log(0.2))))
        return truth + sigma * random.standard_normal(truth.shape, np.float32)
    return truth


RECIPE = Recipe(
    name="denoise",
    title="Denoise",
    purpose="Takes the noise of cameras and the grain of film off a plate.",
    kinds=("network", "start"),
    architecture=Architecture(inputs=3, outputs=3, size="small", fit_inputs=3, plate=3),
    make=make,
)

if __name__ == "__main__":
    main(RECIPE)
