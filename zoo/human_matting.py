"""human-matting: a start for trainings that cut out people.

    python -m zoo.human_matting --data ../shared/photographs --renders ../people --time-limit 1h

The network of a small training, which sees frames as they are, learns the matte of all people in the scenes
of ``person``. What it then knows of limbs, cloth, hair and edges, a training from a few frames begins with.
"""

from __future__ import annotations

from dataclasses import replace

from understudy.network.effect import Architecture
from zoo import person
from zoo.command import main

RECIPE = replace(
    person.RECIPE,
    name="human-matting",
    title="Human Matting",
    purpose="A start for mattes of people: learns from a few frames which one.",
    kinds=("start",),
    architecture=Architecture(
        inputs=3, outputs=1, size="small", kind="matte", same_channels=False, fit_inputs=3, plate=3
    ),
    side=192,
    crops=6,
)

if __name__ == "__main__":
    main(RECIPE)
