"""Bicycles, motorcycles, cars and vans, of tubes, rings and rounded boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.people.mesh import Mesh
from zoo.people.skeleton import rotation
from zoo.people.tubes import AHEAD, ASIDE, ball, box, grey, joined, off, paint, ring, rod, solid, spun, tube
from zoo.people.wardrobe import Piece
from zoo.pictures import Pictures


def wheel(
    random: np.random.Generator,
    middle: Sequence[float],
    radius: float,
    fat: float,
    spokes: int,
    steer: float = 0,
) -> tuple[Mesh, Mesh]:
    """A tyre, and what holds it."""
    turn = rotation(np.array([0, 1.0, 0]), steer)
    axis, at = turn @ ASIDE, np.asarray(middle, np.float64)
    tyre = ring(at, radius - fat, (fat, fat), axis)
    parts = [
        ring(at, radius - 2.1 * fat, (0.5 * fat, 0.35 * fat), axis),
        rod(at - axis * 0.5, at + axis * 0.5, 0.25),
    ]
    first = random.uniform(0, 2 * np.pi)
    for number in range(spokes):
        angle = first + 2 * np.pi * number / spokes
        way = turn @ np.array([np.cos(angle), np.sin(angle), 0])
        parts.append(
            rod(at, at + way * (radius - 2 * fat), 0.03 if spokes > 8 else 0.3 * fat + 0.1, around=5)
        )
    return tyre, joined(parts)


def bicycle(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """For a child, for a trick, for a road or for a field."""
    radius = random.uniform(2.0, 3.6)
    base, steer = radius * random.uniform(2.7, 3.3), random.normal(0, 0.3)
    fat, pipe = random.uniform(0.12, 0.35), random.uniform(0.12, 0.3)
    hind, fore = np.array([-base / 2, radius, 0]), np.array([base / 2, radius, 0])
    spokes = int(random.choice([12, 18, 24, 5]))
    wheels = [
        wheel(random, at.tolist(), radius, fat, spokes, turn) for at, turn in ((hind, 0.0), (fore, steer))
    ]
    crank = np.array([-0.05 * base, 0.85 * radius, 0])
    seat = np.array([-0.2 * base, radius * random.uniform(1.7, 2.7), 0])
    neck = np.array([base * 0.36, radius * random.uniform(1.9, 2.5), 0])
    low = off(neck, 0.15, -0.6, 0)
    top = crank + 0.8 * (seat - crank)
    pairs = [(crank, seat), (top, neck), (crank, low), (crank, hind), (top, hind), (low, neck)]
    frame = [rod(one, other, pipe) for one, other in pairs]
    frame += [rod(off(low, 0, 0, s), off(fore, 0, 0, s), 0.8 * pipe) for s in (-0.4, 0.4)]
    bar = off(neck, random.uniform(-0.4, 0.6), random.uniform(0.1, 1.2), 0)
    frame += _handlebar(random, neck, bar, pipe, steer)
    saddle = tube(
        [off(seat, -1.2, 0.2, 0), off(seat, -0.2, 0.25, 0), off(seat, 1.3, 0.1, 0)],
        [[0.8, 0.2], [0.6, 0.2], [0.15, 0.12]],
    )
    drive = _cranks(random, crank)
    pieces = [
        solid(random, [tyre for tyre, _ in wheels], grey(random, 8, 60), (0.5, 1)),
        solid(random, [rim for _, rim in wheels] + drive, grey(random, 30, 220), (0.1, 0.5)),
        solid(random, frame, paint(random, pictures, 0.15), (0.1, 0.6)),
        solid(random, [saddle], paint(random, pictures, 0.1)),
    ]
    if random.random() < 0.25:
        basket = box(off(bar, 1.5, -0.8, 0), (1.4, 1.1, 1.6))
        pieces.append(solid(random, [basket], paint(random, pictures, 0.4)))
    return _tipped(random, pieces)


def _handlebar(
    random: np.random.Generator, neck: np.ndarray, bar: np.ndarray, pipe: float, steer: float
) -> list[Mesh]:
    swing = rotation(np.array([0, 1.0, 0]), steer)
    ends = [
        bar + swing @ np.array([random.uniform(-1, 1), random.uniform(-0.5, 0.8), s]) for s in (-2.6, 2.6)
    ]
    middle = [bar + swing @ np.array([0, 0, s]) for s in (-1.2, 1.2)]
    return [rod(neck, bar, pipe), tube([ends[0], *middle, ends[1]], 0.15, side=AHEAD, around=8)]


def _cranks(random: np.random.Generator, crank: np.ndarray) -> list[Mesh]:
    """A chain ring and two pedals."""
    turn = random.uniform(0, 2 * np.pi)
    arm = 1.6 * np.array([np.cos(turn), np.sin(turn), 0])
    drive = [ring(off(crank, 0, 0, 0.4), 0.9, (0.08, 0.15))]
    drive += [rod(off(crank, 0, 0, 0.5 * s), off(crank + s * arm, 0, 0, 0.6 * s), 0.12) for s in (-1, 1)]
    return drive + [box(off(crank + s * arm, 0, 0, 1.1 * s), (0.4, 0.12, 0.5)) for s in (-1, 1)]


def motorcycle(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """For the road or for the field, or a scooter."""
    radius, fat = random.uniform(2.4, 3.5), random.uniform(0.35, 0.8)
    base, steer = radius * random.uniform(3.9, 4.8), random.normal(0, 0.25)
    hind, fore = np.array([-base / 2, radius, 0]), np.array([base / 2, radius, 0])
    spokes = int(random.choice([5, 7, 18, 24]))
    wheels = [
        wheel(random, at.tolist(), radius, fat, spokes, turn) for at, turn in ((hind, 0.0), (fore, steer))
    ]
    neck = np.array([base * 0.3, radius * random.uniform(2.3, 3.1), 0])
    engine = np.array([0.0, radius * 1.1, 0])
    metal = _engine(random, engine, neck, hind, fore)
    tank = tube(
        [off(neck, -0.2, -0.4, 0), off(neck, -1.5, 0.2, 0), off(engine, -0.9, 1.9, 0)],
        np.array([[0.5, 0.5], [1.3, 1.0], [0.8, 0.6]]) * random.uniform(0.8, 1.2),
    )
    rear = off(hind, random.uniform(-1.5, 0.3), radius * random.uniform(1.0, 1.6), 0)
    seat = tube(
        [off(engine, -0.4, 2.0, 0), off((engine + rear) / 2, 0, 1.0, 0), rear],
        [[0.8, 0.5], [1.1, 0.5], [0.8, 0.35]],
        square=4,
    )
    shell = [tank, _fender(random, fore, radius), _fender(random, hind, radius)]
    shell += _fairing(random, neck, engine)
    pieces = [
        solid(random, [tyre for tyre, _ in wheels], grey(random, 8, 50), (0.5, 1)),
        solid(random, [rim for _, rim in wheels] + metal, grey(random, 20, 200), (0.1, 0.5)),
        solid(random, shell, paint(random, pictures, 0.3), (0.08, 0.5)),
        solid(random, [seat], grey(random, 8, 90)),
        solid(random, [ball(off(neck, 0.9, 0.2, 0), [0.5, 0.7, 0.7])], grey(random, 150, 250), (0.05, 0.2)),
    ]
    return _tipped(random, pieces)


def _engine(
    random: np.random.Generator, engine: np.ndarray, neck: np.ndarray, hind: np.ndarray, fore: np.ndarray
) -> list[Mesh]:
    """All that is of metal: the engine, the forks, the exhaust and the handlebar."""
    metal = [box(engine, (1.9, 1.4, 1.2), 4), box(off(engine, 0.6, 1.2, 0), (0.8, 1.0, 0.8), 4)]
    metal += [rod(off(neck, 0, 0, s), off(fore, 0, 0, s), 0.28) for s in (-0.8, 0.8)]
    metal += [rod(engine, off(hind, 0, 0, s), 0.3) for s in (-0.8, 0.8)]
    pipe = [
        off(engine, 1.2, 0.4, 1.2),
        off(engine, 1.6, -1.0, 1.4),
        off(engine, -1.5, -1.0, 1.6),
        off(hind, -1.4, random.uniform(-0.6, 2), 1.6),
    ]
    metal.append(tube(pipe, [0.25, 0.28, 0.35, random.uniform(0.3, 0.7)]))
    bar = off(neck, -0.4, random.uniform(0.2, 1.8), 0)
    middle = [off(bar, 0, 0, s) for s in (-1.2, 1.2)]
    ends = [off(bar, random.uniform(-1.4, 0.2), random.uniform(-0.2, 0.6), s) for s in (-3.6, 3.6)]
    metal += [tube([ends[0], *middle, ends[1]], 0.18, side=AHEAD, around=8), rod(neck, bar, 0.3)]
    return metal


def _fairing(random: np.random.Generator, neck: np.ndarray, engine: np.ndarray) -> list[Mesh]:
    """Before the handlebar and at the sides of the engine, or none."""
    shell = []
    if random.random() < 0.5:
        half = 0.9, random.uniform(0.6, 2.2), random.uniform(0.8, 2.0)
        shell.append(box(off(neck, 0.5, -0.2, 0), half, 3))
    if random.random() < 0.5:
        shell += [
            box(off(engine, 0.3, 0.4, s), (random.uniform(1.5, 3), random.uniform(0.8, 2), 0.2), 3)
            for s in (-1.4, 1.4)
        ]
    return shell


def _fender(random: np.random.Generator, middle: np.ndarray, radius: float) -> Mesh:
    first = random.uniform(0, 1.2)
    turns = np.linspace(first, first + random.uniform(0.9, 1.9), 6)
    path = middle + (radius + random.uniform(0.15, 0.9)) * np.stack(
        [np.cos(turns), np.sin(turns), 0 * turns], 1
    )
    return tube(path, np.tile([0.8, 0.08], (6, 1)))


def _tipped(random: np.random.Generator, pieces: list[Piece]) -> list[Piece]:
    """Leaning in a bend, in the air, or fallen, more often upright."""
    kind = random.random()
    lean, pitch = random.normal(0, 0.08), random.normal(0, 0.05)
    if kind < 0.35:
        lean, pitch = random.normal(0, 0.4), random.normal(0.2, 0.5)
    turn = rotation(AHEAD, lean) @ rotation(ASIDE, pitch)
    return [
        Piece(p.mesh.moved(p.mesh.points @ turn.T), p.weights, p.picture, p.colours, p.roughness, p.patterned)
        for p in pieces
    ]


def car(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """Small or large, low or high, or a van."""
    long, high, wide = random.uniform(17, 27), random.uniform(3.2, 5.5), random.uniform(7.5, 9.5)
    radius = random.uniform(2.8, 3.8)
    floor = radius * 0.75
    body = box([0, floor + high / 2, 0], (long, high / 2, wide), random.uniform(4, 9))
    front, back = random.uniform(0.15, 0.6), random.uniform(0.4, 0.95)
    roof = floor + high + random.uniform(4, 7)
    glass = _cabin(long, floor + high * 0.95, roof, front, back, 0.93 * wide)
    lid = tube(
        [[-(back - 0.15) * long, roof, 0], [0, roof + 0.4, 0], [(front - 0.12) * long, roof, 0]],
        np.tile([0.78 * wide, 0.4], (3, 1)),
        square=6,
    )
    posts = [
        rod([x * long, floor + high, z * wide], [0.75 * x * long, roof, 0.8 * z * wide], 0.4)
        for x in (-back, front, -0.1)
        for z in (-0.9, 0.9)
    ]
    tyres, rims = [], []
    for x in (-0.62, 0.6):
        for z in (-1, 1):
            at = np.array([x * long, radius, z * (wide - 0.6)])
            tyres.append(ring(at, radius - 0.8, (1.0, 0.8), square=3))
            rims.append(spun(at - [0, 0, z * 0.2], [-0.1, 0.3, 0.9], [1.9, 1.9, 0.4], axis=ASIDE * z))
    lamps = [
        ball([x * long, floor + high * 0.65, z * wide * 0.75], [0.5, 0.7, 1.2])
        for x in (-0.99, 0.99)
        for z in (-1, 1)
    ]
    trim = [box([x * long, floor + 0.8, 0], (0.6, 0.8, wide * 0.95)) for x in (-1, 1)]
    return [
        solid(random, [body, lid, *posts], paint(random, pictures, 0.1), (0.05, 0.4)),
        solid(random, [glass], grey(random, 10, 110), (0.05, 0.15)),
        solid(random, tyres, grey(random, 8, 45), (0.6, 1)),
        solid(random, rims, grey(random, 40, 220), (0.1, 0.5)),
        solid(random, lamps, grey(random, 120, 250), (0.05, 0.3)),
        solid(random, trim, grey(random, 20, 200)),
    ]


def _cabin(long: float, low: float, roof: float, front: float, back: float, wide: float) -> Mesh:
    """Windows all about, narrower above."""
    middle, half = (front - back) / 2 * long, (front + back) / 2 * long
    heights = np.linspace(low, roof, 4)
    path = np.stack([np.full(4, middle), heights, np.zeros(4)], 1)
    shares = np.linspace(1, 0.78, 4)
    return tube(path, np.stack([shares * half, shares * wide], 1), side=AHEAD, square=6, around=24)
