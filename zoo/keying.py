"""keying: alpha and straight foreground of what stands before a green or blue screen.

    python -m zoo.keying --data ../shared/photographs --time-limit 2h

Covers with exact soft alpha (bodies, hair, leaves, rings, veils) get a photograph or a plain colour, and the
screen's light as spill, and are laid over a screen in linear light: uneven, creased, shaded, with markers.
Then come motion blur or defocus, noise, and the file. The truth is the alpha, and the foreground without
screen and spill.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from understudy.network.effect import Architecture
from understudy.network.losses import gradient
from zoo.command import main
from zoo.degrade.blur import blurred, defocus_kernel, path_kernel, shake_path
from zoo.degrade.compression import draw_file
from zoo.degrade.covers import draw_cover, field
from zoo.degrade.light import Film, draw_exposure, draw_film
from zoo.degrade.noise import CameraNoise
from zoo.degrade.screen import BLUE, GREEN, draw_paint, draw_screen
from zoo.pictures import Pictures
from zoo.recipe import Crop, Recipe

PLAIN_COLOURS = np.asarray(
    [
        [0.60, 0.36, 0.26],  # skins
        [0.35, 0.19, 0.12],
        [0.14, 0.07, 0.045],
        [0.03, 0.02, 0.015],  # hair
        [0.12, 0.06, 0.03],
        [0.50, 0.35, 0.16],
        [0.80, 0.80, 0.80],  # cloth
        [0.18, 0.18, 0.18],
        [0.02, 0.02, 0.025],
        [0.50, 0.04, 0.03],
        [0.05, 0.08, 0.25],
        [0.55, 0.42, 0.06],
    ],
    np.float32,
)
PLAIN = 0.5
NEARLY_NONE = 1e-3
SOFT_EDGE = 1.5
LITTLE, LEAST_COVER = 0.15, 0.05
"""How much the colours of a picture count as if it had as much foreground as any."""


def make(random: np.random.Generator, pictures: Pictures, side: int) -> Crop:
    """A plate, and its foreground's R, G and B, and alpha."""
    film, key = draw_film(random), draw_key(random)
    return make_before(random, pictures, side, film, key)


def draw_key(random: np.random.Generator) -> int:
    """The channel of a screen's colour."""
    return GREEN if random.random() < 0.65 else BLUE


def make_before(random: np.random.Generator, pictures: Pictures, side: int, film: Film, key: int) -> Crop:
    """The same, before a screen of a colour."""
    cover = draw_cover(random, side)
    paint = draw_paint(random, key)
    foreground = draw_foreground(random, pictures, side, key, film)
    screen = draw_screen(random, side, paint, cover)
    lit = foreground + draw_spill(random, foreground, cover, paint)
    alpha, straight, plate = composed(draw_kernel(random), cover, foreground, lit, screen)
    values = film.values(plate + _noise(random, plate))
    truth = np.dstack([film.values(straight), alpha])
    return Crop(values if film.linear else draw_file(random, values), np.asarray(truth, np.float32))


def draw_foreground(
    random: np.random.Generator, pictures: Pictures, side: int, key: int, film: Film
) -> np.ndarray:
    """Light of what stands before the screen: a photograph, or a plain colour with a photograph's light and
    shade. Most of it has no more of the screen's colour than of the others, as what is chosen to be keyed."""
    light = draw_exposure(random, pictures.crop(random, side), film)
    if random.random() < PLAIN:
        shade = light.mean(2, keepdims=True) / max(float(light.mean()), 1e-3)
        varies = np.float32(random.uniform(0, 0.9))
        light = draw_colour(random) * (1 - varies + varies * np.minimum(shade, 4))
    if random.random() < 0.85:
        others = light[..., [channel for channel in range(3) if channel != key]].max(2)
        light[..., key] = np.minimum(light[..., key], others * np.float32(random.uniform(0.95, 1.2)))
    return np.asarray(light, np.float32)


