"""What can be had without learning: the scores that a network has to beat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

DEGREE = 3


@dataclass(frozen=True, eq=False)
class ColourFit:
    """One polynomial of the third degree from the plate's channels to the truth's, the same for every pixel.

    ``weights`` is float64 (terms, channels of the truth).

    Calling it takes and gives float32 (height, width, channels).
    """

    weights: np.ndarray

    def __call__(self, plate: np.ndarray) -> np.ndarray:
        terms = _terms(plate.reshape(-1, plate.shape[-1]).astype(np.float32))
        fitted = np.einsum("tc,tp->pc", self.weights.astype(np.float32), terms)
        return fitted.reshape(*plate.shape[:-1], -1)


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
        # Not @: threads that share busy cores make such a small product a hundred times slower.
        square = np.einsum("ip,jp->ij", terms, terms) + (0 if square is None else square)
        product = np.einsum("ip,pj->ij", terms, y) + (0 if product is None else product)
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
    return x[known].astype(np.float64), y[known].astype(np.float64)


def _terms(values: np.ndarray) -> np.ndarray:
    """(terms, pixels): every product of at most DEGREE channel values, the constant first."""
    columns = np.ascontiguousarray(values.T)
    one = np.ones(columns.shape[1], values.dtype)
    terms, latest = [one], [(0, one)]
    for _ in range(DEGREE):
        latest = [(i, term * columns[i]) for first, term in latest for i in range(first, len(columns))]
        terms += [term for _, term in latest]
    return np.stack(terms)
