"""Bodies of every age, build and origin: the base mesh, moved by MakeHuman's targets.

The large targets are made for the ends of each property (a heavy old woman of little muscle); a body between
them takes of each as much as it is near to it, the product of its shares.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from zoo.people.mesh import Mesh, read_mesh, read_target

Shares = dict[str, float]
ORIGINS = ("african", "asian", "caucasian")
DETAILS = ("torso", "hip", "stomach", "buttocks", "head", "nose", "chin", "cheek", "mouth", "eyes", "neck")
DETAIL_COUNT, DETAIL_STRENGTH = 14, 0.6
CHILDREN = 0.07
LEAST = 0.01
"""Of a large target, for it to be looked at."""


@dataclass(frozen=True)
class Person:
    """Whose body it is: shares of the targets' words, each group adding up to 1 at most. ``male``: 0 to
    1."""

    origin: Shares
    gender: Shares
    age: Shares
    muscle: Shares
    weight: Shares
    height: Shares
    proportions: Shares

    @property
    def male(self) -> float:
        return self.gender["male"]


def draw_person(random: np.random.Generator) -> Person:
    """Anybody."""
    mix = random.dirichlet([0.4] * len(ORIGINS))
    male = float(np.clip(random.choice([0.05, 0.95]) + random.normal(0, 0.08), 0, 1))
    child = random.random() < CHILDREN
    years = random.uniform(0.15, 0.6) if child else 1 + random.beta(0.7, 1.6)
    return Person(
        dict(zip(ORIGINS, map(float, mix), strict=True)),
        {"male": male, "female": 1 - male},
        between(years, ("child", "young", "old")),
        between(2 * random.beta(2, 2), ("minmuscle", "averagemuscle", "maxmuscle")),
        between(2 * random.beta(2, 2), ("minweight", "averageweight", "maxweight")),
        between(2 * random.beta(3, 3), ("minheight", "", "maxheight")),
        between(2 * random.beta(3, 2), ("uncommonproportions", "", "idealproportions")),
    )


def between(place: float, words: tuple[str, ...]) -> Shares:
    """Shares of the two words that a place lies between; the first is at 0, the next at 1, and so on."""
    left = min(int(place), len(words) - 2)
    part = float(min(place - left, 1.0))
    return {words[left]: 1 - part, words[left + 1]: part}


def parts_of(person: Person) -> list[tuple[str, float]]:
    """The large targets, by their names under macrodetails, and how much of each."""
    build = (person.gender, person.age, person.muscle, person.weight)
    found = [
        *_products("{}-{}-{}", person.origin, person.gender, person.age),
        *_products("universal-{}-{}-{}-{}", *build),
        *_products("height/{}-{}-{}-{}-{}", *build, person.height),
        *_products("proportions/{}-{}-{}-{}-{}", *build, person.proportions),
    ]
    return [(name, share) for name, share in found if share > LEAST]


def _products(pattern: str, *properties: Shares) -> list[tuple[str, float]]:
    """Every combination of words, with the product of their shares; none without a word."""
    return [
        (pattern.format(*(word for word, _ in words)), float(np.prod([share for _, share in words])))
        for words in itertools.product(*(each.items() for each in properties))
        if all(word for word, _ in words)
    ]


def shaped(random: np.random.Generator, data: Path, person: Person) -> Mesh:
    """The base mesh, with all its helpers, as the body of a person; ``data``: MakeHuman's data folder."""
    base = read_mesh(data / "3dobjs" / "base.obj")
    points, targets = base.points.copy(), data / "targets"
    for name, share in parts_of(person):
        _move(points, targets / "macrodetails" / f"{name}.target", share)
    details = _details(targets)
    for index in random.choice(len(details), DETAIL_COUNT, replace=False):
        _move(points, details[int(index)], random.uniform(0, DETAIL_STRENGTH))
    return base.moved(points)


def _move(points: np.ndarray, file: Path, share: float) -> None:
    which, way = read_target(file)
    points[which] += way * share


@lru_cache(maxsize=4)
def _details(targets: Path) -> list[Path]:
    """Small targets that change both sides alike, and leave no hole."""
    found = sorted(file for name in DETAILS for file in (targets / name).glob("*.target"))
    return [file for file in found if not file.name.startswith(("l-", "r-"))]
