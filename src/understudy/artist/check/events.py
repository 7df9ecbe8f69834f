"""What a check says while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Looked:
    """Frame ``number`` was read, looked at or written, as ``what`` says: the step ``done`` of ``total``."""

    number: int
    what: str
    done: int
    total: int


Report = Callable[[Looked], None]


class Steps:
    """Counts the steps of a check for ``report``."""

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._total, self._done = report, total, 0

    def __call__(self, number: int, what: str) -> None:
        """One more step was done with frame ``number``."""
        self._done = min(self._done + 1, self._total)
        self._report(Looked(number, what, self._done, self._total))
