"""The training loop, from one start or resume of a run to its end, and what happens when a step fails."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from understudy.device import is_out_of_memory, release_memory
from understudy.errors import TrainingError, WriteError
from understudy.runs import RunFolder
from understudy.runs.cache_folder import remove_cache
from understudy.runs.state import BestHeldOut
from understudy.training.checkpoints.manager import CheckpointManager, RunCheckpointManager
from understudy.training.clock import Clock
from understudy.training.distributed.process_group import ProcessGroup
from understudy.training.distributed.shard import Shard
from understudy.training.events import Corrected, Ended
from understudy.training.feeding import open_cache
from understudy.training.learner import out_of_memory_error
from understudy.training.plan import UNKNOWN
from understudy.training.prepare import Job
from understudy.training.run_logger import Logger
from understudy.training.schedule import Schedule
from understudy.training.teaching.due import Due
from understudy.training.teaching.lessons import Lessons
from understudy.training.teaching.material import Outcome
from understudy.training.teaching.words import say_begun, say_fault, say_outcome
from understudy.training.validation import Validation
from understudy.training.validation_set import SetValidation

SOUND_EVERY = 25
RESCUES = 8
FAR = 100.0
AWAY = 1000.0


@dataclass
class TrainingLoop:
    """The training loop from ``step`` on. The process of rank 0 writes ``run``; the workers have none.
    ``idle``: it goes on for corrections alone, and not to its planned end. ``lessons``: those of a process
    that keeps the run open."""

    job: Job
    run: RunFolder | None
    clock: Clock
    logger: Logger
    stop: Any
    shard: Shard
    step: int = 0
    best: BestHeldOut | None = None
    max_steps: int | None = None
    idle: bool = False
    lessons: Lessons | None = None
    begun: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.plan, self.learner = self.job.plan, self.job.learner
        self.schedule = Schedule(self.job, self.clock, self.shard, self.logger, self.max_steps)
        if self.lessons is None and self.run is not None:
            self.lessons = Lessons(self.job, self.run)
        self.rescues, self.limit = 0, ""
        self.usual: float | None = None
        self.time_is_up = self.alone = False

    def go(self) -> Ended:
        """Train until the plan, the time limit or a stop request ends it; then save everything."""
        self.begun, self.first = True, self.step
        good = (self.step, self.learner.state())
        self.checkpoints = (
            RunCheckpointManager(self.job, self.run, self.clock, self.logger, good)
            if self.run
            else CheckpointManager(good)
        )
        kind = SetValidation if self.job.data.validation else Validation
        self.held_out = kind(self.job, self.clock, self.logger, self.checkpoints, self.best)
        self._open_feed()
        try:
            return self._go()
        finally:
            self._close_feed()

    def _go(self) -> Ended:
        try:
            while self._goes_on():
                self._take_step()
        except TrainingError as error:
            self._finish(Ended("failed", error.message, self.step))
            raise
        if self.step < self.plan.total_steps and not self.time_is_up:
            return self._finish(Ended("stopped", self._why_stopped(), self.step))
        return self._finish(Ended("finished", "", self.step))

    def stop_at_once(self) -> None:
        """Take no step: the run was stopped before all processes had joined."""
        self.alone = True

    # -- when to stop --------------------------------------------------------------------------------------

    def _goes_on(self) -> bool:
        if self.alone:
            return False
        if self.shard.world_size > 1:
            return not self.shard.received_stop and self.step < self.plan.total_steps
        if self._has_to_stop():
            return False
        self._take_up_corrections()
        self.schedule.extend(self.step)
        return self.step < self.plan.total_steps

    def _has_to_stop(self, steps: int = 1) -> bool:
        """Whether a stop was requested or there is no time for ``steps`` more; the first step is always
        taken."""
        self.time_is_up = self.clock.is_up(steps) and self.step + steps > self.first + 1
        return bool(self.stop) or self.time_is_up or self._is_taken_over()

    def _is_taken_over(self) -> bool:
        return self.logger.taken_over

    def _why_stopped(self) -> str:
        if self._is_taken_over():
            return "another process took the run over"
        return getattr(self.stop, "reason", "") or "stopped on request"

    def rejoin_lesson(self) -> None:
        """Lay the corrected pairs that the plan knows beside the others. RunError when they were changed."""
        if self.lessons is not None:
            self.lessons.rejoin()

    # -- corrections ---------------------------------------------------------------------------------------

    def _take_up_corrections(self) -> None:
        """Begin a lesson where corrections have come, or were undone; not in the first steps, in which the
        pace is not known yet."""
        lessons, under_way = self.lessons, not self._is_idle()
        if lessons is None or (under_way and self.clock.pace is None):
            return
        due = lessons.due()
        if lessons.complaint:
            self.logger.message(lessons.complaint)
            lessons.complaint = ""
        if due is not None:
            self._begin_lesson(lessons, due, alone=not under_way)

    def _is_idle(self) -> bool:
        """Whether nothing but corrections is to be learned."""
        lesson = self.plan.lesson
        alone = lesson is not None and lesson.alone and lesson.ended is None
        return alone or self.idle or self.step >= self.plan.total_steps

    def _begin_lesson(self, lessons: Lessons, due: Due, alone: bool) -> None:
        assert isinstance(self.checkpoints, RunCheckpointManager)
        self.clock.pause()
        try:
            lesson = lessons.begin(due, self.step, self.held_out.best, alone)
        except WriteError as error:
            self.logger.message(f"The correction was not taken up: {error.message} {error.found}")
            return
        self.idle = False
        self.first = self.step
        self.schedule.teach(self.step)
        self.checkpoints.begin_lesson(self.step, self.held_out.best)
        self.logger.update_state(learning=lesson.active)
        lessons.forget(self.step)
        self.logger.message(say_begun(due, lesson))
        for note in lessons.notes():
            self.logger.message(note)

    def _end_lesson(self, finished: bool) -> Ended | None:
        """Say how the lesson has gone. How the run ended, where there is more of it to come."""
        lesson, plan = self.plan.lesson, self.plan
        if lesson is None or lesson.ended is not None or not finished or self.lessons is None:
            return None
        plan.end_lesson(self.step)
        self.logger.update_state(learned=lesson.active)
        with self.logger.skipping_without_memory("to look at what was corrected"):
            outcome = self.lessons.outcome()
            if outcome is not None:
                self._say_outcome(tuple(lesson.new), outcome)
        if not lesson.rest:
            return None
        plan.totals.append((self.step, lesson.rest + self.step - lesson.step))
        return Ended(
            "stopped", "the corrections are learned; the rest of the run is still to come", self.step
        )

    def _say_outcome(self, corrections: tuple[int, ...], outcome: Outcome) -> None:
        warning = say_fault(corrections, outcome, self.job.matte)
        self.logger.emit(Corrected(corrections, **vars(outcome), warning=warning))
        self.logger.message(" ".join(filter(None, (say_outcome(outcome, self.job.matte), warning))))

    # -- a step --------------------------------------------------------------------------------------------

    def _take_step(self) -> None:
        if self.step == self.first:
            self.schedule.begin(self.step)
        if self.shard.world_size > 1:
            total = self.schedule.requested_total(self.step)
            self.shard.request(self._has_to_stop(steps=2), total, self.plan.wants_turn)
        loss = self._learn()
        if loss is None:
            return
        if self._ran_away(loss) or self._turned_unsound():
            self._rescue()
            return
        self.step += 1
        self.clock.tick()
        self._finish_step(loss)

    def _learn(self) -> float | None:
        """Take a step and return its loss; None where memory ran out and the batch was made smaller."""
        try:
            return self.learner.step(self.step + 1)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the except block, where the error no longer keeps the step's tensors alive.
        self._take_fewer_crops()
        return None

    def _finish_step(self, loss: float) -> None:
        step, plan, clock = self.step, self.plan, self.clock
        rate, seconds = plan.rate_at(step), round(clock.elapsed(), 3)
        row = {"step": step, "loss": loss, "lr": rate, "time": seconds}
        parts = {name: round(value, 7) for name, value in self.learner.parts.items()}
        self.logger.log_step({**row, "parts": parts} if parts else row)
        total = plan.total_steps if plan.total_steps != UNKNOWN else None
        left = plan.steps_left(step, self.learner.network.crop_stride)
        self.logger.report_progress(step, total, left, clock.pace, self.schedule.announced)
        self.schedule.plan_again(step)
        self.held_out.validate_when_due(step)
        if self.held_out.is_over and step < plan.total_steps:
            self.schedule.end_early(step)
        wants_turn = self.shard.world_size == 1 and plan.wants_turn
        if plan.turned is None and (self.shard.received_turn or wants_turn):
            plan.turned = step
        self._listen_to_feed()
        self.logger.flush_when_full()
        self.checkpoints.save_when_due(step, self.held_out.best)

    # -- pairs that are streamed ---------------------------------------------------------------------------

    def _open_feed(self) -> None:
        """Let pairs that are not in memory be made ahead, and kept decoded in the run's folder."""
        feed, folder = self.learner.feed, self.run.path if self.run else getattr(self.shard, "run", None)
        if feed is None:
            return
        feed.attach(self.logger.message)
        if feed.later is not None and self.run is not None:  # one process looks for all
            feed.later.begin()
        if folder is not None:
            open_cache(feed, folder, self.job.settings.data.data_cache, self.shard.world_size)

    def _listen_to_feed(self) -> None:
        feed = self.learner.feed
        if feed is None:
            return
        for text in feed.news():
            self.logger.message(text)
        if feed.limit != self.limit:
            self.limit = feed.limit
            self.logger.update_state(data_limit=feed.limit)

    def _close_feed(self) -> None:
        """Make nothing ahead any more; a run that is finished needs no cache."""
        feed = self.learner.feed
        if feed is None:
            return
        feed.close()
        if self.run is not None and self.step >= self.plan.total_steps:
            remove_cache(self.run.path)

    # -- going back ----------------------------------------------------------------------------------------

    def _take_fewer_crops(self) -> None:
        """Halve the batch, but keep one crop for each process. Start from the last good state, as the weights
        may be half updated. All processes do this when memory ran out in one of them."""
        fewer = max(self.shard.world_size, self.plan.batch_size // 2)
        if fewer == self.plan.batch_size:
            raise out_of_memory_error()
        self.plan.batch_size = fewer
        self.clock.pause()
        self._go_back(*self.checkpoints.good)
        release_memory(self.learner.device)
        if isinstance(self.shard, ProcessGroup):
            self.step = self.shard.recover(self.learner, self.step)
        self.logger.message(f"Memory ran out: on with batch size {fewer}, from step {self.step}.")

    def _ran_away(self, loss: float) -> bool:
        """Whether the loss is NaN or infinite, or a thousand times its first value."""
        if self.usual is None and math.isfinite(loss):
            self.usual = loss
        return not math.isfinite(loss) or loss > max(FAR, AWAY * (self.usual or 0.0))

    def _turned_unsound(self) -> bool:
        """Whether weights or momenta are no longer finite; checked every ``SOUND_EVERY`` steps and before
        each checkpoint."""
        step, interval = self.step + 1, self.job.settings.checkpoints.checkpoint_interval
        due = step % SOUND_EVERY == 0 or step % interval == 0 or step >= self.plan.total_steps
        return due and not self.learner.is_sound()

    def _rescue(self) -> None:
        """Go back to the last good state with half the learning rate. TrainingError after ``RESCUES``
        times."""
        self.rescues += 1
        if self.rescues > RESCUES:
            raise TrainingError(
                "The loss keeps running away.",
                found=f"no number, or a far too large one, near step {self.step + 1}",
                remedy="Use a smaller --learning-rate or --precision float32, or look for odd pixels.",
            )
        self._go_back(*self.shard.broadcast(*self.checkpoints.good))
        self.plan.rate_factor *= 0.5
        self.logger.message(f"The loss ran away: back to step {self.step}, with half the learning rate.")

    def _go_back(self, step: int, state: dict[str, Any]) -> None:
        self.step = step
        self.learner.load(state)
        self.logger.truncate(step)

    # -- the end -------------------------------------------------------------------------------------------

    def _finish(self, ended: Ended) -> Ended:
        if not self.logger.writes or self._is_taken_over():
            return ended
        if not self.learner.is_sound():
            self._go_back(*self.checkpoints.good)
        finished = ended.state == "finished"
        if finished and self.step:
            self.held_out.validate_last(self.step)
        self.logger.flush()
        self.schedule.end(self.step, finished)
        ended = self._end_lesson(finished) or ended
        finished = ended.state == "finished"
        if self.step == 0:
            self.logger.message("No step was taken: there is no checkpoint yet. Resume the run to begin it.")
        elif not self.checkpoints.save_last(self.step, self.held_out.best, finished):
            return Ended("failed", "the last steps could not be saved", self.step)
        return Ended(ended.state, ended.reason, self.step)
