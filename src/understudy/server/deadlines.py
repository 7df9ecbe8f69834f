"""How long one transfer may take: an idle timeout, and a lowest data rate over its whole length."""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from dataclasses import dataclass

MIN_RATE = 128 * 1024  # bytes per second that a transfer must reach over its whole length
MIN_RATE_WHEN_CONTENDED = 512 * 1024  # the same while others wait for the memory that it holds
GRACE_WHEN_CONTENDED = 4.0
LONGEST_ROUND = 0.1  # seconds


@dataclass
class TransferDeadline:
    """The deadline of one transfer: ``idle_timeout`` seconds without a byte, and a lowest rate overall.

    ``is_contended`` says whether others wait for what the transfer holds; it must then be faster.
    ``transferred`` counts its bytes.
    """

    idle_timeout: float
    is_contended: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.started = self.last = self.clock()
        self.transferred = 0

    def add(self, count: int) -> None:
        """``count`` more bytes were transferred."""
        self.transferred += count
        self.last = self.clock()

    def remaining(self) -> float:
        """Seconds until the deadline when no further byte comes; 0 or less when it has passed."""
        now = self.clock()
        idle = self.last + self.idle_timeout - now
        overall = self.started + self.idle_timeout + self.transferred / MIN_RATE - now
        remaining = min(idle, overall)
        if self.is_contended():
            due = self.started + GRACE_WHEN_CONTENDED + self.transferred / MIN_RATE_WHEN_CONTENDED - now
            remaining = min(remaining, due)
        return remaining


class LoopClock:
    """Seconds in which an event loop went round in time, so that no client is late because the server was: of
    a round of the loop no more than ``LONGEST_ROUND`` counts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ticked, self._seconds = clock(), 0.0
        self._runs = False

    def run(self, loop: AbstractEventLoop) -> None:
        """Go with a loop, as long as it runs."""
        if not self._runs:
            self._runs = True
            self._go(loop)

    def now(self) -> float:
        """Seconds since it was made."""
        return self._seconds + min(self._clock() - self._ticked, LONGEST_ROUND)

    def tick(self) -> None:
        """The loop has come round."""
        self._seconds, self._ticked = self.now(), self._clock()

    def _go(self, loop: AbstractEventLoop) -> None:
        self.tick()
        loop.call_later(LONGEST_ROUND / 2, self._go, loop)
