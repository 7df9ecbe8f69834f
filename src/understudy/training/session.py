"""One stretch of training on one run: the loop, and what happens between its steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from understudy.device import is_out_of_memory, release_memory
from understudy.errors import TrainingError, WriteError
from understudy.runs import Heartbeat, RunFolder
from understudy.runs.state import BestHeldOut
from understudy.training.clock import Clock
from understudy.training.events import Ended, Event, Planned, Said, Saved, Stepped
from understudy.training.judge import Verdict, bfloat16_difference, colour_fit_verdict, judge
from understudy.training.keeper import Keeper
from understudy.training.learner import Share, no_memory
from understudy.training.pictures import Pictures
from understudy.training.plan import TURN_GAP, UNKNOWN
from understudy.training.prepare import Job

ROWS_AT_ONCE = 25
SAVE_SECONDS = 60.0
REPORT_SECONDS = 0.1
SOUND_EVERY = 25
RESCUES = 8
LATE = 0.03


@dataclass
class Session:
    """Everything that one stretch of training needs. ``share.rank`` 0 writes; the others only learn."""

    job: Job
    run: RunFolder | None
    clock: Clock
    report: Callable[[Event], None]
    stop: Any
    share: Share
    step: int = 0
    best: BestHeldOut | None = None
    max_steps: int | None = None

    def __post_init__(self) -> None:
        self.plan, self.learner = self.job.plan, self.job.learner
        self.keeper = Keeper(self.job, self.run) if self.run else None
        self.pictures = Pictures(self.job, self.run) if self.run else None
        self.rows: list[dict[str, Any]] = []
        self.saved_at = time.monotonic()
        self.reported_at = 0.0
        self.planned = False
        self.good: tuple[int, dict[str, Any]] | None = None
        self.rescues = 0
        self.heartbeat: Heartbeat | None = None
        self.begun = self.alone = False
        self.time_is_up = False
        self.wanted_total = 0
        self.wanted_turn = False

    def go(self, heartbeat: Heartbeat | None) -> Ended:
        """Train until the plan, the time or a request ends it; then save everything."""
        self.heartbeat, self.begun = heartbeat, True
        self.good = (self.step, self.learner.state())
        try:
            while self._goes_on():
                self._one_step()
        except TrainingError as error:
            self._finish(Ended("failed", error.message, self.step))
            raise
        if self.step < self.plan.total_steps and not self.time_is_up:
            return self._finish(Ended("stopped", self._why_stopped(), self.step))
        return self._finish(Ended("finished", "", self.step))

    def stop_at_once(self) -> None:
        """Take no step: not all processes had come when the run was stopped."""
        self.alone = True

    def _goes_on(self) -> bool:
        if self.alone:
            return False
        if self.share.world > 1:
            return not self.share.heard_stop and self.step < self.plan.total_steps
        if self._has_to_stop():
            return False
        if self.step >= self.plan.total_steps and self._has_time_left():
            self._plan_total(self.step + max(1, self.clock.steps_that_fit()))
        return self.step < self.plan.total_steps

    def _one_step(self) -> None:
        if self.share.world > 1:
            self._say_to_others()
        loss = self._learn()
        if loss is None:
            return
        if loss != loss or loss in (float("inf"), float("-inf")) or self._turned_unsound():
            self._rescue()
            return
        self.step += 1
        self.clock.tick()
        self._note(loss)
        self._plan_again()
        self._judge_when_due()
        if len(self.rows) >= ROWS_AT_ONCE:
            self._write_rows()
        self._save_when_due()

    def _learn(self) -> float | None:
        """The loss of the next step; None where memory ran out, and there are fewer crops from now on."""
        try:
            return self.learner.step(self.step + 1)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Only here, where the error no longer holds on to what was computed.
        self._take_fewer_crops()
        return None

    def _take_fewer_crops(self) -> None:
        if self.plan.batch_size == 1 or self.good is None:
            raise no_memory()
        self.plan.batch_size //= 2
        release_memory(self.learner.device)
        self._go_back(*self.good)  # the weights may be half way into the step
        self.say(f"Memory ran out: on with batch size {self.plan.batch_size}, from step {self.step}.")

    def _has_to_stop(self, steps: int = 1) -> bool:
        self.time_is_up = self.clock.is_up(steps)
        return bool(self.stop) or self.time_is_up or self._is_taken_over()

    def _has_time_left(self) -> bool:
        return self.max_steps is None and self.clock.limit is not None

    def _is_taken_over(self) -> bool:
        return self.heartbeat is not None and self.heartbeat.taken_over

    def _say_to_others(self) -> None:
        """What all processes hear in the step that now begins, and do after it."""
        if self.step + 1 >= self.plan.total_steps and self._has_time_left():
            self.wanted_total = self.step + 1 + max(1, self.clock.steps_that_fit() - 1)
        self.share.say(self._has_to_stop(steps=2), self.wanted_total, self.wanted_turn)

    def _why_stopped(self) -> str:
        if self._is_taken_over():
            return "another process took the run over"
        return getattr(self.stop, "reason", "") or "stopped on request"

    # -- after each step -----------------------------------------------------------------------------------

    def _note(self, loss: float) -> None:
        row = {
            "step": self.step,
            "loss": loss,
            "lr": self.plan.rate_at(self.step),
            "time": round(self.clock.elapsed(), 3),
        }
        self.rows.append(row)
        now = time.monotonic()
        if now - self.reported_at < REPORT_SECONDS and self.step != self.plan.total_steps:
            return
        self.reported_at = now
        pace = self.clock.pace
        left = pace * (self.plan.total_steps - self.step) if pace and self.plan.totals else None
        self._update(step=self.step, loss=loss, time_left=left, steps_per_second=1 / pace if pace else None)
        if self.planned and pace:
            self.report(Stepped(self.step, self.plan.total_steps, loss, 1 / pace, left))

    def _write_rows(self) -> None:
        if self.run is not None and self.rows:
            try:
                self.run.append_summary(self.rows)
            except WriteError as error:
                self.say(f"The losses of some steps could not be written: {error.message}")
        self.rows = []

    def _update(self, **fields: Any) -> None:
        if self.heartbeat is not None:
            self.heartbeat.update(**fields)

    def say(self, text: str) -> None:
        """A sentence for the artist and for run.log."""
        if self.run is not None:
            self.run.log(text)
            self.report(Said(text))

    # -- the plan ------------------------------------------------------------------------------------------

    def _plan_again(self) -> None:
        if self.plan.turned is None and (
            self.share.heard_turn or (self.share.world == 1 and self.wanted_turn)
        ):
            self.plan.turned = self.step
        if self.share.heard_total:
            self.wanted_total = 0
            self._take_total(max(self.share.heard_total, self.step))
        left = self.clock.steps_left()
        if left is None and self._has_two_limits():
            left = self.clock.steps_that_fit()
        if left is not None:
            total = self.step + left if self.max_steps is None else min(self.step + left, self.max_steps)
            self._plan_total(max(total, self.step + 1))
        if not self.planned and self.plan.totals and self.clock.pace and not self.wanted_total:
            self._announce()

    def _has_two_limits(self) -> bool:
        """Whether it is not known yet which comes first, the planned end or the end of the time."""
        timed = self.clock.limit is not None and self.clock.pace is not None
        return timed and not self.planned and bool(self.plan.totals) and not self.wanted_total

    def _plan_total(self, total: int) -> None:
        if self.share.world > 1:
            self.wanted_total = total  # all take it over after the next step
        else:
            self._take_total(total)

    def _take_total(self, total: int) -> None:
        old = self.plan.total_steps
        if old != UNKNOWN and abs(total - old) <= LATE * (old - self.step):
            return
        self.plan.totals.append((self.step, total))
        self._update(total=total, plan=_plan_fields(self.job))

    def _announce(self) -> None:
        self.planned = True
        total, pace = self.plan.total_steps, self.clock.pace or 0.0
        seconds = pace * (total - self.step) or None
        self._update(state="training", total=total, plan=_plan_fields(self.job))
        if self.run is not None:
            pairs = len(self.job.data.pairs)
            self.report(Planned(total, self.plan.batch_size, pairs, seconds, self.job.notes))
            self.run.log(f"Total Steps {total}, batch size {self.plan.batch_size}, {pairs} pairs")

    # -- judging -------------------------------------------------------------------------------------------

    def _judge_when_due(self) -> None:
        plan = self.plan
        if not plan.is_judgement_due(self.step):
            return
        plan.judged += 1
        self._judge()
        if not plan.apart and plan.judged == len(plan.marks):
            plan.joined = self.step
            frame = self.job.data.pairs[plan.held_out or 0].number
            self.say(
                f"Frame {frame} has told how well unseen frames do; from here on it is learned from too."
            )

    def _judge(self) -> None:
        if self.run is None or self.plan.held_out is None or not self.learner.is_sound():
            return
        self.clock.pause()
        began = time.monotonic()
        verdict = self._verdict(self.plan.held_out)
        if self.plan.turned is None and not self.wanted_turn and not self.job.matte:
            self._turn_when_learned_by_heart(verdict)
        self.clock.reserve = max(self.clock.reserve, 1.0 + 1.5 * (time.monotonic() - began))
        if self.rows:
            self.rows[-1]["held_out"] = verdict.value
        if self.best is None or self.best.value is None or verdict.value > self.best.value:
            self.best = BestHeldOut(
                step=self.step, metric=verdict.metric, value=round(verdict.value, 4), frame=verdict.frame
            )
            self._save_best(verdict)

    def _verdict(self, index: int) -> Verdict:
        pair, learner = self.job.data.pairs[index], self.learner
        return judge(learner.average, pair, learner.device, self.plan.precision, self.job.matte)

    def _turn_when_learned_by_heart(self, verdict: Verdict) -> None:
        """Where a pair that is learned from has gained much more than the one that is kept apart, crops are
        also turned by right angles from now on: harder to learn by heart. Elsewhere that only costs steps."""
        out = self.plan.held_out or 0
        other = out - 1 if out else out + 1
        gains = [
            value - colour_fit_verdict(self.learner.average, self.job.data.pairs[index]).value
            for index, value in ((out, verdict.value), (other, self._verdict(other).value))
        ]
        if gains[1] - gains[0] > TURN_GAP:
            self.say(
                f"Learned frames gain {gains[1]:.1f} dB, an unseen one {gains[0]:.1f}: turning crops, too."
            )
            self.wanted_turn = True

    def _save_best(self, verdict: Verdict) -> None:
        self._update(best_held_out=self.best)
        if self.plan.apart and self.keeper and self._try(lambda: self.keeper.save_best(self.step, self.best)):
            self.report(Saved(self.run.best_path, "best", verdict.value))

    # -- saving --------------------------------------------------------------------------------------------

    def _save_when_due(self) -> None:
        if self.run is None:
            return
        settings = self.job.settings
        if self.step % settings.contact_sheet_interval == 0:
            self.clock.pause()
            self._try(lambda: self.report(Saved(self.pictures.contact_sheet(self.step), "contact")))
        if self.step % settings.checkpoint_interval == 0 and self.step < self.plan.total_steps:
            self._checkpoint()
        elif time.monotonic() - self.saved_at > SAVE_SECONDS and self.learner.is_sound():
            self.clock.pause()
            self._save_progress()

    def _checkpoint(self) -> bool:
        """A .cat, the .ost and previews; whether the first two stand on the disk."""
        if self.run is None or self.keeper is None:
            return True
        self.clock.pause()
        self._write_rows()
        step, path = self.step, self.run.cat_path(self.step)
        done = self._try(lambda: self.keeper.save_checkpoint(step, self.best))
        if done and not self.plan.apart and self.run.best_path.exists():
            done = self._try(
                lambda: self.keeper.save_best(step, self.best)
            )  # of an earlier stretch: outdated
        done = self._save_progress() and done
        if done:
            self.report(Saved(path, "checkpoint", self.best.value if self.best else None))
            self.run.prune(self.job.settings.max_checkpoints)
        for preview in self.pictures.previews(self.step, self.say):
            self.report(Saved(preview, "preview"))
        return done

    def _save_progress(self, done: bool = False) -> bool:
        self._write_rows()
        self.saved_at = time.monotonic()
        state = self.learner.state()
        self.good = (self.step, state)
        return self._try(lambda: self.keeper.save_progress(self.step, state, self.best, done))

    def _try(self, write: Callable[[], object]) -> bool:
        """Whether it could be written; if not, what stood there stands, and training goes on."""
        try:
            write()
        except WriteError as error:
            self.say(f"Not written, training goes on: {error.message} {error.found}".strip())
            return False
        return True

    # -- numbers that ran away -----------------------------------------------------------------------------

    def _turned_unsound(self) -> bool:
        """Looked for now and then, and always before a checkpoint."""
        step, interval = self.step + 1, self.job.settings.checkpoint_interval
        due = step % SOUND_EVERY == 0 or step % interval == 0 or step >= self.plan.total_steps
        return due and not self.learner.is_sound()

    def _rescue(self) -> None:
        """Back to the last good state with half the rate. TrainingError when that does not help either."""
        self.rescues += 1
        if self.rescues > RESCUES or self.good is None:
            raise TrainingError(
                "The loss keeps turning into something that is no number.",
                found=f"NaN or Inf near step {self.step + 1}",
                remedy="Use a smaller --learning-rate or --precision float32, or look for odd pixels.",
            )
        self._go_back(*self.share.spread(*self.good))
        self.plan.rate_factor *= 0.5
        self.say(f"The loss was no number: back to step {self.step}, with half the learning rate.")

    def _go_back(self, step: int, state: dict[str, Any]) -> None:
        self.step = step
        self.learner.load(state)
        self.rows = [row for row in self.rows if row["step"] <= step]
        if self.run is not None:
            self._try(lambda: self.run.truncate_summary(step))

    # -- the end -------------------------------------------------------------------------------------------

    def _finish(self, ended: Ended) -> Ended:
        if self.run is None or self.keeper is None or self._is_taken_over():
            return ended
        if self.good is not None and not self.learner.is_sound():
            self._go_back(*self.good)
        self._write_rows()
        finished = ended.state == "finished"
        if finished:
            self.plan.totals.append((self.step, self.step))
        if not self.planned and self.plan.totals:
            self._announce()
        self.keeper.measured = {"bfloat16_difference": self._bfloat16_difference()}
        done = self.step == 0 or self._checkpoint()
        if finished and self.pictures is not None and not self.run.contact_path(self.step).exists():
            self._try(lambda: self.report(Saved(self.pictures.contact_sheet(self.step), "contact")))
        if done and self.step and not self.plan.apart:
            done = self._try(lambda: self.keeper.save_best(self.step, self.best))
        if done and finished:
            done = self._save_progress(done=True)
        if not done:
            return Ended("failed", "the last checkpoint could not be written", self.step)
        return Ended(ended.state, ended.reason, self.step)

    def _bfloat16_difference(self) -> float:
        return bfloat16_difference(self.learner.average, self.job.data.pairs[0], self.learner.device)


def _plan_fields(job: Job) -> dict[str, Any]:
    plan = job.plan
    return {**plan.model_dump(exclude={"totals"}), "total_steps": plan.total_steps, "totals": plan.totals}
