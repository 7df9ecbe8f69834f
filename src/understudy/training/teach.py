"""THE JOB: a run and the corrections in its folder -> the run, corrected."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from understudy.errors import RunError
from understudy.runs import RunFolder
from understudy.runs.asked import settings_of_run
from understudy.runs.corrections import corrections_folder
from understudy.runs.state import BestHeldOut
from understudy.training.checkpoints.progress_file import read_progress
from understudy.training.clock import Clock
from understudy.training.distributed.launch import shard_for
from understudy.training.distributed.shard import Shard
from understudy.training.events import Ended, Message
from understudy.training.loop import TrainingLoop
from understudy.training.prepare import Job
from understudy.training.run_logger import RunLogger
from understudy.training.stamp import Stamp, stamp_of
from understudy.training.teaching.due import has_to_be_taught
from understudy.training.teaching.lessons import Lessons, stamp_of_corrections
from understudy.training.train import (
    Report,
    TrainResult,
    load_run,
    rejoin,
    rejoin_lesson,
    result_of,
    silence,
    take_over,
    watch_over,
)


@dataclass(frozen=True)
class _Open:
    """A run as it lies open; ``stamp``: of the progress file that it agrees with."""

    job: Job
    lessons: Lessons
    step: int
    best: BestHeldOut | None
    stamp: Stamp


class Teacher:
    """Lets a run learn the corrections in its folder, as often as there are new ones, and no more than that.

        with Teacher(run, report, stop) as teacher:
            teacher.teach()
            while ...:
                if teacher.is_due(): teacher.teach()

    Between two lessons it holds frames, colour fit and network, and claims nothing: others may train the run,
    which is then read anew.
    """

    def __init__(self, run: RunFolder, report: Report = silence, stop: Any = None) -> None:
        self.run, self.report, self.stop = run, report, stop
        self._stack = ExitStack()
        self._shard: Shard | None = None
        self._open: _Open | None = None
        self._looked: tuple[str, Stamp] | None = None
        self._hopeless: Stamp = None

    def __enter__(self) -> Teacher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = None
        self._stack.close()

    def is_due(self) -> bool:
        """Whether there is something to learn that was not there at the last look. RunError for corrections
        that cannot be used, ModelFileError for a progress file."""
        looked = stamp_of_corrections(corrections_folder(self.run.path)), stamp_of(self.run)
        if looked == self._looked:
            return False
        self._looked = looked
        opened = self._open if self._fits() else None
        plan = opened.job.plan if opened else read_progress(self.run.ost_path).plan
        return has_to_be_taught(self.run, plan.lesson)

    def look_again(self) -> None:
        """Forget what was seen: the next look is as the first."""
        self._looked = None

    def give_up(self) -> None:
        """Do not try again what has failed, until something has changed."""
        self._hopeless = stamp_of(self.run)
        self._looked = stamp_of_corrections(corrections_folder(self.run.path)), self._hopeless

    def teach(self) -> TrainResult:
        """Go on with the run for as long as it takes to learn its corrections.

        Raises what ``resume`` raises, RunError for corrections that cannot be used, and Overtaken.
        """
        self.run.refuse_when_busy("corrected")
        opened = self._open if self._fits() else None
        if not self._has_to_be_taught(opened):
            return self._nothing_to_do()
        opened = opened or self._read()
        self._open = None  # until it is known how this ends
        return self._learn(opened)

    def open(self) -> None:
        """Read everything now, where that has not been done, so that the next lesson begins at once; then
        look at what the network makes of the frames that are to stay. Raises what ``teach`` does."""
        if not self._fits():
            if stamp_of(self.run) == self._hopeless:
                return
            self._open = self._read()
        if self._open is not None:
            self._open.lessons.look_ahead(self._open.step, self._is_wanted)

    def _is_wanted(self) -> bool:
        """Whether there is something better to do than to look ahead."""
        seen = stamp_of_corrections(corrections_folder(self.run.path))
        return bool(self.stop) or self._looked is None or seen != self._looked[0]

    def _fits(self) -> bool:
        return self._open is not None and self._open.stamp == stamp_of(self.run)

    def _has_to_be_taught(self, opened: _Open | None) -> bool:
        if not self.run.ost_path.is_file():
            raise _nothing_learned(self.run)
        plan = opened.job.plan if opened else read_progress(self.run.ost_path).plan
        return has_to_be_taught(self.run, plan.lesson)

    def _nothing_to_do(self) -> TrainResult:
        step = read_progress(self.run.ost_path).step
        self.report(Message(f"{self.run.name} has learned all its corrections: there is nothing to do."))
        self.report(Ended("finished", "there was nothing to learn", step))
        return result_of(self.run, "finished", step)

    def _read(self) -> _Open:
        settings = settings_of_run(self.run)
        stamp = stamp_of(self.run)
        found = load_run(self.run)
        if found is None:
            raise _nothing_learned(self.run)
        progress, tensors = found
        if self._shard is None:
            self._shard = self._stack.enter_context(shard_for(settings.devices, 1, self.stop))
        job = rejoin(settings, progress, self._shard, False)
        take_over(self.run, job, progress, tensors)
        lessons = Lessons(job, self.run)
        lessons.rejoin()
        return _Open(job, lessons, progress.step, progress.best, stamp)

    def _learn(self, opened: _Open) -> TrainResult:
        assert self._shard is not None
        job, lessons, clock = opened.job, opened.lessons, Clock(None, time.monotonic())
        rejoin_lesson(job, clock, opened.step, {})
        logger = RunLogger(self.run, self.report)
        lessons.look_again()
        stands = (opened.step, opened.best, None, True, lessons)
        loop = TrainingLoop(job, self.run, clock, logger, self.stop, self._shard, *stands)
        result = watch_over(loop, logger, opened.stamp)
        if result.state != "failed" and not logger.taken_over:
            self._open = _Open(job, lessons, loop.step, loop.held_out.best, stamp_of(self.run))
        return result


def teach(run: RunFolder, report: Report = silence, *, stop: Any = None) -> TrainResult:
    """Go on with a run for as long as it takes to learn the corrections in its folder, and no longer.

    Raises what ``resume`` raises, RunError for corrections that cannot be used, and Overtaken when another
    process has trained it meanwhile.
    """
    with Teacher(run, report, stop) as teacher:
        return teacher.teach()


def _nothing_learned(run: RunFolder) -> RunError:
    return RunError(
        "This run has not learned anything yet that could be corrected.",
        expected=run.ost_path.name,
        where=str(run.path),
        remedy=f"Let it learn first: understudy resume {run.path}",
    )
