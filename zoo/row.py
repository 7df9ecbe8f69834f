"""One figure of a measurement."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """``what`` was measured, the ``score``, and what else there is ``beside`` it."""

    what: str
    score: str
    beside: str
