"""Validation on pairs of their own: when it takes place, what it chooses, and when it ends a run."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

import numpy as np

from understudy.dataset.pairs import Pair
from understudy.errors import UnderstudyError
from understudy.runs.state import BestHeldOut
from understudy.training.calibration import calibrate
from understudy.training.checkpoints.manager import CheckpointManager
from understudy.training.clock import Clock
from understudy.training.contact_sheet import as_seen, display, make_sheet, mattes_over
from understudy.training.evaluation import predict
from understudy.training.judging import Judge
from understudy.training.plan import UNKNOWN
from understudy.training.prepare import Job
from understudy.training.run_logger import Logger
from understudy.training.stage_sheet import CELL, boxed

TIMES = 10
"""How often a run is validated, where its checkpoints do not come oftener."""
SHOWN = 6
HELD_BYTES = 400_000_000
"""Pairs up to this size stay in memory from one validation to the next."""


class SetValidation:
    """``best`` is the best so far, the latest of equal ones; ``is_over``: patience has run out."""

    def __init__(
        self, job: Job, clock: Clock, logger: Logger, checkpoints: CheckpointManager, best: BestHeldOut | None
    ) -> None:
        self.job, self.plan, self.learner = job, job.plan, job.learner
        self.clock, self.logger, self.checkpoints = clock, logger, checkpoints
        self.best, self.is_over = best, False
        self._validated = 0
        self._held: OrderedDict[int, Pair] = OrderedDict()
        self._said: set[int] = set()

    def validate_when_due(self, step: int) -> None:
        """Validate where an interval, or the run, ends with ``step``."""
        if self._is_due(step):
            self._take_time(step)

    def validate_last(self, step: int) -> None:
        """Validate the end of a run whose time was over before its last step."""
        if step != self._validated:
            self._take_time(step)

    def _take_time(self, step: int) -> None:
        if not self.logger.writes or not self.learner.is_sound():
            return
        self.clock.pause()
        began = time.monotonic()
        with self.logger.skipping_without_memory("to look at the validation pairs"):
            self._validate(step)
            self._validated = step
        self.clock.reserve = max(self.clock.reserve, 1.0 + 1.5 * (time.monotonic() - began))

    def _is_due(self, step: int) -> bool:
        total, asked = self.plan.total_steps, self.job.settings.validation.validation_interval
        if step == total:
            return True
        every = self.job.settings.checkpoints.checkpoint_interval if asked == "auto" else int(asked)
        if asked == "auto" and total != UNKNOWN:
            every = min(every, max(1, math.ceil(total / TIMES)))
        return step % every == 0

    def _validate(self, step: int) -> None:
        judge, rows, last = Judge(self.job.matte), [], None
        places = self._places()
        shown = set(_spread(len(places), SHOWN))
        for order, place in enumerate(places):
            pair = self._pair(place)
            if pair is None:
                continue
            result = predict(self.learner.average, pair.input, self.learner.device, self.plan.precision)
            judge.add(pair, result)
            last = pair
            if order in shown:
                rows.append(self._row(pair, result))
        figures = judge.figures()
        if judge.metric not in figures:
            self.logger.message("No validation pair tells anything.")
            return
        self.logger.log_validation(figures[judge.metric], figures)
        self._say(step, figures)
        self.checkpoints.show_validation(step, make_sheet(rows))
        self._keep_best(step, judge.metric, figures, last)

    def _keep_best(self, step: int, metric: str, figures: dict[str, float], last: Pair | None) -> None:
        """Save the network where it is the best so far; where it is not, patience gets shorter."""
        value = figures[metric]
        if self.best is None or self.best.value is None or value >= self.best.value:
            gains = self.best is None or self.best.value is None or value > self.best.value
            self.plan.without_gain = 0 if gains else self.plan.without_gain + 1
            if last is not None:
                matte = self.job.matte
                table = calibrate(self.learner.average, last, self.learner.device, self.plan.precision, matte)
                self.plan.confidence = table or self.plan.confidence
            self.best = BestHeldOut(step=step, metric=metric, value=value, measures=figures)
            self.checkpoints.save_best(step, self.best)
        else:
            self.plan.without_gain += 1
        patience = self.job.settings.validation.patience
        if patience is not None and self.plan.without_gain >= patience and step < self.plan.total_steps:
            self.is_over, self.plan.without_gain = True, 0  # who goes on with it has patience anew
            self.logger.message(
                f"{patience} validations in a row have gained nothing over the {self.best.value:g} {metric} "
                f"of step {self.best.step}: the run ends here."
            )

    def _say(self, step: int, figures: dict[str, float]) -> None:
        words = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        self.logger.message(f"Validation at step {step}: {words}.")

    # -- the pairs -----------------------------------------------------------------------------------------

    def _places(self) -> list[int]:
        return _spread(len(self.job.data.validation), self.job.settings.validation.validation_pictures)

    def _pair(self, place: int) -> Pair | None:
        """A pair, held in memory where there is room; None, and a sentence, where it cannot be read."""
        if place in self._held:
            return self._held[place]
        try:
            pair = self.job.data.read(self.job.data.validation[place])
        except UnderstudyError as error:
            if place not in self._said:
                self.logger.message(f"Not validated by: {error.message} {error.found} ({error.where})")
            self._said.add(place)
            return None
        if sum(_bytes(each) for each in self._held.values()) + _bytes(pair) <= HELD_BYTES:
            self._held[place] = pair
        return pair

    def _row(self, pair: Pair, result: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Input, truth and output as 8-bit pictures of one size."""
        data = self.job.data
        plate = display(pair.input[..., : len(data.input_channels)], data.colour_in)
        if self.job.matte and result.shape[2] > 1:
            shown = [mattes_over(plate, pair.truth * (pair.weight > 0)), mattes_over(plate, result)]
        else:
            parts = [as_seen(data.layers, each) for each in (pair.truth, result)]
            shown = [display(each, data.colour_out) for each in parts]
        return boxed(plate, CELL), boxed(shown[0], CELL), boxed(shown[1], CELL)


def _spread(count: int, most: int) -> list[int]:
    """At most so many of ``count`` places, evenly spread."""
    if count <= most:
        return list(range(count))
    return np.unique(np.linspace(0, count - 1, most).round().astype(int)).tolist()


def _bytes(pair: Pair) -> int:
    return pair.input.nbytes + pair.truth.nbytes + pair.weight.nbytes