def draw_colour(random: np.random.Generator) -> np.ndarray:
    """Skin, hair, cloth, or a colour that is more or less muted; float32 (3,)."""
    if random.random() < 0.4:
        return PLAIN_COLOURS[int(random.integers(len(PLAIN_COLOURS)))]
    grey = np.exp(random.uniform(np.log(0.015), np.log(0.8)))
    return np.asarray(grey * np.exp(random.normal(0, random.uniform(0.03, 0.6), 3)), np.float32)


def draw_spill(
    random: np.random.Generator, foreground: np.ndarray, cover: np.ndarray, paint: np.ndarray
) -> np.ndarray:
    """The screen's light on the foreground: most of it near the edges, more where that is bright."""
    near = 1 - blurred(cover, defocus_kernel(random.uniform(4, 14)))
    strength = random.uniform(0, 0.3) * (random.uniform(0.1, 0.6) + near)
    takes = 0.15 + foreground.mean(2) * random.uniform(0.2, 1)
    wavers = np.exp(0.3 * field(random, len(cover), 2))
    return np.asarray((strength * takes * wavers)[..., None] * paint, np.float32)


def draw_kernel(random: np.random.Generator) -> np.ndarray:
    """What the camera does to the edge."""
    kind = random.random()
    if kind < 0.25:
        return path_kernel(shake_path(random, float(np.exp(random.uniform(np.log(2), np.log(16))))))
    return defocus_kernel(float(np.exp(random.uniform(np.log(0.5), np.log(1.2 if kind < 0.8 else 5)))))


def composed(
    kernel: np.ndarray, cover: np.ndarray, foreground: np.ndarray, lit: np.ndarray, screen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Alpha, the straight foreground without spill, and the plate, all seen through a kernel."""
    alpha = np.clip(blurred(cover, kernel), 0, 1)
    over = cover[..., None]
    premultiplied = blurred(foreground * over, kernel)
    straight = premultiplied / np.maximum(alpha, NEARLY_NONE)[..., None]
    plate = blurred(lit * over + screen * (1 - over), kernel)
    return alpha, np.where(alpha[..., None] > NEARLY_NONE, straight, foreground), plate


def _noise(random: np.random.Generator, light: np.ndarray) -> np.ndarray:
    shot = float(np.exp(random.uniform(np.log(1e-5), np.log(3e-3))))
    return CameraNoise(shot, shot * shot, mosaic=bool(random.random() < 0.5)).sample(random, light)


def loss(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """L1 of the alpha, more at soft edges, and of its differences between neighbours; of the foreground where
    there is one, more where there is little of it; and of both together, as they go over another picture."""
    (colours, alpha), (wanted_colours, wanted) = (each.split((3, 1), 1) for each in (result, truth))
    soft = 1 + SOFT_EDGE * (4 * wanted * (1 - wanted))
    matte = ((alpha - wanted).abs() * soft * weight).mean()
    over = ((alpha * colours - wanted * wanted_colours).abs() * weight).mean()
    apart = ((colours - wanted_colours).abs() * wanted * weight).mean((1, 2, 3))
    straight = (apart + LITTLE * apart / (wanted.mean((1, 2, 3)) + LEAST_COVER)).mean()
    return matte + 0.5 * gradient(alpha, wanted, weight) + straight + 0.5 * over


RECIPE = Recipe(
    name="keying",
    title="Keying",
    purpose="Alpha and straight foreground of what stands before a green or blue screen, without its spill.",
    kinds=("network", "start"),
    architecture=Architecture(
        inputs=3, outputs=4, size="small", same_channels=False, fit_inputs=3, plate=3, screen=True
    ),
    make=make,
    loss=loss,
    output_channels=("foreground.R", "foreground.G", "foreground.B", "alpha"),
    judged=(3, 4),
)

if __name__ == "__main__":
    main(RECIPE)
