"""How crisp the edges of mattes are: a transform or a filter that went over one of them makes them softer.

An edge that was drawn or rendered onto its pixels changes from black to white within one or two steps from
pixel to pixel, wherever it lies. After resampling by part of a pixel it takes one more, nearly everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

STEPS = (1, 2)
"""Within how many steps an edge counts as crisp: one without, two with antialiasing."""
CRISP = 0.02
"""The share of a change that may lie outside of those steps."""
BLURRED = 0.3
"""The share of a change outside of two steps that resampling does not reach: such an edge is blurred by
motion, or by hand."""
REACH = 3
FEWEST = 16
PIECES = 8
SURE = 5.0
FLOOR = 0.02
SOFTER = 0.25
"""By how large a share of the edges a matte has to be softer than the softest of the others."""
MORE = 0.05
"""The share of edges that may be blurred more than those of the others."""
LEAST = 3
"""Fewer others than these say nothing."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Of the edges that run down and across a matte, axis by axis: ``crisp`` (2, steps) the share of those
    that change within so many steps, ``errors`` (2, steps) how sure that is, ``blurred`` (2,) the share of
    those that are blurred. What is not known, as there are hardly any edges, is NaN."""

    crisp: np.ndarray
    errors: np.ndarray
    blurred: np.ndarray


def edges_of(matte: np.ndarray) -> Edges:
    """How crisp the edges of ``matte`` (height, width), 0 to 1, are in its own pixels."""
    plane = np.ascontiguousarray(np.nan_to_num(matte), np.float32)
    found = [_along(_outside(turned)) for turned in (plane, np.ascontiguousarray(plane.T))]
    return Edges(*(np.stack(each) for each in zip(*found, strict=True)))


def _outside(plane: np.ndarray) -> np.ndarray:
    """(edges, steps): the share of the change of each whole edge, along a row, that lies outside."""
    steep = np.diff(plane, axis=1)
    rows, places = np.nonzero(np.abs(steep) > 0.2)
    inside = (places >= REACH) & (places < steep.shape[1] - REACH)
    rows, places = rows[inside], places[inside]
    window = steep[rows[:, None], places[:, None] + np.arange(-REACH, REACH + 1)]
    size = np.abs(window)
    total = np.abs(window.sum(1))
    top = size[:, REACH]
    beside = np.maximum(size[:, REACH - 1], size[:, REACH + 1])
    peak = (top >= size[:, REACH - 1]) & (top > size[:, REACH + 1])
    whole = (total > 0.9) & (size.sum(1) < 1.15 * total)
    used = peak & whole & _upright(plane, rows, places)
    total = np.maximum(size.sum(1), 1e-6)
    return np.stack([1 - top / total, 1 - (top + beside) / total], 1)[used]


def _upright(plane: np.ndarray, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Whether the edges at these places run across the rows."""
    slopes = [
        cv2.boxFilter(np.abs(cv2.Sobel(plane, cv2.CV_32F, *axis, scale=1 / 8)), -1, (5, 5))[rows, places]
        for axis in ((1, 0), (0, 1))
    ]
    return np.asarray(slopes[0] > 2 * slopes[1])


def _along(outside: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three values of ``Edges`` along one axis."""
    if len(outside) < FEWEST:
        return np.full(len(STEPS), np.nan), np.full(len(STEPS), np.nan), np.array(np.nan)
    crisp = outside <= CRISP
    pieces = np.array_split(crisp, PIECES)
    counts = np.array([len(piece) for piece in pieces])[:, None]
    sums = np.stack([piece.sum(0) for piece in pieces])
    without = (sums.sum(0) - sums) / (counts.sum() - counts)
    spread = np.square(without - without.mean(0)).sum(0) * (PIECES - 1) / PIECES
    return crisp.mean(0), np.sqrt(spread), np.array((outside[:, -1] > BLURRED).mean())


def softer(edges: Sequence[Edges]) -> dict[int, tuple[float, float]]:
    """Which mattes were resampled, as most of the others were not: by index the share of edges that are
    still crisp, and that of the softest of the others. Four or more are needed."""
    found: dict[int, tuple[float, float]] = {}
    crisp, errors = (np.stack([getattr(e, name) for e in edges]) for name in ("crisp", "errors"))
    blurred = np.stack([e.blurred for e in edges])
    for axis in range(2):
        for step in range(len(STEPS)):
            values = crisp[:, axis, step]
            for i, least in _apart(values, errors[:, axis, step]).items():
                others = [k for k in range(len(values)) if values[k] >= least]
                clean = blurred[i, axis] <= blurred[others, axis].max() + MORE
                if clean and values[i] < found.get(i, (1.0, 1.0))[0]:
                    found[i] = float(values[i]), least
    return found


def _apart(values: np.ndarray, errors: np.ndarray) -> dict[int, float]:
    """Which values lie clearly below those of most, by index, each with the least of the others."""
    known = [i for i in np.argsort(values) if np.isfinite(values[i])]
    for low in range(1, (len(known) + 1) // 2):
        below, above = known[:low], values[known[low:]]
        if len(above) < LEAST:
            break
        noise = float(np.sqrt(above.var(ddof=1) + errors[below[-1]] ** 2 + FLOOR**2))
        top = values[below[-1]]
        gap = above.min() - top > max(SOFTER, float(np.ptp(above)))
        if gap and above.mean() - top > SURE * noise:
            return {int(i): float(above.min()) for i in below}
    return {}
