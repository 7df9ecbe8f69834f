"""What a run has still to learn of its corrections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from understudy.runs import RunFolder
from understudy.runs.corrections import Correction, read_corrections
from understudy.training.teaching.lesson import Lesson

LESSON_SECONDS = 20.0


def has_to_be_taught(run: RunFolder, lesson: Lesson | None) -> bool:
    """Whether there are corrections that a run, which knows ``lesson``, has not learned to the end. RunError
    for one that is damaged."""
    unfinished = lesson is not None and lesson.alone and lesson.ended is None
    return unfinished or what_is_due(read_corrections(run.path), lesson) is not None


@dataclass(frozen=True)
class Due:
    """What there is to learn: the corrections that are not undone, those of them that are new, and the first
    one that was undone, if any. ``seconds``, ``steps``: how long."""

    active: tuple[Correction, ...]
    new: tuple[Correction, ...]
    undone: Correction | None
    seconds: float
    steps: int


def what_is_due(corrections: Sequence[Correction], lesson: Lesson | None) -> Due | None:
    """What a run that knows ``lesson`` has still to learn of its corrections; None where that is nothing."""
    active = tuple(each for each in corrections if not each.undone)
    before = set(lesson.active) if lesson else set()
    if {each.id for each in active} == before:
        return None
    undone = [each for each in corrections if each.undone and each.id in before]
    fresh = {each.id for each in active} - before
    if lesson is not None and lesson.ended is None:
        fresh |= set(lesson.new)
    new = tuple(each for each in active if each.id in fresh)
    told = [*new, *undone] or list(active)
    seconds = max((each.time_limit for each in told), default=LESSON_SECONDS)
    steps = max((each.steps for each in told), default=0)
    return Due(active, new, undone[0] if undone else None, seconds, steps)
