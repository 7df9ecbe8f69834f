"""Four-legged animals of many builds, coats and poses; their bodies are tubes that run into each other.

They stand out of a frame as people do, with heads and limbs, in the same light: what a matte of people has to
tell from them is what is human.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zoo.people.cloth import pattern
from zoo.people.mesh import Mesh
from zoo.people.skeleton import rotation
from zoo.people.tubes import ASIDE, ball, joined, off, paint, solid, tube
from zoo.people.wardrobe import Piece, waves
from zoo.pictures import Pictures

COATS = np.array(
    [
        *([0.16, 0.07, 0.03], [0.05, 0.025, 0.015], [0.012, 0.011, 0.01], [0.6, 0.57, 0.52]),
        *([0.3, 0.29, 0.28], [0.38, 0.22, 0.09], [0.3, 0.11, 0.03], [0.55, 0.42, 0.25]),
    ]
)
"""Linear light."""


class Build(NamedTuple):
    """Of an animal, all but the first as a share of it: how high its shoulders are (dm), how long, deep and
    wide its trunk, how long its neck and head, how steep its neck (radians), how thick its legs, how long
    its ears, horns and tail, and how high its hump."""

    height: float
    long: float
    deep: float
    wide: float
    neck: float
    head: float
    steep: float
    leg: float
    ear: float
    horn: float
    tail: float
    hump: float


BUILDS = (
    *[Build(16, 1.0, 0.43, 0.3, 0.5, 0.4, 0.85, 0.05, 0.09, 0, 0.55, 0)] * 4,  # horses
    Build(6, 1.0, 0.36, 0.24, 0.3, 0.36, 0.8, 0.05, 0.15, 0, 0.5, 0),  # dogs
    Build(4, 1.2, 0.42, 0.32, 0.22, 0.38, 0.6, 0.06, 0.18, 0, 0.6, 0),
    Build(14, 1.1, 0.52, 0.42, 0.3, 0.38, 0.25, 0.055, 0.14, 0.2, 0.55, 0),  # cattle
    Build(18, 0.85, 0.4, 0.3, 0.65, 0.28, 0.7, 0.045, 0.05, 0, 0.3, 0.25),  # camels
    Build(10, 0.95, 0.4, 0.26, 0.45, 0.3, 1.0, 0.035, 0.14, 0.4, 0.12, 0),  # deer
    Build(2.8, 1.3, 0.42, 0.32, 0.2, 0.34, 0.6, 0.06, 0.14, 0, 0.9, 0),  # cats
    Build(28, 1.0, 0.55, 0.5, 0.18, 0.4, 0.2, 0.1, 0.35, 0.25, 0.4, 0),  # elephants
    Build(7, 1.15, 0.6, 0.5, 0.2, 0.4, 0.2, 0.07, 0.13, 0, 0.2, 0),  # pigs and sheep
    Build(30, 0.65, 0.34, 0.22, 0.85, 0.2, 1.15, 0.035, 0.06, 0.04, 0.3, 0),  # giraffes
)


class Pose(NamedTuple):
    """How its legs swing (radians: spread of the front ones and of the hind ones, and how much of a bend),
    and how its trunk is pitched."""

    front: float
    hind: float
    bend: float
    pitch: float
    lying: bool = False


POSES = (
    *[Pose(0.06, 0.06, 0.1, 0.0)] * 3,  # standing
    *[Pose(0.35, 0.35, 0.5, 0.0)] * 3,  # walking
    *[Pose(0.9, 0.8, 1.3, 0.1)] * 2,  # running
    Pose(0.5, 0.7, 1.8, 0.5),  # jumping
    Pose(0.4, 0.3, 1.0, 1.0),  # rearing
    Pose(0.2, 0.2, 2.6, 0.0, True),
)


def four_legged(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """Any animal with four legs."""
    build = BUILDS[int(random.integers(len(BUILDS)))]
    build = Build(*(np.array(build) * np.exp(random.normal(0, 0.13, len(build)))))
    pose = POSES[int(random.integers(len(POSES)))]
    high = build.height
    trunk = _trunk(build)
    legs = [_leg(random, build, pose, front, side) for front in (True, False) for side in (-1, 1)]
    head, mane = _head(random, build)
    tail = _tail(random, build)
    hump = [ball([0.05 * high, high, 0], [0.2 * high, build.hump * high, 0.12 * high])] * int(build.hump > 0)
    coat = coated(random, pictures, [trunk, *legs, *head, *hump])
    hair = pattern(random, pictures) if random.random() < 0.2 else _dark(random)
    pieces = [*coat, solid(random, [*mane, tail], hair, (0.5, 1))]
    if random.random() < 0.3:
        pieces.append(solid(random, [_blanket(random, build)], paint(random, pictures, 0.5)))
    pitch = random.normal(pose.pitch, 0.12) * (1 if random.random() < 0.8 else -1)
    return [_turned(each, pitch) for each in pieces]


def _turned(piece: Piece, pitch: float) -> Piece:
    points = piece.mesh.points @ rotation(ASIDE, pitch).T
    return Piece(
        piece.mesh.moved(points),
        piece.weights,
        piece.picture,
        piece.colours,
        piece.roughness,
        piece.patterned,
    )


def _dark(random: np.random.Generator) -> np.ndarray:
    tone = 255 * (COATS[int(random.integers(len(COATS)))] * random.uniform(0.2, 1)) ** (1 / 2.2)
    return np.broadcast_to(np.clip(tone, 2, 250).astype(np.uint8), (4, 4, 3)).copy()


def coated(random: np.random.Generator, pictures: Pictures, meshes: Sequence[Mesh]) -> list[Piece]:
    """All of one coat: plain, dark at the ends, in patches or stripes, or of a photograph."""
    mesh = joined(meshes)
    rough = (0.4, 1.0)
    if random.random() < 0.2:
        return [solid(random, [mesh], pattern(random, pictures), rough)]
    one, other = (
        COATS[i] * np.exp(random.normal(0, 0.3)) for i in random.choice(len(COATS), 2, replace=False)
    )
    points = mesh.points / np.ptp(mesh.points[:, 1]) * 16
    kind = random.random()
    share: np.ndarray = np.zeros(len(points))
    if kind < 0.35:
        share = 1.0 * (waves(random, points, random.uniform(3, 14)) > random.normal(0.4, 0.5))
    elif kind < 0.65:
        low, high = np.quantile(points[:, 1], [0.1, 0.6])
        share = np.clip(1 - (points[:, 1] - low) / max(high - low, 1e-3), 0, 1) * random.uniform(0.3, 1)
    uneven = np.exp(0.15 * waves(random, points, 5.0) + 0.1 * waves(random, points, 16.0))
    colours = (one * (1 - share)[:, None] + other * share[:, None]) * uneven[:, None]
    weights = np.zeros((len(mesh.points), 1))
    colours = np.clip(colours, 0.003, 0.9)
    return [Piece(mesh, weights, colours=colours, roughness=float(random.uniform(*rough)))]


def _trunk(build: Build) -> Mesh:
    """From the rump to the chest."""
    high, half, deep, wide = build.height, build.long / 2, build.deep / 2, build.wide / 2
    back = 1 - deep
    places = np.array(
        [[-half, back], [-0.8 * half, back], [-0.1 * half, back - 0.05 * deep], [0.7 * half, back]]
    )
    places = np.vstack([places, [half, back + 0.1 * deep], [1.1 * half, back + 0.15 * deep]])
    sizes = np.array([[0.35, 0.4], [0.95, 0.92], [1.05, 1.0], [0.95, 1.0], [0.6, 0.6], [0.1, 0.1]]) * [
        wide,
        deep,
    ]
    return tube(high * np.pad(places, ((0, 0), (0, 1))), high * sizes, around=22, steps=7)


def _leg(random: np.random.Generator, build: Build, pose: Pose, front: bool, side: int) -> Mesh:
    """From the shoulder or hip to the hoof or paw."""
    high, thick = build.height, build.leg
    hip = np.array(
        [(0.78 if front else -0.8) * build.long / 2, 1 - 0.75 * build.deep, side * 0.28 * build.wide]
    )
    reach = max(hip[1], 0.2)
    swing = random.normal(0.0, pose.front if front else pose.hind)
    bend = abs(random.normal(0, pose.bend)) if not pose.lying else pose.bend + random.normal(0, 0.2)
    swings = np.array(
        [0, swing + (0.1 if front else 0.2), swing - 0.5 * bend, swing - (0.9 if front else 0.1) * bend]
    )
    if not front:
        swings = np.array([0, swing + 0.25 + 0.4 * bend, swing - 0.3 - 0.5 * bend, swing + 0.05])
    lengths = reach * np.array([0.0, 0.42, 0.36, 0.24])
    ways = np.stack([np.sin(swings), -np.cos(swings), np.zeros(4)], 1)
    path = hip + np.cumsum(ways * lengths[:, None], 0)
    start = off(hip, 0.0, 0.5 * build.deep, -side * 0.05 * build.wide)
    foot = path[-1] + np.array([0.6, -0.5, 0]) * thick
    path = np.vstack([start, path, foot])
    upper = np.array([2.4, 2.6]) if front else np.array([3.4, 3.2])
    upper = np.minimum(upper * thick, 0.36 * build.deep)
    sizes = np.array([upper[0], upper[1], 1.2 * thick, 0.85 * thick, 0.75 * thick, 1.2 * thick])
    return tube(high * path, high * sizes * np.exp(random.normal(0, 0.05)), around=12, steps=5)


def _head(random: np.random.Generator, build: Build) -> tuple[list[Mesh], list[Mesh]]:
    """Neck, head, ears and horns; and a mane, or none."""
    high, deep = build.height, build.deep
    steep = np.clip(build.steep + random.normal(0, 0.35), -0.7, 1.4)
    base = np.array([0.42 * build.long, 1 - 0.4 * deep, 0])
    way = np.array([np.cos(steep), np.sin(steep), random.normal(0, 0.25)])
    poll = base + way * (build.neck + 0.15)
    middle = off((base + poll) / 2, 0, random.uniform(-0.03, 0.05), 0)
    thick = 0.5 * min(build.neck, 0.5) * np.exp(random.normal(0, 0.1)) * 0.55 + 0.05
    neck = tube(
        high * np.array([base - 0.1 * way, base, middle, poll]),
        high * np.array([[0.7, 1.2], [0.75, 1.3], [0.55, 0.85], [0.5, 0.65]]) * thick,
        around=16,
    )
    down = -random.normal(0.7, 0.3)
    face = np.array([np.cos(down), np.sin(down), way[2]])
    length = build.head
    spots = np.array([-0.15, 0.0, 0.25, 0.6, 0.9, 1.0])[:, None]
    sizes = np.array([[0.1, 0.1], [0.24, 0.26], [0.25, 0.27], [0.17, 0.18], [0.15, 0.15], [0.03, 0.03]])
    head = tube(high * (poll + spots * length * face), high * length * sizes, around=16, steps=5)
    parts = [neck, head]
    for side in (-1, 1):
        root = off(poll, 0, 0.15 * length, side * 0.18 * length)
        tip = root + build.ear * np.array([random.normal(-0.1, 0.2), random.uniform(-0.3, 1), side * 0.5])
        flat = np.array([[0.2, 0.1], [0.35, 0.12], [0.02, 0.02]]) * build.ear
        parts.append(tube(high * np.array([root, (root + tip) / 2, tip]), high * flat, around=8))
        if build.horn:
            bend = root + build.horn * np.array([0.1, 0.4, side * 0.6])
            end = root + build.horn * np.array([random.normal(0, 0.4), 1.0, side * random.uniform(0.2, 1)])
            parts.append(
                tube(
                    high * np.array([root, bend, end]), high * length * np.array([0.07, 0.06, 0.01]), around=8
                )
            )
    return parts, _mane(random, build, base, middle, poll) if random.random() < 0.5 else []


def _mane(
    random: np.random.Generator, build: Build, base: np.ndarray, middle: np.ndarray, poll: np.ndarray
) -> list[Mesh]:
    """Hair along the neck, in a few tufts that hang to a side."""
    hang, side = random.uniform(0.05, 0.22), random.choice([-1, 1])
    found = []
    for share in np.linspace(0, 1, 9):
        root = base + (poll - base) * share + (middle - (base + poll) / 2) * 4 * share * (1 - share)
        root = off(root, -0.06, 0.09, 0)
        tip = root + hang * np.array([random.normal(-0.3, 0.3), -0.7 + random.normal(0, 0.3), side * 0.6])
        path = build.height * np.array([root, off((root + tip) / 2, 0, 0.03, side * 0.03), tip])
        found.append(tube(path, build.height * np.array([0.04, 0.04, 0.005]), around=8, steps=3))
    return found


def _tail(random: np.random.Generator, build: Build) -> Mesh:
    high, root = build.height, np.array([-0.97 * build.long / 2, 1 - 0.25 * build.deep, 0])
    lift = random.uniform(-1.3, 0.7)
    ways = lift + np.cumsum(random.normal(-0.15, 0.25, 4))
    steps = np.stack([-np.cos(ways), np.sin(ways), random.normal(0, 0.2, 4)], 1) * build.tail / 4
    path = np.vstack([root, root + np.cumsum(steps, 0)])
    bushy = random.choice([0.02, 0.05, 0.09])
    sizes = np.array([0.03, 0.6 * bushy + 0.012, bushy, bushy * random.uniform(0.5, 1.2), 0.005])
    return tube(high * path, high * sizes, around=9)


def _blanket(random: np.random.Generator, build: Build) -> Mesh:
    """A saddle, a blanket or a harness about the trunk."""
    high, deep = build.height, build.deep / 2
    first, last = random.uniform(-0.2, 0.0), random.uniform(0.05, 0.25)
    path = high * np.array([[x * build.long, 1 - 0.97 * deep, 0] for x in (first, (first + last) / 2, last)])
    return tube(path, high * 1.08 * np.array([[build.wide / 2, deep]] * 3), around=22)
