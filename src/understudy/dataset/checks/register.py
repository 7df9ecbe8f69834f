"""How a truth lies on its plate: moved, scaled and turned by how much, and how sure that is.

Gauss-Newton on detail that a grade does not change, from coarse to fine, each place counting by how well it
fits (Tukey). The frame is cut into tiles; how much the answer moves when one is left out says how sure it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from understudy.dataset.checks.planes import brightness, correlation, normalised

TILES = 6
MARGIN = 4
SMALLEST = 24
LEVELS = 3
ROUNDS = 6
TUKEY = 3.0


@dataclass(frozen=True)
class Placement:
    """What is at (x, y) of the plate lies at (x, y) + (right, down) + scale and turn about the centre in the
    truth.

    ``right`` and ``down`` in pixels, ``scale`` as a share (0.01 is one per cent larger), ``turn`` in radians,
    clockwise as seen. ``errors``: how sure each of the four is (one standard deviation). ``before`` and
    ``after``: how well the detail correlates as it lies, and once it is put back.
    """

    right: float
    down: float
    scale: float
    turn: float
    errors: tuple[float, float, float, float]
    before: float
    after: float

    @property
    def values(self) -> np.ndarray:
        return np.array([self.right, self.down, self.scale, self.turn])

    def matrix(self, shape: tuple[int, ...]) -> np.ndarray:
        """float64 (2, 3): from pixels of a plate of this shape to those of the truth."""
        return matrix_of(self.values, shape)


def matrix_of(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The matrix (2, 3) that takes a place on the plate to where it lies in the truth."""
    right, down, scale, turn = values
    x, y = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    linear = np.array([[1 + scale, -turn], [turn, 1 + scale]])
    move = np.array([right + x, down + y]) - linear @ np.array([x, y])
    return np.hstack([linear, move[:, None]])


def put_back(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """What is moved, scaled and turned by ``place`` (right, down, scale, turn) brought back, float (height,
    width, channels), resampled with Lanczos."""
    size = values.shape[1], values.shape[0]
    matrix = matrix_of(place, values.shape)
    how = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    planes = [
        cv2.warpAffine(
            np.ascontiguousarray(values[..., c]), matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE
        )
        for c in range(values.shape[2])
    ]
    return np.stack(planes, 2)


def place(plate: np.ndarray, truth: np.ndarray, reach: float = 8.0) -> Placement | None:
    """Where ``truth`` lies on ``plate``: float (height, width, channels), or their brightness, of one size.
    None where the frames are too small or too flat to tell."""
    one, other = (a if a.ndim == 2 else brightness(a) for a in (plate, truth))
    if min(one.shape) < SMALLEST:
        return None
    start = np.zeros(4)
    errors = np.full(4, np.inf)
    for level in reversed(range(LEVELS)):
        smaller = [_smaller(plane, 2**level) for plane in (one, other)]
        if min(smaller[0].shape) < SMALLEST:
            continue
        ready = normalised(smaller[0], reach), normalised(smaller[1], reach)
        unit = np.array([2**level, 2**level, 1, 1])
        if level == LEVELS - 1 or not start.any():
            start = _far(*ready) * unit if level else start
        start, errors = _refine(*ready, start / unit)
        start, errors = start * unit, errors * unit
    if not np.isfinite(errors).all():
        return None
    moved = _put_back(ready[1], start)
    inner = _inner(moved)
    return Placement(
        right=float(start[0]),
        down=float(start[1]),
        scale=float(start[2]),
        turn=float(start[3]),
        errors=(float(errors[0]), float(errors[1]), float(errors[2]), float(errors[3])),
        before=correlation(ready[0][inner], ready[1][inner]),
        after=correlation(ready[0][inner], moved[inner]),
    )


def _smaller(plane: np.ndarray, times: int) -> np.ndarray:
    size = max(1, plane.shape[1] // times), max(1, plane.shape[0] // times)
    return plane if times == 1 else np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


def _far(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where to begin: at the shift that phase correlation finds, if the frames then agree better."""
    window = cv2.createHanningWindow((one.shape[1], one.shape[0]), cv2.CV_32F)
    (right, down), _ = cv2.phaseCorrelate(one, other, window)
    found = np.array([right, down, 0, 0])
    if not np.isfinite(found).all() or max(abs(right) / one.shape[1], abs(down) / one.shape[0]) > 0.25:
        return np.zeros(4)
    inner = _inner(one)
    better = correlation(one[inner], _put_back(other, found)[inner])
    return found if better > correlation(one[inner], other[inner]) + 0.05 else np.zeros(4)


def _put_back(truth: np.ndarray, values: np.ndarray) -> np.ndarray:
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = truth.shape[1], truth.shape[0]
    matrix = matrix_of(values, truth.shape)
    return np.asarray(cv2.warpAffine(truth, matrix, size, flags=how, borderMode=cv2.BORDER_REFLECT))


def _inner(plane: np.ndarray) -> tuple[slice, slice]:
    return slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN)


def _refine(one: np.ndarray, other: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    errors = np.full(4, np.inf)
    for _ in range(ROUNDS):
        step, errors = _step(one, _put_back(other, values))
        values = values + step
        if np.abs(step * np.array([1, 1, *[max(one.shape) / 2] * 2])).max() < 0.01:
            break
    return values, errors


def _step(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much the truth still lies wrong, and how sure that is."""
    squares, sides = _equations(one, other)
    whole, side = squares.sum(0), sides.sum(0)
    scale = np.sqrt(np.diagonal(whole)).max()
    if not np.isfinite(scale) or scale < 1e-6:
        return np.zeros(4), np.full(4, np.inf)
    ridge = np.diag(np.diagonal(whole) * 1e-6 + 1e-9)
    step = np.linalg.solve(whole + ridge, side)
    without = np.linalg.solve(whole - squares + ridge, (side - sides)[..., None])[..., 0]
    count = len(squares)
    spread = (count - 1) / count * np.square(without - without.mean(0)).sum(0)
    return step, np.sqrt(spread)


def _equations(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The normal equations of each tile: (tiles, 4, 4) and (tiles, 4)."""
    middle = (one + other) / 2
    down, across = np.gradient(middle)
    miss = one - other
    limit = TUKEY * 1.4826 * float(np.median(np.abs(miss))) + 1e-6
    weight = np.square(1 - np.minimum(np.square(miss / limit), 1))
    weight[:MARGIN], weight[-MARGIN:], weight[:, :MARGIN], weight[:, -MARGIN:] = 0, 0, 0, 0
    y, x = (np.arange(side, dtype=np.float32) - (side - 1) / 2 for side in one.shape)
    turn = down * x - across * y[:, None]
    parts = np.stack([across, down, across * x + down * y[:, None], turn])
    rows = [slice(*ends) for ends in _cuts(one.shape[0])]
    columns = [slice(*ends) for ends in _cuts(one.shape[1])]
    squares, sides = [], []
    for row in rows:
        for column in columns:
            part = parts[:, row, column].reshape(4, -1).astype(np.float64)
            held = part * weight[row, column].reshape(-1)
            squares.append(held @ part.T)
            sides.append(held @ miss[row, column].reshape(-1))
    return np.stack(squares), np.stack(sides)


def _cuts(side: int) -> list[tuple[int, int]]:
    ends = np.linspace(0, side, TILES + 1).round().astype(int)
    return list(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True))
