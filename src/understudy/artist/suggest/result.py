"""What suggesting tells: events on the way, and the frames in the end."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Looked:
    """``done`` of ``total`` frames have been looked at; ``number`` is the last of them."""

    number: int
    done: int
    total: int
    what: str = "frame"


@dataclass(frozen=True)
class Said:
    """A sentence on the way."""

    text: str


@dataclass(frozen=True)
class Suggestion:
    """A frame, and why.

    ``score``: what painting it would teach beyond the painted frames, 0 to 1, where 1 is the best frame of
    the shot. ``expected_error``: how wrong the run's network is thought to be there, in the unit that
    ``Suggestions.measure`` names; None without a run.
    """

    frame: int
    score: float
    expected_error: float | None
    reason: str


@dataclass(frozen=True)
class Suggestions:
    """``frames``: those to paint, the best first. ``all``: the same for every frame that was looked at, in
    order. ``cuts``: the first frames after cuts. ``painted``: what is painted already. ``measure``: the unit
    of ``expected_error``; empty without a run. ``notes``: sentences for the artist."""

    frames: tuple[Suggestion, ...]
    all: tuple[Suggestion, ...]
    cuts: tuple[int, ...] = ()
    painted: tuple[int, ...] = ()
    measure: str = ""
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return dataclasses.asdict(self)
