"""States of a run from before its corrections: what undoing goes back to, and what tells what is to stay.

Each lies beside the correction that came after it, as a progress file. What such a state knows is in its
plan: it can be gone back to as long as none of the corrections that it knows is undone, and nothing but
corrections was learned since. The first one and the newest few are kept: from any of them all later
corrections can be learned anew, so that every correction can be undone, however many there are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from understudy.errors import UnderstudyError
from understudy.runs.corrections import Correction
from understudy.runs.state import BestHeldOut
from understudy.training.checkpoints.progress_file import (
    Progress,
    check_fits,
    load_progress,
    read_progress,
    save_progress,
)
from understudy.training.prepare import Job

NEWEST = 3


@dataclass(frozen=True)
class State:
    """A state that is kept beside a correction."""

    before: Correction
    progress: Progress

    @property
    def knows(self) -> frozenset[int]:
        """The corrections that it has learned anything of."""
        lesson = self.progress.plan.lesson
        return frozenset(lesson.active) if lesson else frozenset()

    @property
    def learned(self) -> frozenset[int]:
        """Those that it has learned to the end."""
        lesson = self.progress.plan.lesson
        under_way = lesson is not None and lesson.ended is None
        return self.knows - frozenset(lesson.new if lesson is not None and under_way else ())


def save_state(job: Job, correction: Correction, step: int, best: BestHeldOut | None) -> None:
    """Keep the run as it is now beside ``correction``. WriteError."""
    progress = Progress(step=step, plan=job.plan, best=best, digest=job.digest)
    save_progress(correction.before_path, progress, job.learner.state())


def load_state(job: Job, correction: Correction) -> dict[str, Tensor] | None:
    """The tensors of the state beside ``correction``; None where there is none. ModelFileError when it is
    damaged, or of another network."""
    if not correction.before_path.is_file():
        return None
    tensors = load_progress(correction.before_path)[1]
    check_fits(correction.before_path, tensors, job.learner.state())
    return tensors


def state_to_go_back_to(job: Job, corrections: Sequence[Correction], step: int) -> State | None:
    """The newest one that knows no correction that is undone; None where there is none, or where the run has
    learned for itself since, which would be lost. ``step``: where the run stands."""
    good = _good(job, corrections, step)
    return max(good, key=lambda each: (len(each.knows), each.progress.step), default=None)


def forget_states(job: Job, corrections: Sequence[Correction], step: int) -> None:
    """Remove those that nobody needs any more: all but the first, the newest ones, and the one that tells
    the lesson under way what is to stay. What cannot be removed stays."""
    lesson = job.plan.lesson
    good = sorted(_good(job, corrections, step), key=lambda each: each.progress.step)
    kept = {each.before.id for each in (*good[:1], *good[-NEWEST:])}
    if lesson is not None and lesson.reference is not None:
        kept.add(lesson.reference)
    for each in corrections:
        if each.id not in kept:
            with contextlib.suppress(OSError):
                each.before_path.unlink(missing_ok=True)


def _good(job: Job, corrections: Sequence[Correction], step: int) -> list[State]:
    active = {each.id for each in corrections if not each.undone}
    own = job.plan.own_steps(step)
    return [
        each
        for each in _states(corrections)
        if each.knows <= active and each.progress.plan.own_steps(each.progress.step) == own
    ]


def _states(corrections: Sequence[Correction]) -> list[State]:
    found = []
    for each in corrections:
        if each.before_path.is_file():
            with contextlib.suppress(UnderstudyError):
                found.append(State(each, read_progress(each.before_path)))
    return found
