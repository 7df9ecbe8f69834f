"""general: a start for trainings of every kind.

    python -m zoo.general --data ../shared/photographs --time-limit 2h

It has not learned an effect, but to learn effects: in each step it is given a few pairs of one made shot, a
grade, a blur, a clean-up, a style, a matte, and goes a part of the way to what it would be after learning
that. What goes in and comes out of it are display-referred values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from understudy.network.colour_fit import Scaling
from understudy.network.effect import Architecture
from zoo.command import main
from zoo.recipe import Crop, Recipe
from zoo.tasks.all import draw_shot


def make(random: np.random.Generator, pictures: Any, side: int) -> Crop:
    """The first pair of a shot."""
    return draw_shot(random, pictures, side)[0]


RECIPE = Recipe(
    name="general",
    title="General",
    purpose="A start for trainings of every kind, which has learned to learn from a few pairs.",
    kinds=("start",),
    architecture=Architecture(inputs=3, outputs=3, size="small", fit_inputs=3, plate=3),
    make=make,
    shot=draw_shot,
    side=96,
    rate=0.5,
    scaling=Scaling(torch.zeros(3), torch.ones(3)),
)

if __name__ == "__main__":
    main(RECIPE)
