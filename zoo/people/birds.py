"""Birds, standing and flying."""

from __future__ import annotations

import numpy as np

from zoo.people.creatures import coated
from zoo.people.mesh import Mesh
from zoo.people.tubes import AHEAD, ball, off, paint, solid, tube
from zoo.people.wardrobe import Piece
from zoo.pictures import Pictures


def bird(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """Standing, walking or flying, from sparrows to ostriches and penguins."""
    high = float(np.exp(random.uniform(np.log(1), np.log(9))))
    flying = random.random() < 0.4
    lean = random.uniform(-0.1, 0.3) if flying else random.uniform(0.1, 1.3)
    way = np.array([np.cos(lean), np.sin(lean), 0])
    long, plump = 0.5, random.uniform(0.13, 0.24)
    spots = np.array([-0.5, -0.3, 0.1, 0.4, 0.55])[:, None]
    trunk = tube(
        high * spots * long * way, high * plump * np.array([0.2, 0.7, 1, 0.7, 0.3]), around=18, steps=6
    )
    neck = random.uniform(0.05, 0.6) * np.array([random.uniform(0, 0.9), 1, random.normal(0, 0.2)])
    base = 0.42 * long * way
    size = random.uniform(0.06, 0.12)
    bend = off(base + neck / 2, random.normal(0.03, 0.08), 0, 0)
    throat = tube(high * np.array([base, bend, base + neck]), high * size * np.array([1.2, 0.6, 0.6]))
    skull = ball(high * (base + neck), [high * size * 1.3, high * size, high * size])
    at = base + neck
    long_beak = random.uniform(0.08, 0.35)
    beak = tube(
        high * np.array([at, off(at, 0.4 * long_beak, 0, 0), off(at, long_beak, -0.05, 0)]),
        high * size * np.array([0.6, 0.4, 0.05]),
    )
    tail = tube(
        high * np.array([-0.4 * long * way, -0.9 * long * way]),
        high * np.array([[0.06, 0.03], [random.uniform(0.05, 0.2), 0.01]]),
    )
    wings = [_wing(random, high, flying, side, way) for side in (-1, 1)]
    coat = coated(random, pictures, [trunk, throat, skull, tail, *wings])
    bare = solid(random, [beak, *_shanks(random, high, flying)], paint(random, pictures, 0.1))
    return [*coat, bare]


def _wing(random: np.random.Generator, high: float, flying: bool, side: int, way: np.ndarray) -> Mesh:
    root = off(0.15 * way, 0, 0.05, side * 0.12)
    if not flying:
        path = np.array([root, off(root - 0.15 * way, 0, 0, side * 0.08), root - 0.5 * way])
        return tube(high * path, high * np.array([[0.04, 0.08], [0.04, 0.13], [0.01, 0.02]]))
    lift = random.uniform(-0.6, 1.0)
    out = np.array([random.normal(0, 0.15), np.sin(lift), side * np.cos(lift)])
    tip = np.array([random.normal(-0.2, 0.2), np.sin(lift * 0.4), side * np.cos(lift * 0.4)])
    span = random.uniform(0.5, 1.1)
    path = np.array([root, root + 0.45 * span * out, root + 0.45 * span * out + 0.55 * span * tip])
    sizes = np.array([[0.14, 0.02], [0.17, 0.02], [0.02, 0.005]])
    return tube(high * path, high * sizes, side=AHEAD, steps=6)


def _shanks(random: np.random.Generator, high: float, flying: bool) -> list[Mesh]:
    length = random.uniform(0.05, 0.6) * (0.4 if flying else 1)
    found = []
    for side in (-1, 1):
        hip = np.array([random.normal(0, 0.03), -0.1, side * 0.07])
        knee = hip + length * np.array([random.normal(-0.1, 0.3), -0.5, 0])
        foot = knee + length * np.array([random.normal(0.1, 0.3), -0.5, 0])
        toes = off(foot, 0.09, -0.01, 0)
        thick = np.array([0.05, 0.02, 0.018, 0.012])
        found.append(tube(high * np.array([hip, knee, foot, toes]), high * thick, around=8, steps=2))
    return found
