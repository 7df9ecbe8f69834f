"""Whether the frames before and after a plate frame tell more of its effect than the frame alone does.

A small model answers that before the network learns: random features (one layer of fixed random weights;
Huang et al., 2006, Rahimi and Recht, 2007) and a ridge regression on them, in closed form. It is made from
windows of the plate alone, and again with the same windows of the frames about it, and judged each time by
the pair that it was not made from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST_REACH = 2
FEWEST = 3
MOST = 5
GAIN = 0.93
"""What the error has to fall to with one more frame on each side. Where those tell nothing, it rises."""
WINDOW = 2
SAMPLES = 6000
CANDIDATES = 300_000
FEATURES = 300
RIDGES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
COARSE = 270
DEGREE = 3
LEAST = 1.0 / 255.0
"""Where the plate alone leaves no more than this, as a root mean square, there is nothing to be told."""


@dataclass(frozen=True)
class Views:
    """One pair in grey, float32 (height, width): the plate, what becomes of it, how much each pixel counts,
    and the frames before and after the plate, the nearest first: -1, 1, -2, 2 and so on."""

    plate: np.ndarray
    truth: np.ndarray
    weight: np.ndarray
    beside: Sequence[np.ndarray]


@dataclass(frozen=True)
class _Drawn:
    """Pixels of one pair: the windows about each (samples, 26), those of the frames beside, the place and
    what is to be explained (samples,)."""

    own: np.ndarray
    beside: Sequence[np.ndarray]
    place: np.ndarray
    wanted: np.ndarray


class Trial:
    """Takes in pairs, one at a time, then tells how many frames on each side are worth while."""

    def __init__(self) -> None:
        self._drawn: dict[int, list[_Drawn]] = {}

    def add(self, pair: Views) -> None:
        """Take what is needed of a pair, of which at least one pixel counts; all pairs have as many frames
        beside them. Large frames are looked at in coarse, too, as blur and motion are as large."""
        for scale in {1, max(1, round(pair.plate.shape[0] / COARSE))}:
            drawn = self._drawn.setdefault(scale, [])
            drawn.append(_draw(_shrunk(pair, scale), np.random.default_rng(len(drawn))))

    def errors(self) -> list[list[float]]:
        """For each scale: the squared error with 0, 1, 2... frames on each side, as a part of the first."""
        return [_errors(drawn) for drawn in self._drawn.values() if len(drawn) >= FEWEST]

    def reach(self) -> int:
        """How many frames on each side are worth while: 0 where they tell nothing."""
        return max((_worth(errors) for errors in self.errors()), default=0)


def _worth(errors: Sequence[float]) -> int:
    best = 0
    for reach in range(1, len(errors)):
        if errors[reach] < errors[best] * GAIN ** (reach - best):
            best = reach
    return best


def _errors(pairs: Sequence[_Drawn]) -> list[float]:
    found: list[np.ndarray] = []
    for reach in range(len(pairs[0].beside) // 2 + 1):
        windows = [np.concatenate([pair.own, *pair.beside[: 2 * reach]], 1) for pair in pairs]
        found.append(_left_out(windows, pairs))
        if found[0].mean() < LEAST**2:
            break
    return [float(np.mean(each / np.maximum(found[0], 1e-12))) for each in found]


def _shrunk(pair: Views, scale: int) -> Views:
    """In means over ``scale`` x ``scale`` pixels."""
    if scale == 1:
        return pair
    height, width = (side // scale for side in pair.plate.shape)

    def shrink(plane: np.ndarray) -> np.ndarray:
        cells = plane[: height * scale, : width * scale].reshape(height, scale, width, scale)
        return np.asarray(cells.mean((1, 3)))

    beside = [shrink(plane) for plane in pair.beside]
    return Views(shrink(pair.plate), shrink(pair.truth), shrink(pair.weight), beside)


def _draw(pair: Views, rng: np.random.Generator) -> _Drawn:
    """Pixels of a pair, more of them where a curve of grey values leaves much of the truth. Effects that go
    by place are explained by the place: a subject that hardly moves has its own motion there."""
    counted = np.flatnonzero(pair.weight)
    counted = counted[:: -(-len(counted) // CANDIDATES)]
    left = _left_by_curve(*(plane.ravel()[counted] for plane in (pair.plate, pair.truth, pair.weight)))
    size = np.abs(left)
    chance = (size + 0.5 * size.mean() + 1e-6) * pair.weight.ravel()[counted]
    share = chance.astype(np.float64)
    picked = rng.choice(len(counted), min(SAMPLES, len(counted)), replace=False, p=share / share.sum())
    at = counted[picked]
    own = _windows(pair.plate, at)
    level, pixel = own.mean(1, keepdims=True), own[:, own.shape[1] // 2, None]
    place = _places(pair.plate.shape, at)
    return _Drawn(
        np.concatenate([own - level, level], 1),
        [_windows(plane, at) - own for plane in pair.beside],
        np.concatenate([place, place * pixel], 1),
        left[picked].astype(np.float64),
    )


def _left_by_curve(plate: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What the cubic polynomial of grey values that comes closest to the truth leaves of it."""
    values = (plate - plate.mean()) / (plate.std() + 1e-6)
    powers = np.stack([np.ones_like(values), values, values**2, values**3], 1)
    counted = powers * weight[:, None]
    return np.asarray(truth - powers @ _ridge(powers.T @ counted, counted.T @ truth, 1e-6))


