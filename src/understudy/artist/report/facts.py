"""What a report says, as values: the page and report.json are both made of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = 1


@dataclass(frozen=True)
class FrameFacts:
    """One frame of the result. ``expected_error`` and ``reason``: what is expected of it without its truth,
    None where nothing is known. ``result`` and ``plate``: the mean change from the frame before along the
    motion, in 8-bit code values; None at cuts, gaps, and where the motion cannot be found."""

    frame: int
    painted: bool = False
    corrected: bool = False
    expected_error: float | None = None
    reason: str = ""
    result: float | None = None
    plate: float | None = None


@dataclass(frozen=True)
class WorstFrame:
    """A frame to look at; ``pictures`` are file names in the report's folder, by what they show."""

    frame: int
    reason: str
    pictures: Mapping[str, str]


@dataclass(frozen=True)
class PairFacts:
    """A pair that the run learned from; ``picture`` shows plate and truth beside each other, empty where the
    files are no longer there, and of a frame that is ``empty``: nobody painted it."""

    name: str
    frame: int
    held_out: bool = False
    picture: str = ""
    empty: bool = False


@dataclass(frozen=True)
class Finding:
    """What is wrong with a pair, with the measure and the remedy, in words."""

    where: str
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class CorrectionFacts:
    """A correction of the run."""

    id: int
    kind: str
    frames: str
    author: str
    time: float
    undone: bool


@dataclass(frozen=True)
class Facts:
    """All of a report. ``steady``: the mean change along the motion by shot, in 8-bit code values.
    ``settings`` and ``provenance``: text by name. ``measure``: the unit of expected errors.
    ``ranked_by``: what makes a frame one of the worst.
    ``findings`` is None where the pairs were not checked."""

    run: str
    plate: str
    result: str
    kind: str
    made: str
    version: str
    frames: tuple[FrameFacts, ...]
    steady: Mapping[str, float]
    worst: tuple[WorstFrame, ...] = ()
    ranked_by: str = ""
    measure: str = ""
    cuts: tuple[int, ...] = ()
    pairs: tuple[PairFacts, ...] = ()
    findings: tuple[Finding, ...] | None = None
    corrections: tuple[CorrectionFacts, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    strip: str = ""
    movie: str = ""
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What report.json holds; docs/artist.md describes it."""
        return {"schema": SCHEMA, **asdict(self)}
