"""person: a matte of all people in a frame.

    python -m zoo.people.coco --coco ../coco --output ../people
    python -m zoo.people.render --makehuman ... --assets ... --data ../shared/photographs --output ../people
    python -m zoo.people.render_things --data ../shared/photographs --output ../people
    python -m zoo.human_matting --data ../shared/photographs --renders ../people --time-limit 2h
    python -m zoo.person --data ... --renders ../people --begin zoo_runs/human-matting --side 128
    python -m zoo.person --data ... --renders ../people --time-limit 3h --resume

Three frames in five are photographs of people, in part or whole, and of places without any. In the others
people, rendered or cut out of photographs, dyed and bent anew each time, are put before photographs and
places, in linear light: one, a few, a crowd or none; near, far, cut off by the frame, behind other things;
shaded, blurred by motion or out of focus. What is not a person is background: boxes, wheels, leaves, what
photographs show, and animals, vehicles and furniture that were rendered as people are, beside them, before
them, and under them as riders. Then come noise or grain, and the file. The truth is how much of each pixel
people cover. The network sees frames whole, as squares of 192 pixels.
"""

from __future__ import annotations

import numpy as np

from understudy.network.effect import Architecture
from zoo.command import main
from zoo.degrade.blur import blurred, draw_motion
from zoo.degrade.compression import draw_file
from zoo.degrade.light import draw_exposure, draw_film
from zoo.degrade.noise import CameraNoise, draw_grain
from zoo.people import coco
from zoo.people.cutouts import Scenery, load_scenery
from zoo.people.render import ASSETS, PARTS
from zoo.people.scenes import Scene, draw_scene
from zoo.recipe import Crop, Recipe

SIDE = 192
SHAKEN, GREY, SWAPPED = 0.06, 0.12, 0.08


def make(random: np.random.Generator, scenery: Scenery, side: int) -> Crop:
    """A frame, and the matte of its people."""
    return seen(random, draw_scene(random, scenery, side))


def seen(random: np.random.Generator, scene: Scene) -> Crop:
    """What a camera makes of a scene, and the matte."""
    light, people = scene
    if random.random() < SHAKEN:
        both = blurred(np.dstack([light, people]), draw_motion(random))
        light, people = both[..., :3], both[..., 3]
    film = draw_film(random)
    if random.random() < GREY:
        light = np.repeat(light.mean(2, keepdims=True), 3, 2)
    elif random.random() < SWAPPED:
        light = light[..., random.permutation(3)]
    light = draw_exposure(random, np.asarray(light, np.float32), film)
    shot = float(np.exp(random.uniform(np.log(1e-5), np.log(4e-3))))
    light = light + CameraNoise(shot, shot * shot, mosaic=bool(random.random() < 0.5)).sample(random, light)
    values = film.values(light)
    if not film.linear:
        values = _graded(random, values)
        if random.random() < 0.2:
            values = np.clip(values + draw_grain(random, values), 0, 1)
        values = draw_file(random, values)
    return Crop(np.asarray(values, np.float32), np.clip(people, 0, 1)[..., None].astype(np.float32))


def _graded(random: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """More or less contrast, lifted or crushed, more or less colour."""
    mean = values.mean(2, keepdims=True)
    values = mean + (values - mean) * np.float32(random.uniform(0.5, 1.4))
    gamma, contrast = np.exp(random.normal(0, 0.2)), random.uniform(0.75, 1.3)
    values = np.clip(values, 0, 1) ** np.float32(gamma)
    return np.clip((values - 0.45) * np.float32(contrast) + 0.45 + random.normal(0, 0.03), 0, 1)


RECIPE = Recipe(
    name="person",
    title="Person",
    purpose="A matte of all people in a frame.",
    kinds=("network",),
    architecture=Architecture(
        inputs=3,
        outputs=1,
        size="deep",
        kind="matte",
        same_channels=False,
        fit_inputs=3,
        plate=3,
        whole=SIDE,
    ),
    make=make,
    loss="bce+jaccard",
    rate=0.001,
    side=SIDE,
    crops=8,
    output_channels=("alpha",),
    renders=load_scenery,
    sources=(*ASSETS, *coco.sources()),
    lit=PARTS,
)

if __name__ == "__main__":
    main(RECIPE)
