"""The clock of a training: elapsed time, the time limit, and seconds per step."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

_IMPORTED = time.monotonic()
RECENT = 100
MARKS = (0.02, *(index / 25 for index in range(1, 25)))


def process_start() -> float:
    """When this process started, on the clock of ``time.monotonic``; where the system does not tell, when
    this module was imported."""
    with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        running = float(Path("/proc/uptime").read_text().split()[0]) - int(fields[19]) / os.sysconf(
            "SC_CLK_TCK"
        )
        return time.monotonic() - running
    return _IMPORTED


class Clock:
    """A time limit in seconds (or None), counted from ``start``, and ``pace``, the seconds per step."""

    def __init__(self, limit: float | None, start: float) -> None:
        self.limit, self.start = limit, start
        self.reserve = 1.5
        self._marks = list(MARKS)
        self._paces: list[float] = []
        self._last: float | None = None

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    def tick(self) -> None:
        """A step is done. The time since the last one counts into the pace, unless ``pause`` was called
        between."""
        now = time.monotonic()
        if self._last is not None:
            self._paces = [*self._paces[-RECENT:], now - self._last]
        self._last = now

    def restart(self, limit: float | None) -> None:
        """Count from now, to another ``limit``; the pace is that of the steps to come."""
        self.limit, self.start = limit, time.monotonic()
        self._marks, self._paces = list(MARKS), []
        self.pause()

    def pause(self) -> None:
        """Keep the time until the next ``tick`` out of the pace: it is spent on something else."""
        self._last = None

    @property
    def pace(self) -> float | None:
        """Seconds per step; None for the first steps."""
        if len(self._paces) < 4:
            return None
        ordered = sorted(self._paces)
        usual = ordered[: max(4, len(ordered) * 9 // 10)]
        return 0.5 * (sum(usual) / len(usual) + sum(ordered) / len(ordered))

    def is_up(self, steps: int = 1) -> bool:
        """Whether there is no time for ``steps`` more."""
        if self.limit is None:
            return False
        each = self.pace or max(self._paces, default=0.0)
        return self.elapsed() + self.reserve + steps * each > self.limit

    def steps_left(self) -> int | None:
        """The number of steps that still fit into the limit when it is time to plan again; else None. Planned
        often, so that a machine that is slow for a while ends neither early nor late."""
        if self.limit is None or self.pace is None or not self._marks:
            return None
        if self.elapsed() < self._marks[0] * self.limit:
            return None
        while self._marks and self.elapsed() >= self._marks[0] * self.limit:
            self._marks.pop(0)
        return self.steps_that_fit()

    def steps_that_fit(self) -> int:
        """The number of steps that still fit into the limit at the present pace."""
        if self.limit is None or self.pace is None:
            return 0
        return max(0, int((self.limit - self.elapsed() - self.reserve) / self.pace))
