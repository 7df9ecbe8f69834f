"""When checkpoints, progress files and pictures of a run are written. A failed write does not end the run."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from understudy.errors import UnderstudyError
from understudy.runs import RunFolder
from understudy.runs.state import BestHeldOut
from understudy.training.checkpoints.writer import CheckpointWriter
from understudy.training.clock import Clock
from understudy.training.contact_sheet import write_png
from understudy.training.evaluation import bfloat16_difference
from understudy.training.events import Saved
from understudy.training.pictures import Pictures
from understudy.training.prepare import Job
from understudy.training.run_logger import Logger
from understudy.training.stages import Stages, keeps_steps, why

SAVE_SECONDS = 60.0
SHOW_SECONDS = (2.0, 5.0)
"""When, after corrections were taken up, a checkpoint shows what they change."""

Good = tuple[int, dict[str, Any]]


class CheckpointManager:
    """The checkpoints of a worker process: it writes nothing and keeps, in ``good``, the last good step and
    its state to go back to."""

    def __init__(self, good: Good) -> None:
        self.good = good

    def save_when_due(self, step: int, best: BestHeldOut | None) -> None:
        """Write the contact sheet, checkpoint or progress file that is due after ``step``."""

    def save_best(self, step: int, best: BestHeldOut) -> None:
        """Write NAME_best.cat, where a pair is held out to the end."""

    def show_validation(self, step: int, sheet: np.ndarray) -> None:
        """Write the sheet of validation pictures."""

    def save_last(self, step: int, best: BestHeldOut | None, finished: bool) -> bool:
        """Write everything that a run ends with; whether the checkpoint and the progress file were
        written."""
        return True


class RunCheckpointManager(CheckpointManager):
    """The checkpoints of the process that writes ``run``."""

    def __init__(self, job: Job, run: RunFolder, clock: Clock, logger: Logger, good: Good) -> None:
        super().__init__(good)
        self.job, self.run, self.clock, self.logger = job, run, clock, logger
        self.writer, self.pictures = CheckpointWriter(job, run), Pictures(job, run)
        self.stages = Stages(job, run)
        self._saved = time.monotonic()
        self._shows: list[float] = []

    def begin_lesson(self, step: int, best: BestHeldOut | None) -> None:
        """Write a progress file from which the lesson that begins after ``step`` can be gone on with, and
        show soon what it changes."""
        self._save_progress(step, best)
        now = time.monotonic()
        self._shows = [now + seconds for seconds in SHOW_SECONDS]

    def _is_to_be_shown(self) -> bool:
        if not self._shows or time.monotonic() < self._shows[0] or not self.job.learner.is_sound():
            return False
        del self._shows[0]
        return True

    def save_when_due(self, step: int, best: BestHeldOut | None) -> None:
        settings = self.job.settings
        if step % settings.preview.contact_sheet_interval == 0:
            self._save_contact_sheet(step)
            if self._is_early(step):
                self.clock.pause()
                self._save_previews(step)
        saves = step % settings.checkpoints.checkpoint_interval == 0 and step < self.job.plan.total_steps
        stage = self.stages.is_due(step, saves) and self.job.learner.is_sound()
        if stage:
            self._save_stage(step)
        if saves or (stage and step < self.job.plan.total_steps):
            outdated = self.run.best_path.exists()  # one of an earlier session
            self._save_checkpoint(step, best, outdated)
        elif self._is_to_be_shown():
            self._save_checkpoint(step, best, True, show=False)
        elif time.monotonic() - self._saved > SAVE_SECONDS and self.job.learner.is_sound():
            self.clock.pause()
            self._save_progress(step, best)

    def save_best(self, step: int, best: BestHeldOut) -> None:
        self.logger.update_state(best_held_out=best)
        if not self.job.plan.apart:
            return
        self._measure()
        if self.logger.try_to_write(lambda: self.writer.save_best(step, best)):
            self.logger.emit(Saved(self.run.best_path, "best", best.value, best.step))
        self.writer.measured = {}  # it holds for these weights only

    def save_last(self, step: int, best: BestHeldOut | None, finished: bool) -> bool:
        self.logger.ending = True
        self._measure()
        done = self._save_checkpoint(step, best, True, finished)
        if finished and not self.run.contact_path(step).exists():
            self._save_contact_sheet(step)
        if finished and self.stages.is_due(step, True):
            self._save_stage(step)
        return done

    def show_validation(self, step: int, sheet: np.ndarray) -> None:
        path = self.run.validation_path(step)
        if self.logger.try_to_write(lambda: write_png(path, sheet)):
            self.logger.emit(Saved(path, "validation"))

    def _measure(self) -> None:
        """Measure how much bfloat16 changes a frame; skipped where memory is short."""
        learner, self.writer.measured = self.job.learner, {}
        with self.logger.skipping_without_memory("to compare precisions"):
            difference = bfloat16_difference(learner.average, self.job.data.pairs[0], learner.device)
            self.writer.measured = {"bfloat16_difference": difference}

    def _save_checkpoint(
        self,
        step: int,
        best: BestHeldOut | None,
        best_too: bool,
        finished: bool = False,
        show: bool = True,
    ) -> bool:
        """Write a .cat, then the .ost, then previews; whether the first two were written. The first .ost of a
        run comes before its first .cat, so that a run with a .cat can always be resumed."""
        self.clock.pause()
        writer, try_to_write = self.writer, self.logger.try_to_write
        begun = not self.run.ost_path.exists() and self._save_progress(step, best)
        done = try_to_write(lambda: writer.save_checkpoint(step, best))
        if done and best_too and (not self.job.plan.apart or self.job.plan.teaches(step)):
            done = try_to_write(lambda: writer.save_best(step, best))
        if finished or not begun:
            done = self._save_progress(step, best, done and finished) and done
        if done:
            path = self.run.cat_path(step)
            self.logger.emit(Saved(path, "checkpoint", *((best.value, best.step) if best else ())))
            self.run.forget_after(step)
            self.run.prune(self.job.settings.checkpoints.max_checkpoints, keeps_steps(self.run))
        if show:
            self._save_previews(step)
        return done

    def _is_early(self, step: int) -> bool:
        """Whether there has been no checkpoint yet, and twice as many contact sheets as at the last preview:
        the first look at a large frame is not to wait for a thousand steps."""
        sheets = step // self.job.settings.preview.contact_sheet_interval
        return step < self.job.settings.checkpoints.checkpoint_interval and sheets & (sheets - 1) == 0

    def _save_previews(self, step: int) -> None:
        with self.logger.skipping_without_memory("for a preview"):
            for preview in self.pictures.previews(step, self.logger.message):
                self.logger.emit(Saved(preview, "preview"))

    def _save_progress(self, step: int, best: BestHeldOut | None, finished: bool = False) -> bool:
        self.logger.flush()
        self._saved = time.monotonic()
        self.good = (step, self.job.learner.state())
        return self.logger.try_to_write(lambda: self.writer.save_progress(*self.good, best, finished))

    def _save_stage(self, step: int) -> None:
        """What cannot be read or written does not end the run."""
        self.clock.pause()
        with self.logger.skipping_without_memory("for a stage"):
            try:
                for path in self.stages.write(step):
                    self.logger.emit(Saved(path, "stage"))
            except UnderstudyError as error:
                self.logger.message(why(error))

    def _save_contact_sheet(self, step: int) -> None:
        self.clock.pause()
        with self.logger.skipping_without_memory("for a contact sheet"):
            self.logger.try_to_write(
                lambda: self.logger.emit(Saved(self.pictures.contact_sheet(step), "contact"))
            )
