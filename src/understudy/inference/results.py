"""What becomes of the frames of a job: of one, and of all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from understudy.errors import UnderstudyError
from understudy.frames.difference import HALF_A_CODE


@dataclass(frozen=True)
class ApplyResult:
    """What became of the frames, by number: ``written`` now, ``kept`` from before, ``failed`` with their
    errors.

    ``stopped``: ended on request with frames left to do. A movie (``is_movie``) that was stopped has none
    written. ``again``: which of those written were there already, by what they are made from that has
    changed, such as ``("the plate", "the mask")``. ``missing``: frames that a range requested and the plate
    lacks. ``same``: those that ``update`` compared and left as they were, of a movie all or none;
    ``changed_by``: by how much, at most, those that it compared and that changed differ, in code values of
    their files, infinite where they cannot be compared. ``is_nothing``: a network of others made the same
    value everywhere on all of them, or values that are no numbers.
    """

    written: tuple[int, ...]
    kept: tuple[int, ...]
    failed: tuple[tuple[int, UnderstudyError], ...]
    stopped: bool
    seconds: float
    is_movie: bool = False
    again: Mapping[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)
    missing: tuple[int, ...] = ()
    same: tuple[int, ...] = ()
    changed_by: Mapping[int, float] = field(default_factory=dict)
    is_nothing: bool = False


@dataclass(frozen=True)
class Outcome:
    """One frame's end: its file, or the error. ``difference``: from the file that was there, in code values;
    a file that was there and differs by no more than half of one has not been written."""

    number: int
    path: Path | None
    error: UnderstudyError | None = None
    difference: float = math.inf

    @property
    def is_same(self) -> bool:
        return self.error is None and self.difference <= HALF_A_CODE
