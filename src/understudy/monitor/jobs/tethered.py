"""A command that works for the monitor alone: it goes behind trainings, and ends with the monitor, however
that ends.

``python -m understudy.monitor.jobs.tethered ARGUMENTS`` is ``understudy ARGUMENTS`` at the other end of a
pipe that the monitor holds: a process that is gone, killed too, holds no pipe.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

MODULE = "understudy.monitor.jobs.tethered"
NICENESS = 10
"""Of the whole, not beside what the monitor has: training goes first."""


@contextmanager
def tether() -> Iterator[int]:
    """What a tethered command gets as its standard input; it ends with this context, at the latest."""
    its_end, held = os.pipe()
    try:
        yield its_end
    finally:
        os.close(held)
        os.close(its_end)


def tethered(arguments: Sequence[str]) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", MODULE, *arguments]


def follow() -> None:
    """End this process when the one that holds the tether is gone; let others go first until then."""
    threading.Thread(target=_wait_for_the_end, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(max(0, NICENESS - os.nice(0)))


def _wait_for_the_end() -> None:
    while os.read(0, 1):  # not sys.stdin: its lock would be held when this process ends by itself
        pass
    os._exit(1)


if __name__ == "__main__":
    follow()
    runpy.run_module("understudy", run_name="__main__", alter_sys=True)
