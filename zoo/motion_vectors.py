"""motion-vectors: where each pixel of one frame is in the next.

    python -m zoo.motion_vectors --data ../shared/photographs --time-limit 2h

Photographs are layers that move, turn, zoom, tilt and bend before one another, so that the true motion of
every pixel is known. The shutter is open for some of the time in some of them; the second frame may be
brighter; both get noise, and become 8-bit files, compressed or not, or scene-linear ones.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn.functional import interpolate

from understudy.inference.vectors import search
from understudy.network.motion import MotionArchitecture
from understudy.network.motion_parts import reduced_truth
from zoo.command import main
from zoo.degrade.compression import draw_file
from zoo.degrade.light import Film, draw_film
from zoo.degrade.moving import FIRST, SECOND, draw_scene, frame, near_edges, true_motion
from zoo.degrade.noise import CameraNoise
from zoo.pictures import Pictures
from zoo.recipe import Crop, Recipe

BLURRED, OPEN = 0.3, 0.5
EXPOSED = 0.4
NEAR_EDGES = 2.0
"""By how much more pixels near edges of motion count."""
WEIGHTS = {32: 0.1, 16: 0.15, 8: 0.25, 4: 0.4, 2: 0.6, 1: 1.0}
"""Of what is found at a size so many times smaller than the frame."""
SMALLEST = 0.01


def make(random: np.random.Generator, pictures: Pictures, side: int) -> Crop:
    """Two frames, R, G and B of each; the motion from the first to the second, and where its edges are
    near."""
    film = draw_film(random)
    layers = draw_scene(random, pictures, side)
    shutter = random.uniform(0.1, OPEN) if random.random() < BLURRED else 0.0
    gains = 2 ** random.normal(0, [0.3, 0.1, 0.1, 0.1]) if random.random() < EXPOSED else np.ones(4)
    shot = float(np.exp(random.uniform(np.log(1e-6), np.log(4e-3))))
    noise = CameraNoise(shot, shot * shot, mosaic=False)
    shown = [
        _file(random, frame(layers, time, side, shutter) * np.float32(gain), film, noise)
        for time, gain in ((FIRST, np.ones(3)), (SECOND, gains[0] * gains[1:]))
    ]
    motion = true_motion(layers, side)
    return Crop(
        np.dstack([*shown, search(*shown)]),
        np.dstack([motion, near_edges(motion).astype(np.float32)]),
    )


def _file(random: np.random.Generator, light: np.ndarray, film: Film, noise: CameraNoise) -> np.ndarray:
    values = film.values(light + noise.sample(random, light))
    return values if film.linear else draw_file(random, values)


def loss(found: list[Tensor], truth: Tensor) -> Tensor:
    """The distance, in pixels of the frame, that what is found is off by at each level, more near edges of
    motion."""
    motion, weight = truth[:, :2], 1 + NEAR_EDGES * truth[:, 2:]
    total = motion.new_zeros(())
    for each in found:
        times = motion.shape[-1] // each.shape[-1]
        wanted = reduced_truth(motion, times)
        counts = interpolate(weight, wanted.shape[-2:], mode="area") if times > 1 else weight
        apart = ((each - wanted).square().sum(1, keepdim=True) + SMALLEST**2 / times**2).sqrt() * times
        total = total + WEIGHTS[times] * (apart * counts).mean() / (1 + NEAR_EDGES)
    return total


RECIPE = Recipe(
    name="motion-vectors",
    title="Motion Vectors",
    purpose="Where each pixel of a frame is in the next and in the one before: u and v, in pixels.",
    kinds=("network",),
    architecture=MotionArchitecture(),
    make=make,
    motion_loss=loss,
    side=192,
    crops=4,
    rate=0.003,
    held=0.25,
    output_channels=("forward.u", "forward.v"),
)

if __name__ == "__main__":
    main(RECIPE)
