"""All of them, and how often each comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zoo.degrade.compression import quantised
from zoo.recipe import Crop, MakeShot
from zoo.tasks import clean_ups, grades, mattes, spoils, styles
from zoo.tasks.shots import Shot, by_look, by_place

EMPTY, FULL = 0.02, 0.95
"""Of a shot, what its mattes cover on an average."""
TRIES = 6
FINE_NOISE = 0.02

TASKS: dict[str, tuple[MakeShot, float]] = {
    "grade": (by_look(grades.grade), 1.0),
    "grade of a thing": (by_place(grades.grade_of_a_thing), 1.0),
    "spoil": (by_look(spoils.spoil), 2.0),
    "clean-up": (by_place(clean_ups.clean_up), 1.0),
    "dust": (by_look(clean_ups.dust), 0.5),
    "style": (by_look(styles.style), 1.5),
    "range": (by_place(mattes.range_of_hue_or_light), 1.0),
    "thing": (by_place(mattes.thing), 1.5),
    "place": (by_place(mattes.place), 0.5),
    "detail": (by_look(mattes.edges_of_detail), 0.5),
    "textures": (mattes.textures, 1.0),
    "figure": (mattes.figure, 2.0),
}
"""By name: how a shot of it is made, and its share."""


def draw_shot(random: np.random.Generator, pictures: Any, side: int) -> Shot:
    """A shot of any of them: pairs to learn from, and at the end one to judge by."""
    shares = np.array([share for _, share in TASKS.values()])
    makes: list[Callable[..., Shot]] = [make for make, _ in TASKS.values()]
    return shot_of(random, pictures, side, makes[int(random.choice(len(makes), p=shares / shares.sum()))])


def shot_of(random: np.random.Generator, pictures: Any, side: int, make: MakeShot) -> Shot:
    """A shot in which there is something to find, as frames of 8 bits."""
    noise = np.float32(random.uniform(0, FINE_NOISE)) if random.random() < 0.3 else np.float32(0)
    shot = make(random, pictures, side)
    for _ in range(TRIES):
        if _tells(shot):
            break
        shot = make(random, pictures, side)
    return [_filed(random, crop, noise) for crop in shot]


def _tells(shot: Shot) -> bool:
    if shot[0].truth.shape[2] > 1:
        return True
    shares = [float(crop.truth.mean()) for crop in shot]
    return bool(EMPTY < np.mean(shares) < FULL) and min(shares) > EMPTY / 4


def _filed(random: np.random.Generator, crop: Crop, noise: np.float32) -> Crop:
    grain = random.standard_normal(crop.input.shape, np.float32) * noise if noise else 0
    return Crop(*(quantised(each).astype(np.float32) / 255 for each in (crop.input + grain, crop.truth)))
