"""What ``apply`` tells while it works, for progress bars and programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from understudy.errors import UnderstudyError


@dataclass(frozen=True)
class ApplyEvent:
    """The base of all that follows."""


@dataclass(frozen=True)
class ApplyPlanned(ApplyEvent):
    """The work is about to begin. ``total`` frames in all, ``kept`` of them there already. ``tile``: (height,
    width) of the tiles, None for whole frames. ``notes``: sentences for the artist."""

    total: int
    kept: int
    engine: str
    precision: str
    device: str
    tile: tuple[int, int] | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrameWritten(ApplyEvent):
    """A frame is on disk. ``done`` of ``total`` frames are done with; ``seconds_left`` is None until
    known."""

    number: int
    path: str
    done: int
    total: int
    frames_per_second: float
    seconds_left: float | None


@dataclass(frozen=True)
class FrameSame(FrameWritten):
    """A frame came out as the file that is there already, which was left alone."""


@dataclass(frozen=True)
class FrameFailed(ApplyEvent):
    """A frame could not be made; the others go on."""

    number: int
    error: UnderstudyError
    done: int
    total: int


@dataclass(frozen=True)
class ApplyMessage(ApplyEvent):
    """A sentence for the artist, such as that memory ran out and tiles became smaller. ``json_name`` is what
    ``--json`` calls it."""

    json_name: ClassVar[str] = "apply_said"

    text: str


def closing_words(written: int, kept: int, failed: int, missing: int, again: str = "") -> str:
    """The sentence at the end of the work; the arguments are those of ``ApplyEnded``."""
    words = f"{_counted(written, 'frame', 'frames')} written{f' (made again: {again})' if again else ''}"
    words += f", {_counted(kept, 'was', 'were')} there already" if kept else ""
    words += f", {failed} failed" if failed else ""
    asked = _counted(missing, "requested one is", "requested ones are")
    return f"{words}, {asked} not in the plate." if missing else f"{words}."


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


@dataclass(frozen=True)
class ApplyEnded(ApplyEvent):
    """The work is over. ``stopped``: on request, with frames left to do. ``again``: how many of those written
    were there already, made from something else, and why, in words. ``missing``: how many a range requested
    that the plate lacks. ``same``: how many came out as they were, and were not written."""

    written: int
    kept: int
    failed: int
    stopped: bool
    seconds: float
    again: str = ""
    missing: int = 0
    same: int = 0


Report = Callable[[ApplyEvent], None]
"""What is called with every event."""
