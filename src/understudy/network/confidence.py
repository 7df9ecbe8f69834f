"""How likely a pixel is right, by how much it is in doubt: a table that goes with a network."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

CODES = 255.0
RIGHT_WITHIN = 2.0
"""How far from the truth an image's pixel counts as right, in 8-bit code values of the network's values."""

ROWS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 0.998)
"""Where the rows of a table part the pixels: many lie alike, and the few in most doubt tell the most."""

FEWEST = 64
"""Pixels that a row stands for, at least."""

Number = Annotated[float, Field(ge=0, le=1e6)]
Share = Annotated[float, Field(ge=0, le=1)]


class ConfidenceTable(BaseModel):
    """``right``: the share of pixels that are right, never more with more ``doubt``, which rises from row to
    row. Doubt is what ``understudy.inference.confidence`` makes of a result."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    doubt: tuple[Number, ...] = Field(min_length=1, max_length=64)
    right: tuple[Share, ...] = Field(min_length=1, max_length=64)

    @model_validator(mode="after")
    def _is_monotone(self) -> ConfidenceTable:
        if len(self.doubt) != len(self.right):
            raise ValueError("a table of confidence with columns of other lengths")
        if (np.diff(self.doubt) <= 0).any() or (np.diff(self.right) > 0).any():
            raise ValueError("a table of confidence that does not fall as doubt rises")
        return self

    def confidence(self, doubt: np.ndarray) -> np.ndarray:
        """float32 0 to 1, of the shape of ``doubt``: between the rows on a line, beyond them as the last."""
        return np.interp(doubt, self.doubt, self.right).astype(np.float32)


def fit_table(doubt: np.ndarray, right: np.ndarray) -> ConfidenceTable | None:
    """The table of pixels of so much ``doubt``, which are ``right`` or not; flat arrays of one length. None
    where they are too few."""
    if len(doubt) < FEWEST:
        return None
    order = np.argsort(doubt, kind="stable")
    doubt, right = doubt[order].astype(np.float64), right[order].astype(np.float64)
    starts = _starts(doubt)
    counts = np.diff([*starts, len(doubt)])
    middles = np.add.reduceat(doubt, starts) / counts
    # One more of each kind: no share of so few pixels is beyond all doubt.
    shares = (np.add.reduceat(right, starts) + 1) / (counts + 2)
    falling = _falling(shares, counts)
    return ConfidenceTable(doubt=tuple(middles.tolist()), right=tuple(falling.round(5).tolist()))


def _starts(doubt: np.ndarray) -> list[int]:
    """Where the rows begin among pixels in order of their doubt: pixels of one doubt stay together, and no
    row is of too few."""
    starts = [0]
    for edge in np.unique(np.searchsorted(doubt, np.quantile(doubt, ROWS))).tolist():
        if edge - starts[-1] >= FEWEST and len(doubt) - edge >= FEWEST:
            starts.append(edge)
    return starts


def _falling(shares: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The nearest shares (weighted least squares) that never rise: neighbours that do are pooled."""
    pools: list[list[float]] = []
    for share, count in zip(shares.tolist(), counts.tolist(), strict=True):
        pools.append([share, count, 1])
        while len(pools) > 1 and pools[-2][0] < pools[-1][0]:
            (one, many, rows), (other, more, further) = pools[-2:]
            pools[-2:] = [[(one * many + other * more) / (many + more), many + more, rows + further]]
    return np.concatenate([np.full(int(rows), share) for share, _, rows in pools])
