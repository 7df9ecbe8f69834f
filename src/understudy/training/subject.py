"""What the painted mattes tell of their subject before anything is learned: how large it is, and whether it
keeps its shape."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from understudy.dataset.pairs import DataSet

GRID = 96
AREA = 32 * 32
"""Cells of the grid that every shape is brought to, and how many of them each one fills."""

LIMBS = 0.65
"""Mattes of cars agree to 0.9; those of a walking camel to 0.57, of people and riders to 0.53 and less.
What lies below moves its limbs."""


def covered_by_subject(data: DataSet) -> float:
    """Of mattes, the mean share of the frames that all of them together cover; 0 for images."""
    if data.kind != "matte":
        return 0.0
    return float(np.mean([(pair.truth * pair.weight).sum(2).clip(max=1).mean() for pair in data.painted]))


def moves_its_limbs(data: DataSet) -> bool:
    """Whether the painted mattes of one of the subjects differ in shape, wherever and however large they are.
    False for images, and where fewer than two mattes of each show anything."""
    if data.kind != "matte":
        return False
    subjects = range(len(data.output_channels))
    agreements = [shape_agreement([pair.truth[..., each] for pair in data.painted]) for each in subjects]
    return any(agreement is not None and agreement < LIMBS for agreement in agreements)


def shape_agreement(mattes: Sequence[np.ndarray]) -> float | None:
    """The mean intersection over union of any two of the mattes (H, W), moved and scaled onto each other;
    None where there are no two. Mattes that the frame cuts off count only where there are not enough of the
    others."""
    shown = [matte > 0.5 for matte in mattes]
    shown = [shape for shape in shown if shape.any()]
    whole = [shape for shape in shown if not _is_cut_off(shape)]
    shapes = [_normalised(shape) for shape in (whole if len(whole) > 1 else shown)]
    if len(shapes) < 2:
        return None
    return float(np.mean([_iou(one, other) for one, other in itertools.combinations(shapes, 2)]))


def _is_cut_off(shape: np.ndarray) -> bool:
    return bool(shape[0].any() or shape[-1].any() or shape[:, 0].any() or shape[:, -1].any())


def _normalised(shape: np.ndarray) -> np.ndarray:
    """(GRID, GRID) bool: the shape with its centre in the middle, scaled to the same area as every other."""
    step = np.sqrt(np.count_nonzero(shape) / AREA)
    lines = [_sampled(np.count_nonzero(shape, axis=axis), step) for axis in (1, 0)]
    (rows, inside_rows), (columns, inside_columns) = lines
    return shape[np.ix_(rows, columns)] & inside_rows[:, None] & inside_columns[None]


def _sampled(counts: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Which lines of a side the grid looks at, ``step`` apart around the mean of ``counts``, and which of
    those lie inside."""
    middle = float(np.average(np.arange(len(counts)), weights=counts))
    lines = np.rint(middle + (np.arange(GRID) - (GRID - 1) / 2) * step).astype(int)
    return lines.clip(0, len(counts) - 1), (lines >= 0) & (lines < len(counts))


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    either = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / either if either else 0.0