def _places(shape: tuple[int, ...], at: np.ndarray) -> np.ndarray:
    """(samples, 10): the monomials of the place in the frame, -1 to 1, up to degree three."""
    rows, columns = np.divmod(at, shape[1])
    y, x = 2 * rows / shape[0] - 1, 2 * columns / shape[1] - 1
    return np.stack([x**i * y**j for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)], 1)


def _windows(plane: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(samples, 25): the pixels about each place, mirrored at the frame's edge."""
    padded = np.pad(plane, WINDOW, mode="symmetric")
    rows, columns = np.divmod(at, plane.shape[1])
    steps = np.arange(2 * WINDOW + 1)
    return padded[rows[:, None, None] + steps[:, None], columns[:, None, None] + steps].reshape(len(at), -1)


def _left_out(windows: Sequence[np.ndarray], pairs: Sequence[_Drawn]) -> np.ndarray:
    """The squared error on each pair of the regression on the others, with the ridge that is best for all."""
    features = [
        np.concatenate([pair.place, each], 1) for pair, each in zip(pairs, _features(windows), strict=True)
    ]
    moments = [_moments(each, pair.wanted) for each, pair in zip(features, pairs, strict=True)]
    tried = [
        np.array([_error(features, pairs, moments, index, ridge) for index in range(len(pairs))])
        for ridge in RIDGES
    ]
    return min(tried, key=np.sum)


def _moments(features: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return features.T @ features / len(features), features.T @ wanted / len(features)


def _error(
    features: Sequence[np.ndarray],
    pairs: Sequence[_Drawn],
    moments: Sequence[tuple[np.ndarray, np.ndarray]],
    index: int,
    ridge: float,
) -> float:
    others = [moment for place, moment in enumerate(moments) if place != index]
    square, product = (np.sum(parts, axis=0) for parts in zip(*others, strict=True))
    return float(np.mean((features[index] @ _ridge(square, product, ridge) - pairs[index].wanted) ** 2))


def _features(windows: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The windows with mean 0 and deviation 1, and random combinations of them, cut off below 0."""
    every = np.concatenate(windows)
    centre, spread = every.mean(0), every.std(0) + 1e-6
    size = every.shape[1]
    rng = np.random.default_rng(0)
    mix, shift = rng.normal(0, 1.5 / size**0.5, (size, FEATURES)), rng.normal(0, 0.5, FEATURES)
    scaled = [(each - centre) / spread for each in windows]
    return [np.concatenate([each, np.maximum(each @ mix + shift, 0)], 1) for each in scaled]


def _ridge(square: np.ndarray, product: np.ndarray, ridge: float) -> np.ndarray:
    size = len(square)
    return np.asarray(np.linalg.solve(square + ridge * np.trace(square) / size * np.eye(size), product))
