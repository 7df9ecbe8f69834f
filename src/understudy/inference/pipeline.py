"""Many frames at a time: while one is computed, others are read and written.

Each frame is one task, start to end, in one of a few threads; reading, writing and computing all let go of
Python's lock, so the threads keep every core busy without waiting for each other at barriers, and no more
frames are in memory than there are threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 3
MOST = 33
"""Frames under way at the most, where the cores only read and write."""


@dataclass(frozen=True)
class Crew:
    """How a sequence is shared out. ``workers`` frames under way, ``computing`` of them in the network at a
    time, each with ``threads`` threads."""

    workers: int
    computing: int
    threads: int


def with_computing(crew: Crew, computing: int, cores: int) -> Crew:
    """The crew when only ``computing`` of its frames are in the network at a time, and share the cores."""
    computing = max(1, min(computing, crew.computing))
    return Crew(min(crew.workers, computing + 1), computing, max(1, cores // computing))


def plan_crew(cores: int, frames: int, frame_bytes: float, on_cpu: bool, most_bytes: float) -> Crew:
    """The crew for a machine. ``frame_bytes``: what one frame under way holds; all together stay near
    ``most_bytes``.

    On a CPU each core computes a frame of its own, and one more frame is read or written meanwhile; a frame
    that is larger than all may be is alone.
    Elsewhere one frame computes while each core reads or writes another.
    """
    room = max(int(most_bytes / max(frame_bytes, 1.0)), 1)
    if frames <= 1:
        return Crew(1, 1, cores)
    if frame_bytes > most_bytes and on_cpu:
        return Crew(1, 1, cores)
    if not on_cpu:
        workers = max(2, min(cores + 1, room, frames, MOST))
        return Crew(workers, 1, max(1, cores // workers))
    computing = max(1, min(cores, room - 1, frames))
    return Crew(min(computing + 1, frames), computing, max(1, cores // computing))


def run_frames(
    items: Sequence[Item],
    work: Callable[[int, Item], Result],
    workers: int,
    should_stop: Callable[[], bool],
    prepare_thread: Callable[[], None] = lambda: None,
) -> Iterator[Result]:
    """``work(index, item)`` for all items in ``workers`` threads, begun in order; results as they come.

    At most ``workers`` are begun and not yet handed over, and none runs further ahead of the slowest than
    ``AHEAD`` times that, so nothing piles up. When ``should_stop()`` is true no more are begun. An exception
    ends the work.
    """
    begun = 0
    under_way: dict[Future[Result], int] = {}
    with ThreadPoolExecutor(workers, "frame", initializer=prepare_thread) as pool:
        while True:
            while begun < len(items) and _may_begin(begun, under_way, workers) and not should_stop():
                under_way[pool.submit(work, begun, items[begun])] = begun
                begun += 1
            if not under_way:
                return
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                del under_way[future]
                yield future.result()


def _may_begin(index: int, under_way: dict[Future[Result], int], workers: int) -> bool:
    slowest = min(under_way.values(), default=index)
    return len(under_way) < workers and index < slowest + AHEAD * workers
