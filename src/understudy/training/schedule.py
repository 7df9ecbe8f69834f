"""The schedule: Total Steps, planned anew from the time limit as the speed becomes known."""

from __future__ import annotations

import math
from typing import Any

from understudy.training.clock import Clock
from understudy.training.distributed.shard import Shard
from understudy.training.events import Planned
from understudy.training.plan import UNKNOWN
from understudy.training.prepare import Job
from understudy.training.run_logger import Logger

LATE = 0.03
FEW = 100


class Schedule:
    """Turns a time limit into Total Steps. With several processes, process 0 requests a new total
    (``requested_total``), and all take it over after the same step. ``max_steps`` limits it; None: no
    limit."""

    def __init__(self, job: Job, clock: Clock, shard: Shard, logger: Logger, max_steps: int | None) -> None:
        self.job, self.plan, self.clock, self.shard, self.logger = job, job.plan, clock, shard, logger
        self.max_steps = max_steps
        self.announced = self._begun = False
        self._requested = 0
        self._is_over = False

    def begin(self, step: int) -> None:
        """Report a time limit that is over before the first step; one step is taken all the same."""
        begun, self._begun = self._begun, True
        if begun or not self.clock.is_up():
            return
        limit, elapsed = self.clock.limit or 0.0, self.clock.elapsed()
        self.logger.message(
            f"The time limit of {limit:g} s was as good as over before the first step, {elapsed:.1f} s after "
            "the start: one step is taken, so that there is a checkpoint. Resume it with a longer time limit."
        )
        if self.shard.world_size == 1 and self.plan.total_steps > step + 1:
            self._take_total(step, step + 1)

    def teach(self, step: int) -> None:
        """Plan the lesson that begins after ``step``: its own steps, or its own time, where it is alone; else
        the run takes as much longer."""
        lesson, clock = self.plan.lesson, self.clock
        assert lesson is not None
        if lesson.alone:
            self.max_steps, self.announced = None, False
            clock.restart(None if lesson.steps else lesson.seconds)
            self._set_total(step, step + lesson.steps if lesson.steps else UNKNOWN)
            return
        more = lesson.steps or math.ceil(lesson.seconds / (clock.pace or lesson.seconds))
        if clock.limit is not None:
            clock.limit += lesson.seconds
        if self.max_steps is not None:
            self.max_steps += more
        if self._is_planned:
            self._set_total(step, self.plan.total_steps + more)

    def end_early(self, step: int) -> None:
        """End the run with ``step``, or with the next one where other processes have to know."""
        self._is_over = True
        if self.shard.world_size > 1:
            self._requested = step + 1
        else:
            self._set_total(step, step)

    def extend(self, step: int) -> None:
        """Plan more steps where the last planned one is done and time is left."""
        if self._is_over:
            return
        if step >= self.plan.total_steps and self._only_time_counts():
            self._plan_total(step, step + max(1, self.clock.steps_that_fit()))

    def requested_total(self, step: int) -> int:
        """The total that all processes take over after the step that follows ``step``; 0: no change."""
        if step + 1 >= self.plan.total_steps and self._only_time_counts() and not self._is_over:
            self._requested = step + 1 + max(1, self.clock.steps_that_fit() - 1)
        return self._requested

    def plan_again(self, step: int) -> None:
        """After each step: take over an agreed total, plan anew when due, announce the total once."""
        if self.shard.received_total:
            self._requested = 0
            self._take_total(step, max(self.shard.received_total, step))
        if self._is_over:
            return
        left = self.clock.steps_left()
        if left is None and self._has_two_limits():
            left = self.clock.steps_that_fit()
        if left is not None:
            total = self.plan.total_that_fits(step, max(left, 1), self.job.learner.network.crop_stride)
            self._plan_total(step, total if self.max_steps is None else min(total, self.max_steps))
        if not self.announced and self._is_planned and self.clock.pace and not self._requested:
            self.announce(step)

    def end(self, step: int, finished: bool) -> None:
        """Close the schedule after the last ``step``; when training is finished, the plan ends with it."""
        if finished:
            self._set_total(step, step)  # the time may have been over a step before or after it
        if not self.announced and self._is_planned:
            self.announce(step)
        if finished and self.plan.lesson is None and 1 < step < FEW and self._only_time_counts():
            self.logger.message(
                f"Only {step} steps fitted into the time, too few to learn an effect: understudy resume "
                "with a longer --time-limit goes on."
            )

    def announce(self, step: int) -> None:
        """Report how many steps there will be, of how many crops."""
        self.announced = True
        total, pace, pairs = self.plan.total_steps, self.clock.pace or 0.0, self.job.data.count
        self.logger.update_state(state="training", total=total, plan=self._fields())
        seconds = pace * self.plan.steps_left(step, self.job.learner.network.crop_stride) or None
        self.logger.emit(Planned(total, self.plan.batch_size, pairs, seconds, self.job.notes))
        self.logger.log(f"Total Steps {total}, batch size {self.plan.batch_size}, {pairs} pairs")

    def _only_time_counts(self) -> bool:
        return self.max_steps is None and self.clock.limit is not None

    def _has_two_limits(self) -> bool:
        """Whether it is still open which comes first, the planned end or the time limit."""
        timed = self.clock.limit is not None and self.clock.pace is not None
        return timed and not self.announced and self._is_planned and not self._requested

    @property
    def _is_planned(self) -> bool:
        """Whether the end is known."""
        return self.plan.total_steps != UNKNOWN

    def _plan_total(self, step: int, total: int) -> None:
        if self.shard.world_size > 1:
            self._requested = total  # all take it over after the next step
        else:
            self._take_total(step, total)

    def _take_total(self, step: int, total: int) -> None:
        self.plan.timed, old = True, self.plan.total_steps
        if old != UNKNOWN and abs(total - old) <= LATE * (old - step):
            return
        self._set_total(step, total)

    def _set_total(self, step: int, total: int) -> None:
        self.plan.totals.append((step, total))
        self.logger.update_state(total=total, plan=self._fields())

    def _fields(self) -> dict[str, Any]:
        plan = self.plan
        return {
            **plan.model_dump(exclude={"totals", "confidence"}),
            "total_steps": plan.total_steps,
            "totals": plan.totals,
        }
