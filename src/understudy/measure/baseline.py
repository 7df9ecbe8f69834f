"""What can be had without learning: the scores that a network has to beat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

DEGREE = 3


@dataclass(frozen=True, eq=False)
class ColourFit:
    """One polynomial of the third degree from the plate's channels to the truth's, the same for every pixel.

    Calling it takes and gives float32 (height, width, channels).
    """

    weights: np.ndarray

    def __call__(self, plate: np.ndarray) -> np.ndarray:
        terms = _terms(plate.reshape(-1, plate.shape[-1]))
        return (terms @ self.weights).astype(np.float32).reshape(*plate.shape[:-1], -1)


def fit_colour(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> ColourFit:
    """The ColourFit with the least squared error over ``pairs`` of plate and truth.

    Both are float arrays (height, width, channels) of one size, display-referred, 0 to 1; pixels that are not
    finite are left out. Raises ValueError when there is no pixel to learn from.
    """
    square: np.ndarray | None = None
    product: np.ndarray | None = None
    for plate, truth in pairs:
        x, y = _finite_rows(plate, truth)
        terms = _terms(x)
        square = terms.T @ terms + (0 if square is None else square)
        product = terms.T @ y + (0 if product is None else product)
    if square is None or product is None or not square[0, 0]:
        raise ValueError("no pixels to fit a colour change to")
    # A touch of ridge: channels that are always equal, as in a grey plate, would leave it undetermined.
    ridge = 1e-9 * np.trace(square) / len(square) * np.eye(len(square))
    return ColourFit(np.linalg.solve(square + ridge, product))


def nearest_number(number: int, numbers: Iterable[int]) -> int:
    """The one of ``numbers`` that is nearest to ``number``; of two equally near, the earlier."""
    return min(sorted(numbers), key=lambda each: abs(each - number))


def _finite_rows(plate: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = plate.reshape(-1, plate.shape[-1]), truth.reshape(-1, truth.shape[-1])
    known = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
    return x[known], y[known].astype(np.float64)


def _terms(values: np.ndarray) -> np.ndarray:
    """float64 (pixels, terms): every product of at most DEGREE channel values, the constant first."""
    columns = values.astype(np.float64).T
    terms, latest = [np.ones(columns.shape[1])], [(0, np.ones(columns.shape[1]))]
    for _ in range(DEGREE):
        latest = [(i, term * columns[i]) for first, term in latest for i in range(first, len(columns))]
        terms += [term for _, term in latest]
    return np.stack(terms, axis=1)
