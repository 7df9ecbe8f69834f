"""What stands about a room, a street or a field: chairs, racks with coats, lamps, signs, trees, fences and
jumps, tripods, vases, umbrellas."""

from __future__ import annotations

import numpy as np

from zoo.people.mesh import Mesh
from zoo.people.tubes import AHEAD, ASIDE, UP, ball, box, grey, paint, ring, rod, solid, spun, tube
from zoo.people.wardrobe import Piece
from zoo.pictures import Pictures


def chair(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """With legs or on one, with a back and arms or without, a stool or a table."""
    seat, half = random.uniform(3.5, 8), random.uniform(1.8, 3.5)
    splay = random.uniform(0.8, 1.3)
    legs = [
        rod(
            [x * half * splay, 0, z * half * splay],
            [0.85 * x * half, seat, 0.85 * z * half],
            random.uniform(0.15, 0.4),
        )
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    if random.random() < 0.25:
        legs = [rod([0, 0, 0], [0, seat, 0], 0.3)]
        legs += [
            rod([0, 0.3, 0], [half * np.cos(a), 0.1, half * np.sin(a)], 0.25) for a in np.arange(5) * 1.2566
        ]
    top = [box([0, seat, 0], (half, random.uniform(0.15, 0.7), half), 5)]
    if random.random() < 0.8:
        back = random.uniform(3, 7)
        lean = -half - random.uniform(0, 1.5)
        top.append(
            tube(
                [[-0.9 * half, seat + 0.5, 0], [lean, seat + back, 0]],
                [[half, 0.2], [0.9 * half, 0.2]],
                square=5,
            )
            if random.random() < 0.5
            else box([lean, seat + 0.8 * back, 0], (0.2, 0.2 * back, half), 4)
        )
        legs += [
            rod([-0.9 * half, seat, 0.9 * z * half], [lean, seat + back, 0.9 * z * half], 0.22)
            for z in (-1, 1)
        ]
    if random.random() < 0.4:
        legs += [rod([-half, seat + 2, z * half], [half, seat + 2, z * half], 0.3) for z in (-1, 1)]
    return [
        solid(random, legs, paint(random, pictures, 0.1)),
        solid(random, top, paint(random, pictures, 0.4)),
    ]


def rack(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """A pole with arms, coats and hats that hang from it, or a rail with a row of them."""
    high = random.uniform(14, 20)
    row = random.random() < 0.4
    wide = random.uniform(5, 12) if row else 1.6
    wood = [rod([0, 0, 0], [0, high, 0], 0.3)]
    wood += [rod([0, 1.5, 0], [2.5 * np.cos(a), 0, 2.5 * np.sin(a)], 0.25) for a in np.arange(4) * np.pi / 2]
    if row:
        wood = [rod([x, 0, 0], [x, high, 0], 0.25) for x in (-wide, wide)]
        wood += [rod([-wide, high, 0], [wide, high, 0], 0.25)]
        wood += [rod([x, 0.2, -2.5], [x, 0.2, 2.5], 0.25) for x in (-wide, wide)]
    pieces = [solid(random, wood, paint(random, pictures, 0.1))]
    for _ in range(int(random.integers(1, 7))):
        at = np.array(
            [random.uniform(-0.9, 0.9) * wide, high - random.uniform(0.2, 1.5), random.uniform(-1.2, 1.2)]
        )
        pieces.append(solid(random, [_coat(random, at)], paint(random, pictures, 0.5), (0.5, 1)))
    return pieces


def _coat(random: np.random.Generator, top: np.ndarray) -> Mesh:
    """Cloth that hangs in folds."""
    long, wide = random.uniform(4, 12), random.uniform(0.8, 2.6)
    heights = np.linspace(0, 1, 7)
    path = top - np.outer(heights * long, UP) + random.normal(0, 0.12, (7, 3))
    shares = np.array([0.15, 0.8, 1.0, 0.9, 0.95, 1.05, 1.1]) * np.exp(random.normal(0, 0.08, 7))
    mesh = tube(path, np.stack([wide * shares, 0.45 * wide * shares], 1), side=AHEAD, around=26)
    turns = np.arctan2(mesh.points[:, 2] - top[2], mesh.points[:, 0] - top[0])
    folds = 1 + random.uniform(0, 0.25) * np.sin(turns * int(random.integers(3, 9)) + random.uniform(0, 6))
    away = mesh.points - [top[0], 0, top[2]]
    return mesh.moved(away * np.stack([folds, np.ones_like(folds), folds], 1) + [top[0], 0, top[2]])


def lamp(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """A floor lamp, a street lamp, or a vase or hydrant, whatever a wheel turns."""
    if random.random() < 0.4:
        count = int(random.integers(4, 8))
        heights = np.linspace(0, random.uniform(4, 14), count)
        radii = random.uniform(0.4, 3, count)
        return [
            solid(random, [spun([0, 0, 0], heights.tolist(), radii.tolist())], paint(random, pictures, 0.5))
        ]
    high, size = random.uniform(8, 40), random.uniform(1.2, 3)
    bend = random.uniform(0, 6) if random.random() < 0.4 else 0.0
    along: list[list[float]] = [[0, 0, 0], [0, 0.8 * high, 0], [0.3 * bend, high, 0], [bend, high, 0]]
    pole = tube(along, [0.35, 0.25, 0.2, 0.2])
    foot = spun([0, 0, 0], [0, 0.3, 0.8], [1.8, 1.6, 0.4])
    shade = spun([bend, high - size, 0], [0, 2 * size], [size, size * random.uniform(0.3, 1)])
    return [
        solid(random, [pole, foot], paint(random, pictures, 0.1)),
        solid(random, [shade], paint(random, pictures, 0.3)),
    ]


def sign(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """A pole with boards or boxes on it: signs, letter boxes, traffic lights, banners."""
    high = random.uniform(8, 30)
    pole = [rod([0, 0, 0], [0, high, 0], random.uniform(0.2, 0.6))]
    pieces = []
    for _ in range(int(random.integers(1, 4))):
        at = np.array([random.normal(0, 0.5), high * random.uniform(0.6, 1.0), 0.6])
        half = random.uniform(0.8, 4, 2)
        kind = random.random()
        if kind < 0.3:
            board = spun(at, [0, 0.15], [half[0], half[0]], axis=ASIDE)
        else:
            board = box(at, (half[0], half[1], 0.15 if kind < 0.7 else random.uniform(0.5, 2)), 12)
        pieces.append(solid(random, [board], paint(random, pictures, 0.6)))
    return [solid(random, pole, grey(random, 30, 200)), *pieces]


def tree(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """A trunk that branches, bare or with leaves, or a potted plant."""
    high = random.uniform(8, 50)
    wood: list[Mesh] = []
    tips: list[np.ndarray] = []
    _branch(random, np.zeros(3), UP * high * 0.4, high * random.uniform(0.015, 0.04), 4, wood, tips)
    pieces = [solid(random, wood, _bark(random), (0.6, 1))]
    if random.random() < 0.75:
        size = high * random.uniform(0.03, 0.1)
        leaves = [
            ball(tip + random.normal(0, size / 2, 3), (size * random.uniform(0.4, 1.3, 3)).tolist())
            for tip in tips
        ]
        pieces.append(
            solid(
                random,
                leaves,
                _green(random) if random.random() < 0.7 else paint(random, pictures, 0.8),
                (0.6, 1),
            )
        )
    if random.random() < 0.3:
        pot = spun([0, -0.12 * high, 0], [0, 0.15 * high], [0.08 * high, 0.12 * high])
        pieces.append(solid(random, [pot], paint(random, pictures, 0.4)))
    return pieces


def _branch(
    random: np.random.Generator,
    start: np.ndarray,
    way: np.ndarray,
    thick: float,
    left: int,
    wood: list[Mesh],
    tips: list[np.ndarray],
) -> None:
    end = start + way
    middle = (start + end) / 2 + random.normal(0, 0.08, 3) * np.linalg.norm(way)
    wood.append(tube([start, middle, end], [thick, 0.85 * thick, 0.7 * thick], side=AHEAD, around=7, steps=3))
    if left == 0:
        tips.append(end)
        return
    for _ in range(int(random.integers(2, 4))):
        turned = way / np.linalg.norm(way) + random.normal(0, 0.55, 3)
        turned *= np.linalg.norm(way) * random.uniform(0.55, 0.85) / np.linalg.norm(turned)
        _branch(random, end, turned, 0.65 * thick, left - 1, wood, tips)


def _bark(random: np.random.Generator) -> np.ndarray:
    tone = np.array([96, 72, 52]) * np.exp(random.normal(0, 0.35)) * np.exp(random.normal(0, 0.08, 3))
    return np.broadcast_to(np.clip(tone, 5, 230).astype(np.uint8), (4, 4, 3)).copy()


def _green(random: np.random.Generator) -> np.ndarray:
    dull = random.normal(0, 18, (96, 96, 1))
    tone = np.array([70, 105, 45]) * np.exp(random.normal(0, 0.3)) * np.exp(random.normal(0, 0.2, 3))
    return np.clip(tone + dull, 4, 240).astype(np.uint8)


def fence(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """Rails on posts: a jump, a fence, a barrier, a ladder or a scaffold."""
    wide, high = random.uniform(8, 25), random.uniform(5, 16)
    posts = [
        rod([x, 0, 0], [x, high, 0], random.uniform(0.2, 0.7))
        for x in np.linspace(-wide, wide, int(random.integers(2, 7)))
    ]
    thick = random.uniform(0.15, 0.6)
    pieces = [solid(random, posts, paint(random, pictures, 0.2))]
    for y in np.linspace(random.uniform(0.1, 0.5), random.uniform(0.8, 1), int(random.integers(1, 6))) * high:
        sag = random.normal(0, 0.3)
        if random.random() < 0.6:
            cuts = np.linspace(-wide, wide, int(random.integers(4, 9)))
            for side in (0, 1):
                bits = [
                    rod([a, y, 0.3], [b, y, 0.3], thick)
                    for a, b in zip(cuts[side::2], cuts[1 + side :: 2], strict=False)
                ]
                pieces.append(solid(random, bits, paint(random, pictures, 0.1)))
        else:
            pieces.append(
                solid(
                    random, [rod([-wide, y, 0.3], [wide, y + sag, 0.3], thick)], paint(random, pictures, 0.2)
                )
            )
    if random.random() < 0.4:
        pieces.append(
            solid(
                random,
                [box([x, high / 2, 0], (1.5, high / 2, 0.2)) for x in (-wide - 1.5, wide + 1.5)],
                paint(random, pictures, 0.4),
            )
        )
    return pieces


def tripod(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """Three legs with a box, a board, a ball or an umbrella on them."""
    high, spread = random.uniform(6, 18), random.uniform(2, 6)
    first = random.uniform(0, 2)
    legs = [
        rod([spread * np.cos(first + a), 0, spread * np.sin(first + a)], [0, high, 0], 0.2)
        for a in np.arange(3) * 2.0944
    ]
    size = random.uniform(0.8, 3)
    kind = random.random()
    if kind < 0.35:
        top = [
            box([0, high + size * 0.7, 0], (size, 0.7 * size, 0.5 * size), 5),
            rod([size, high + 0.7 * size, 0], [1.8 * size, high + 0.7 * size, 0], 0.4 * size),
        ]
    elif kind < 0.55:
        top = [ball([0, high + size, 0], [size, size, size])]
    elif kind < 0.75:
        top = [spun([0, high, 0], [0, 0.5 * size, size], [2.5 * size, 2 * size, 0.05])]
    else:
        top = [ring([0, high + size, 0], size, (0.3, 0.3)), rod([0, high, 0], [0, high + 2 * size, 0], 0.2)]
    return [solid(random, legs, grey(random, 10, 200)), solid(random, top, paint(random, pictures, 0.4))]


def tangle(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """Tubes that bend anyhow, and boxes: hoses, roots, sculptures, heaps of bags."""
    pieces = []
    for _ in range(int(random.integers(2, 7))):
        start, count = random.normal(0, 2.5, 3), int(random.integers(3, 7))
        if random.random() < 0.35:
            form = box(start, random.uniform(0.6, 3.5, 3).tolist(), random.uniform(2, 9))
        else:
            path = start + np.cumsum(random.normal(0, random.uniform(1, 3.5), (count, 3)), 0)
            form = tube(path, np.abs(random.normal(0.3, random.uniform(0.1, 0.9), count)) + 0.05, side=ASIDE)
        pieces.append(solid(random, [form], paint(random, pictures, 0.5)))
    return pieces
