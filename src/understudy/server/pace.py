"""How long a peer may take. Slow, silent and stalling clients are let go before they cost others anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

SLOWEST = 128 * 1024  # bytes per second that a transfer must reach over its whole length
SLOWEST_WHEN_WAITED_FOR = 512 * 1024  # the same while others wait for the memory that it holds
GRACE_WHEN_WAITED_FOR = 4.0


@dataclass
class Pace:
    """The time that one transfer may take: ``patience`` seconds of silence, and a lowest speed overall."""

    patience: float
    others_wait: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.started = self.last = self.clock()
        self.moved = 0

    def moves(self, count: int) -> None:
        """``count`` bytes went through."""
        self.moved += count
        self.last = self.clock()

    def left(self) -> float:
        """Seconds until the peer is given up, when nothing more moves; 0 or less: it is."""
        now = self.clock()
        silence = self.last + self.patience - now
        overall = self.started + self.patience + self.moved / SLOWEST - now
        left = min(silence, overall)
        if self.others_wait():
            due = self.started + GRACE_WHEN_WAITED_FOR + self.moved / SLOWEST_WHEN_WAITED_FOR - now
            left = min(left, due)
        return left
