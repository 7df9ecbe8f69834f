"""matting: a start for mattes of anything.

    python -m zoo.matting --data ../shared/photographs --renders ../people --begin zoo_runs/human-matting

The truth is the one main subject of a frame: a rendered person, animal, vehicle or other thing, somebody on
it, or a solid from code, in the colours of a photograph or in plain ones. It stands before photographs and
places, in linear light; behind it are lesser subjects and clutter, which are not wanted, before it now and
then something that hides a part. It is blurred by motion or out of focus; then come noise or grain, a grade,
and the file. A training has crops of frames as they are, and so has this: a subject may be larger than the
crop. It goes on from what ``human-matting`` has learned.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from zoo import human_matting, person
from zoo.command import main
from zoo.degrade.blur import blurred, defocus_kernel
from zoo.people.cast import Place, draw_rider, standing
from zoo.people.cutouts import Cutout, Scenery
from zoo.people.scenes import Scene, draw_background, draw_layer, over
from zoo.people.things import draw_thing
from zoo.person import seen
from zoo.recipe import Crop
from zoo.subjects import draw_subject
from zoo.training import effect_of

SIDE = 128
MADE, THINGS, RIDDEN = 0.3, 0.6, 0.35
"""How many subjects come from code; of the others, how many are no people; of these, how many are ridden."""
MAIN, LESSER = (0.35, 1.5), (0.1, 0.3)
"""How long they are, in sides of a crop."""
BESIDE, BESIDE_SHARES = (0, 1, 2, 4), (0.5, 0.25, 0.15, 0.1)
CLUTTERED, SOFT, HIDDEN, NOBODY = 0.4, 0.35, 0.15, 0.06


def make(random: np.random.Generator, scenery: Scenery, side: int) -> Crop:
    """A crop of a frame, and the matte of its main subject."""
    return seen(random, draw_scene(random, scenery, side))


def draw_scene(random: np.random.Generator, scenery: Scenery, side: int) -> Scene:
    """``people`` is the main subject, whatever it is; where there is none, nothing else stands about."""
    light = draw_background(random, scenery, side, 1.0)
    matte = np.zeros((side, side), np.float32)
    if random.random() < NOBODY:
        return Scene(light, matte)
    if random.random() < CLUTTERED:
        light = over(draw_thing(random, scenery.pictures, side), light)
    for _ in range(int(random.choice(BESIDE, p=BESIDE_SHARES))):
        light = over(_subject(random, scenery, side, LESSER, light), light)
    if random.random() < SOFT:
        light = blurred(light, defocus_kernel(float(np.exp(random.uniform(np.log(0.6), np.log(4))))))
    layer = _subject(random, scenery, side, MAIN, light)
    light, matte = over(layer, light), layer[..., 3]
    if random.random() < HIDDEN:
        thing = draw_thing(random, scenery.pictures, side)
        light, matte = over(thing, light), matte * (1 - thing[..., 3])
    return Scene(light, matte)


def _subject(
    random: np.random.Generator,
    scenery: Scenery,
    side: int,
    lengths: tuple[float, float],
    behind: np.ndarray,
) -> np.ndarray:
    """One somewhere, as a premultiplied layer (S, S, 4)."""
    length = float(np.exp(random.uniform(*np.log(lengths))))
    if random.random() < MADE:
        return _moved(random, draw_subject(random, scenery.pictures, side), 1.5 * length)
    is_thing = bool(scenery.things) and random.random() < THINGS
    cutouts = scenery.things if is_thing else scenery.people
    cutout = cutouts[int(random.integers(len(cutouts)))]
    place = _placed(random, cutout, side, length)
    layer = draw_layer(random, cutout, place, side, behind, scenery.pictures)
    if not is_thing or any(cutout.cut) or random.random() > RIDDEN:
        return layer
    rider = draw_rider(random, scenery.people, cutout, place, 1.0)
    if rider is None:
        return layer
    person = draw_layer(random, rider.cutout, rider.place, side, behind, scenery.pictures)
    front, back = (person, layer) if random.random() < 0.6 else (layer, person)
    return np.asarray(front + back * (1 - front[..., 3:]))


def _placed(random: np.random.Generator, cutout: Cutout, side: int, length: float) -> Place:
    """Its longer side is ``length``; what its own picture cuts off, the crop cuts off too."""
    height, width = cutout.size
    high = length * height / max(height, width)
    if any(cutout.cut):
        return standing(random, cutout, side, 1.0, high, None)
    scale = high * side / height
    affine = _affine(random, side, scale, width, height)
    return Place(affine, high * side, float((affine @ [width / 2, height, 1])[1]))


def _moved(random: np.random.Generator, layer: np.ndarray, scale: float) -> np.ndarray:
    """A layer larger or smaller, somewhere else."""
    side = len(layer)
    affine = _affine(random, side, scale, side, side).astype(np.float32)
    flags = cv2.INTER_AREA if scale < 0.7 else cv2.INTER_LINEAR
    small = layer if scale >= 0.7 else cv2.blur(layer, (3, 3))
    return np.asarray(cv2.warpAffine(small, affine, (side, side), flags=flags), np.float32)


def _affine(random: np.random.Generator, side: int, scale: float, width: float, height: float) -> np.ndarray:
    """From something's pixels to the crop's: its middle is not far from the crop's, it is mirrored or not,
    and now and then leans."""
    middle = np.clip(random.normal(0.5, 0.2, 2), 0.1, 0.9) * side
    angle = random.normal(0, 0.25) if random.random() < 0.4 else 0.0
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if random.random() < 0.5:
        turn[:, 0] *= -1
    return np.column_stack([turn, middle - turn @ [width / 2, height / 2]])


RECIPE = replace(
    person.RECIPE,
    name="matting",
    title="Matting",
    purpose="A start for mattes of anything: learns from a few frames what is to be cut out.",
    kinds=("start",),
    loss="edges+jaccard",
    rate=0.006,
    crops=6,
    architecture=effect_of(human_matting.RECIPE),
    make=make,
    side=SIDE,
)

if __name__ == "__main__":
    main(RECIPE)
