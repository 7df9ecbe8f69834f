"""What is wrong with a pair: what it is, by how much, how sure that is, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from understudy.dataset.checks.edges import Edges

Kind = Literal[
    "shift",
    "scale",
    "rotation",
    "off-by-one",
    "order",
    "grade",
    "encoding",
    "grain",
    "recompression",
    "inverted",
    "empty",
    "foreign",
    "duplicate",
    "same-as-plate",
    "padded",
    "size",
    "unreadable",
]


@dataclass(frozen=True, eq=False)
class Fix:
    """How a truth can be put right. Of these one is set: ``place`` (right, down, scale, turn: see Placement),
    ``number`` (the plate frame that it belongs to), ``inverted``, ``curve`` (for each channel the value at
    evenly spread ones from 0 to 1, of those that the network sees)."""

    place: tuple[float, float, float, float] | None = None
    number: int | None = None
    inverted: bool = False
    curve: np.ndarray | None = None


@dataclass(frozen=True)
class Finding:
    """``pair`` is the index of the pair; ``name`` and ``number`` those of its plate frame. ``confidence``
    is 0 to 1; ``measure`` and ``remedy`` are in words; ``fix`` is None where nothing can be put right."""

    pair: int
    name: str
    number: int
    kind: Kind
    measure: str
    remedy: str
    confidence: float
    fix: Fix | None = field(default=None, repr=False)

    @property
    def sentence(self) -> str:
        """One line for the artist."""
        return f"Frame {self.number} ({self.name}): {self.measure}. {self.remedy}"


@dataclass(frozen=True, eq=False)
class Sample:
    """One pair to be looked at: values that the network sees, float32 (height, width, channels).

    ``beside`` has the plates of the frames before and after it, with their numbers, where they are known.
    ``times`` is how many pixels of the file one of these is; where that is more than one, ``detail`` has a
    part of plate and truth in the pixels of the file, and ``edges`` those of a matte."""

    name: str
    number: int
    plate: np.ndarray
    truth: np.ndarray
    beside: tuple[tuple[int, np.ndarray], ...] = ()
    times: float = 1.0
    detail: tuple[np.ndarray, np.ndarray] | None = None
    edges: Edges | None = None
