"""What training tells whoever listens, as plain values. Faces turn them into bars, lines or JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class Planned:
    """What lies ahead. ``seconds_estimate`` is None until the speed is known."""

    total_steps: int
    batch_size: int
    pairs: int
    seconds_estimate: float | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stepped:
    """One step is done."""

    step: int
    total: int
    loss: float
    steps_per_second: float
    seconds_left: float | None


@dataclass(frozen=True)
class Saved:
    """A file was written. ``kind``: checkpoint, best, contact, preview, validation or stage. ``held_out`` is
    the best figure so far on what is kept apart, after ``held_out_step``."""

    path: Path
    kind: str
    held_out: float | None = None
    held_out_step: int | None = None


@dataclass(frozen=True)
class Corrected:
    """A lesson is over. ``corrections`` it was about; ``right`` and ``before``: the share of the corrected
    pixels that are right, now and before it; ``moved``: the largest share of pixels that changed in one of
    the other frames that were looked at; ``decibels``: of images, how close the corrected place is to its
    truth, before and now; ``warning``: what has gone wrong with it, in words, or ""."""

    corrections: tuple[int, ...]
    right: float
    before: float
    moved: float
    decibels: tuple[float, float] | None = None
    warning: str = ""


@dataclass(frozen=True)
class Waiting:
    """The run is kept open for so many seconds, and learns at once what is corrected."""

    seconds: float


@dataclass(frozen=True)
class Message:
    """A sentence for the artist, which also stands in run.log. ``json_name`` is what ``--json`` calls it."""

    json_name: ClassVar[str] = "said"

    text: str


@dataclass(frozen=True)
class Ended:
    """``state``: finished, stopped or failed."""

    state: str
    reason: str
    step: int


Event = Planned | Stepped | Saved | Corrected | Waiting | Message | Ended
