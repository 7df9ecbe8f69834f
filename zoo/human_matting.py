"""human-matting: a start for trainings that cut out people.

    python -m zoo.human_matting --data ../shared/photographs --renders ../people --time-limit 2h

It learns the scenes of ``person``, in a network of the size that trainings have, which sees frames as they
are. What it knows of limbs, cloth, hair and edges, a training from a few frames begins with.
"""

from __future__ import annotations

from dataclasses import replace

from zoo import person
from zoo.command import main
from zoo.training import effect_of

RECIPE = replace(
    person.RECIPE,
    name="human-matting",
    title="Human Matting",
    purpose="A start for mattes of people: learns from a few frames which one.",
    kinds=("start",),
    loss="edges+jaccard",
    rate=0.006,
    crops=6,
    architecture=replace(effect_of(person.RECIPE), size="small", whole=0),
)

if __name__ == "__main__":
    main(RECIPE)
