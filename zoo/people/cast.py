"""Who and what is in a scene, where, and how large: people, other things that were rendered, and people on
them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from zoo.people.cutouts import Cutout, Scenery

COUNTS, SHARES = (0, 1, 2, 3, 9), (0.12, 0.46, 0.18, 0.1, 0.14)
THINGS, ALONE = 0.5, 0.2
"""How many frames have other things in them, and how many of these have nobody."""
THING_COUNTS, THING_SHARES = (1, 2, 3, 6), (0.5, 0.25, 0.15, 0.1)
RIDDEN, IN_FRONT, PAIRS = 0.4, 0.6, 0.12
TRIES = 8
TILTED, ANYHOW = 0.3, 0.15
"""How many lean, and how many of these stand on their heads, lie or fly."""


class Place(NamedTuple):
    """Where somebody stands in a frame: the affine map from the cut-out's pixels at full size, (2, 3), how
    high they are in pixels, and how far down their feet are."""

    affine: np.ndarray
    height: float
    feet: float


class Member(NamedTuple):
    """A person, or a thing that is none."""

    cutout: Cutout
    place: Place
    person: bool


def draw_cast(random: np.random.Generator, scenery: Scenery, side: int, aspect: float) -> list[Member]:
    """All that stand in a frame, the farthest first."""
    people = draw_people(random, scenery, side, aspect)
    groups = [[each] for each in people]
    if scenery.things and random.random() < THINGS:
        groups = [] if random.random() < ALONE else groups
        riders = scenery if groups else None
        for _ in range(int(random.choice(THING_COUNTS, p=THING_SHARES))):
            groups.append(_thing(random, scenery.things, riders, side, aspect))
    return [each for group in sorted(groups, key=_feet) for each in group]


def _feet(group: list[Member]) -> float:
    return max(each.place.feet for each in group)


def draw_people(random: np.random.Generator, scenery: Scenery, side: int, aspect: float) -> list[Member]:
    """Nobody, one, a few, or a crowd."""
    count = int(random.choice(COUNTS, p=SHARES))
    crowd = count > 3
    count = int(random.integers(4, 13)) if crowd else count
    size, feet = float(np.exp(random.uniform(np.log(0.1), np.log(0.6)))), random.uniform(0.5, 1.05)
    found = []
    for _ in range(count):
        person = scenery.somebody(random)
        if crowd and not any(person.cut):
            high = size * np.exp(random.normal(0, 0.2))
            place = standing(random, person, side, aspect, high, feet + random.normal(0, 0.04))
        else:
            high = float(np.exp(random.uniform(np.log(0.12), np.log(1.15))))
            place = standing(random, person, side, aspect, high, None)
        found.append(Member(person, place, True))
    return found


def _thing(
    random: np.random.Generator, things: tuple[Cutout, ...], riders: Scenery | None, side: int, aspect: float
) -> list[Member]:
    """A thing by itself, or with somebody on it: before it, or behind it."""
    thing = things[int(random.integers(len(things)))]
    high = float(np.exp(random.uniform(np.log(0.12), np.log(1.1))))
    high /= max(1.0, 0.7 * thing.size[1] / thing.size[0])
    found = [Member(thing, standing(random, thing, side, aspect, high, None), False)]
    if riders is None or any(thing.cut) or random.random() > RIDDEN:
        return found
    for _ in range(1 + int(random.random() < PAIRS)):
        rider = draw_rider(random, riders.people, thing, found[0].place, aspect)
        if rider is not None:
            found.insert(len(found) if random.random() < IN_FRONT else 0, rider)
    return found


def draw_rider(
    random: np.random.Generator, people: tuple[Cutout, ...], thing: Cutout, on: Place, aspect: float
) -> Member | None:
    """Somebody whose legs are where a thing is; None where only parts of people are at hand."""
    picked = (people[int(random.integers(len(people)))] for _ in range(TRIES))
    person = next((each for each in picked if not any(each.cut)), None)
    if person is None:
        return None
    ends = np.array([[0, 0, 1], [thing.size[1], thing.size[0], 1]]) @ on.affine.T
    (left, right), long = np.sort(ends[:, 0]), float(np.abs(np.diff(ends[:, 0]))[0]) * aspect
    tall = min(on.height, 1.3 * long) * float(random.uniform(0.5, 1.15))
    feet = on.feet - on.height * random.uniform(0.05, 0.5)
    scale = tall / person.size[0]
    wide = person.size[1] * scale / aspect
    x = (left + right) / 2 + (right - left) * random.normal(0, 0.13) - wide / 2
    return Member(person, _placed(random, person, aspect, scale, (x, feet - tall), wide), True)


def standing(
    random: np.random.Generator, cutout: Cutout, side: int, aspect: float, high: float, feet: float | None
) -> Place:
    """A person or thing ``high`` of the frame's height, with its lowest point ``feet`` of it down; anywhere
    where that is None. What is cut off by its own picture is cut off by the frame too."""
    height, width = cutout.size
    cut_left, cut_above, cut_right, cut_below = cutout.cut
    if any(cutout.cut):
        high = max(high, random.uniform(0.45, 1.2))
    scale = high * side / height
    tall, wide = height * scale, width * scale / aspect
    x = random.random() * (side - 0.5 * wide) - 0.25 * wide
    y = (feet * side - tall) if feet is not None else random.random() * (side - 0.7 * tall) - 0.15 * tall
    x = min(x, 0) if cut_left else max(x, side - wide) if cut_right else x
    y = min(y, 0) if cut_above and not cut_below else max(y, side - tall) if cut_below else y
    if cut_left and cut_right:
        x, wide = -random.uniform(0, 0.05) * side, side * random.uniform(1.0, 1.1)
    return _placed(random, cutout, aspect, scale, (x, y), wide)


def _placed(
    random: np.random.Generator,
    cutout: Cutout,
    aspect: float,
    scale: float,
    corner: tuple[float, float],
    wide: float,
) -> Place:
    """With its upper left corner there, mirrored or not, upright or tilted."""
    (height, width), (x, y) = cutout.size, corner
    tall, across = height * scale, wide / width
    affine = np.array([[across, 0, x], [0, scale, y]])
    if random.random() < 0.5 and not (cutout.cut[0] or cutout.cut[2]):
        affine = np.array([[-across, 0, x + wide], [0, scale, y]])
    if not any(cutout.cut) and random.random() < TILTED:
        angle = random.normal(0, 0.25) if random.random() > ANYHOW else random.uniform(-np.pi, np.pi)
        affine = _tilted(affine, np.array([x + wide / 2, y + tall / 2]), angle, aspect)
    return Place(affine, tall, y + tall)


def _tilted(affine: np.ndarray, middle: np.ndarray, angle: float, aspect: float) -> np.ndarray:
    """Turned about a middle, in a frame that is squeezed by its aspect ratio."""
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine / aspect], [sine * aspect, cosine]])
    return np.column_stack([turn @ affine[:, :2], turn @ (affine[:, 2] - middle) + middle])
