"""denoise-renders: takes the noise of path tracing off a render, by its albedo and its normals.

    python -m zoo.render_scenes --data ../shared/photographs --renders ../renders --count 100
    python -m zoo.denoise_renders --data ../shared/photographs --renders ../renders --time-limit 2h

Of a made scene there are renders with 1 to 32 samples that have none in common: one of them goes in, and all
the others together are the truth. That has some noise of its own, which goes into no direction and is not
learned: where there is much of it a pixel counts for little, as the mean of noise is no longer that of light
once it has gone through a curve, and the light of some 16 and some 256 pixels together for all the more. The
network sees the light divided by the albedo, see ``understudy.network.irradiance``, and weighs
it, see ``understudy.network.kernels``.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from understudy.colour import LINEAR, PLAIN, encode
from understudy.network.colour_fit import Scaling
from understudy.network.effect import Architecture
from understudy.network.irradiance import light_of, values_of
from understudy.network.model_file import ExtraInput
from zoo.command import main
from zoo.pictures import turned
from zoo.recipe import Crop, Recipe
from zoo.renders.store import Rendered, load

ALBEDO = ["albedo.R", "albedo.G", "albedo.B"]
NORMAL = ["N.X", "N.Y", "N.Z"]
LIGHT, TO_LAYERS = 3, slice(3, 9)
MOST_SAMPLES = 16
"""A render of more is not what goes in: what is left would be no cleaner than that."""
SMOOTH = 0.1
"""Up to which difference, of network values, the loss is that of the mean and not of the median."""
SURE = 0.1
"""A pixel of the truth that is off by so much counts half."""
TOGETHER = (4, 16)
"""Pixels a side of what is compared as one."""

BRIGHTEST = 3.0
"""Network value of light 300 times white, and what lies beyond it is seen up to 2500 times: single paths that
found a lamp are as bright, and what is not seen cannot be taken away."""


def make(random: np.random.Generator, renders: tuple[Rendered, ...], side: int) -> Crop:
    """A crop of a render, and of all others of the same scene: nine channels; and the truth, the same as its
    noise has left it, and how sure that is, of which the loss takes all seven."""
    scene = renders[int(random.integers(len(renders)))]
    side = min(side, *scene.renders.shape[1:3])
    rows, columns = (_part(random, length, side) for length in scene.renders.shape[1:3])
    few = [place for place, count in enumerate(scene.counts) if count <= MOST_SAMPLES]
    chosen = int(random.choice(few))
    given = scene.renders[chosen, rows, columns].astype(np.float32)
    truth = scene.others[chosen]
    gain = draw_gain(random, truth.whole[rows, columns])
    layers = _in_another_world(random, given[..., TO_LAYERS])
    way = int(random.integers(8))
    seen = np.concatenate([encode(given[..., :LIGHT] * gain, LINEAR), layers], 2)

    def curve(light: np.ndarray) -> np.ndarray:
        return encode(light * gain, LINEAR)

    noise = truth.noise(curve, rows, columns)
    bare = curve(truth.whole[rows, columns].astype(np.float32))
    told = [truth.curved(curve, rows, columns), bare, 1 / (1 + (noise / SURE) ** 2)]
    return Crop(turned(seen, way), turned(np.concatenate(told, 2), way))


def _part(random: np.random.Generator, length: int, side: int) -> slice:
    first = int(random.integers(0, length - side + 1))
    return slice(first, first + side)


def draw_gain(random: np.random.Generator, light: np.ndarray) -> np.ndarray:
    """Exposure and colour: what is in the middle becomes a middle grey, four stops more or less."""
    grey = 0.18 / max(float(np.median(light)), 1e-3)
    stops = float(np.clip(random.normal(0, 1.5), -4, 4))
    return np.asarray(grey * 2.0**stops * np.exp(random.normal(0, 0.15, 3)), np.float32)


def _in_another_world(random: np.random.Generator, layers: np.ndarray) -> np.ndarray:
    """Albedo and normals (H, W, 6), these in other axes, turned or mirrored: a picture that is turned or
    mirrored has such normals too, and renderers do not agree on which axis goes up, or whether it is the
    world's or the camera's."""
    if random.random() < 0.5:
        axes = np.eye(3)[random.permutation(3)] * random.choice([-1, 1], 3)
    else:
        axes = np.linalg.qr(random.standard_normal((3, 3)))[0]
    return np.concatenate([layers[..., :3], layers[..., 3:] @ axes.astype(np.float32)], 2)


def loss(result: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Of each pixel, as sure as its truth is, and of many as one."""
    wanted, bare, sure = truth[:, :LIGHT], truth[:, LIGHT : 2 * LIGHT], truth[:, 2 * LIGHT :]
    total = (_apart(result, wanted) * sure * weight).mean()
    light, other = light_of(result), light_of(bare)
    for side in TOGETHER:
        means = (values_of(torch.nn.functional.avg_pool2d(each, side)) for each in (light, other))
        total = total + _apart(*means).mean() / len(TOGETHER)
    return total


def _apart(result: Tensor, truth: Tensor) -> Tensor:
    """Of what is near its mean, as the noise of the truth pulls to both sides; of what is far, such as bright
    dots, no more than L1."""
    return torch.nn.functional.huber_loss(result, truth, reduction="none", delta=SMOOTH)


SCALING = Scaling(torch.tensor([0.0] * 6 + [-1.0] * 3), torch.tensor([BRIGHTEST] * 3 + [1.0] * 6))
"""Of the light that falls, albedo, and normals."""

RECIPE = Recipe(
    name="denoise-renders",
    title="Denoise Renders",
    purpose="Takes the noise of path tracing off a render, by its albedo and its normals.",
    kinds=("network",),
    architecture=Architecture(inputs=9, outputs=3, size="kernels", fit_inputs=3, plate=3, albedo=3),
    make=make,
    loss=loss,
    judged=(0, LIGHT),
    side=128,
    rate=0.006,
    extra=(
        ExtraInput(name="albedo", channels=ALBEDO, colour=PLAIN),
        ExtraInput(name="normal", channels=NORMAL, colour=PLAIN),
    ),
    scaling=SCALING,
    renders=lambda data, renders, part: load(renders, part),
    lit=("training",),
    colour=LINEAR,
)

if __name__ == "__main__":
    main(RECIPE)
