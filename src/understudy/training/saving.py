"""When which file of a run is written. What the disk does not take costs that file, not the run."""

from __future__ import annotations

import time
from typing import Any

from understudy.runs import RunFolder
from understudy.runs.state import BestHeldOut
from understudy.training.clock import Clock
from understudy.training.events import Saved
from understudy.training.judge import bfloat16_difference
from understudy.training.keeper import Keeper
from understudy.training.pictures import Pictures
from understudy.training.prepare import Job
from understudy.training.records import Records

SAVE_SECONDS = 60.0

Good = tuple[int, dict[str, Any]]


class Saver:
    """That of a process that only helps: it keeps the state to go back to, and writes nothing. ``good`` is
    the last good step and its state."""

    def __init__(self, good: Good) -> None:
        self.good = good

    def save_when_due(self, step: int, best: BestHeldOut | None) -> None:
        """The contact sheet, checkpoint or progress that this step may end with."""

    def save_best(self, step: int, best: BestHeldOut) -> None:
        """NAME_best.cat, where a pair stays apart that tells which one is best."""

    def save_last(self, step: int, best: BestHeldOut | None, finished: bool) -> bool:
        """All that a run ends with; whether what matters stands on the disk."""
        return True


class RunSaver(Saver):
    """That of the process that writes ``run``."""

    def __init__(self, job: Job, run: RunFolder, clock: Clock, records: Records, good: Good) -> None:
        super().__init__(good)
        self.job, self.run, self.clock, self.records = job, run, clock, records
        self.keeper, self.pictures = Keeper(job, run), Pictures(job, run)
        self._saved = time.monotonic()

    def save_when_due(self, step: int, best: BestHeldOut | None) -> None:
        settings = self.job.settings
        if step % settings.contact_sheet_interval == 0:
            self._save_contact_sheet(step)
        if step % settings.checkpoint_interval == 0 and step < self.job.plan.total_steps:
            self._save_checkpoint(step, best, self.run.best_path.exists())  # of an earlier stretch: outdated
        elif time.monotonic() - self._saved > SAVE_SECONDS and self.job.learner.is_sound():
            self.clock.pause()
            self._save_progress(step, best)

    def save_best(self, step: int, best: BestHeldOut) -> None:
        self.records.update(best_held_out=best)
        if not self.job.plan.apart:
            return
        self._measure()
        if self.records.attempt(lambda: self.keeper.save_best(step, best)):
            self.records.tell(Saved(self.run.best_path, "best", best.value, best.step))
        self.keeper.measured = {}  # of these weights alone

    def save_last(self, step: int, best: BestHeldOut | None, finished: bool) -> bool:
        self.records.ending = True
        self._measure()
        done = self._save_checkpoint(step, best, True, finished)
        if finished and not self.run.contact_path(step).exists():
            self._save_contact_sheet(step)
        return done

    def _measure(self) -> None:
        """How much bfloat16 would change on a frame; without memory for it there is no figure."""
        learner, self.keeper.measured = self.job.learner, {}
        with self.records.where_memory_allows("to compare precisions"):
            difference = bfloat16_difference(learner.average, self.job.data.pairs[0], learner.device)
            self.keeper.measured = {"bfloat16_difference": difference}

    def _save_checkpoint(
        self, step: int, best: BestHeldOut | None, best_too: bool, finished: bool = False
    ) -> bool:
        """A .cat, the .ost after it, and previews; whether the first two stand on the disk. The very first
        .ost comes before it: a run is to have something to go on from as soon as it has a .cat."""
        self.clock.pause()
        keeper, attempt = self.keeper, self.records.attempt
        begun = not self.run.ost_path.exists() and self._save_progress(step, best)
        done = attempt(lambda: keeper.save_checkpoint(step, best))
        if done and best_too and not self.job.plan.apart:
            done = attempt(lambda: keeper.save_best(step, best))
        if finished or not begun:
            done = self._save_progress(step, best, done and finished) and done
        if done:
            path = self.run.cat_path(step)
            self.records.tell(Saved(path, "checkpoint", *((best.value, best.step) if best else ())))
            self.run.forget_after(step)
            self.run.prune(self.job.settings.max_checkpoints)
        with self.records.where_memory_allows("for a preview"):
            for preview in self.pictures.previews(step, self.records.say):
                self.records.tell(Saved(preview, "preview"))
        return done

    def _save_progress(self, step: int, best: BestHeldOut | None, finished: bool = False) -> bool:
        self.records.write_rows()
        self._saved = time.monotonic()
        self.good = (step, self.job.learner.state())
        return self.records.attempt(lambda: self.keeper.save_progress(*self.good, best, finished))

    def _save_contact_sheet(self, step: int) -> None:
        self.clock.pause()
        with self.records.where_memory_allows("for a contact sheet"):
            self.records.attempt(
                lambda: self.records.tell(Saved(self.pictures.contact_sheet(step), "contact"))
            )
