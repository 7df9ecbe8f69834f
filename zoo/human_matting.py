"""human-matting: a start for trainings that cut out people. It has what ``person`` has learned, and is
shipped from its training.

    python -m zoo.ship human-matting --folder zoo_runs/person --data ../shared/photographs --renders ../people

The weights are the same; the network sees frames as they are, as trainings do. What it knows of limbs, cloth,
hair and edges, a training from a few frames begins with.
"""

from __future__ import annotations

from dataclasses import replace

from zoo import person
from zoo.training import effect_of

RECIPE = replace(
    person.RECIPE,
    name="human-matting",
    title="Human Matting",
    purpose="A start for mattes of people: learns from a few frames which one.",
    kinds=("start",),
    architecture=replace(effect_of(person.RECIPE), whole=0),
    trained_as="person",
)
