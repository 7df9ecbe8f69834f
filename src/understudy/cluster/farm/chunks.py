"""The frames of a shot, cut into tasks."""

from __future__ import annotations

from collections.abc import Sequence

USUAL = 10
"""Frames of a task. The network is opened once for them, and a task that is lost costs no more."""
MOST_TASKS = 1000


def size_of_chunks(count: int, asked: int | str) -> int:
    """How many of ``count`` frames make a task: as ``asked``, or, where that is "auto", few, but no more than
    1000 tasks."""
    return int(asked) if asked != "auto" else max(USUAL, -(-count // MOST_TASKS))


def cut(numbers: Sequence[int], size: int) -> tuple[tuple[int, ...], ...]:
    """``numbers`` in order, in tasks of ``size`` frames; the last may have fewer."""
    return tuple(tuple(numbers[start : start + size]) for start in range(0, len(numbers), size))
