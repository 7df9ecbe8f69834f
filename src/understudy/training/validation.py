"""Validation on the held-out pair: when it takes place, what its score decides, and when the pair joins the
training set."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from understudy.dataset.pairs import Pair
from understudy.frames.matte_names import matte_labels
from understudy.runs.state import BestHeldOut
from understudy.training.calibration import calibrate
from understudy.training.checkpoints.manager import CheckpointManager
from understudy.training.clock import Clock
from understudy.training.evaluation import (
    Score,
    compared_with,
    evaluate,
    middle_of,
    score_colour_fit,
    score_plate,
)
from understudy.training.prepare import Job
from understudy.training.run_logger import Logger

OVERFITTING_GAP = 0.4
OVERFITTING_FRACTION = 0.35
MATTE_GAP = 0.09
WELL_MATTED = 0.85
FIRST_TELLING = 2
"""The look from which on mattes tell something; before it they are as good as empty."""


def is_overfitted(learned: float, unseen: float) -> bool:
    """Whether the gain in dB on training frames exceeds that on unseen ones by a third of it, and visibly."""
    return learned - unseen > max(OVERFITTING_GAP, OVERFITTING_FRACTION * unseen)


class Validation:
    """``best`` is the best score so far, the latest of equal ones."""

    is_over = False

    def __init__(
        self, job: Job, clock: Clock, logger: Logger, checkpoints: CheckpointManager, best: BestHeldOut | None
    ) -> None:
        self.job, self.plan, self.learner = job, job.plan, job.learner
        self.clock, self.logger, self.checkpoints = clock, logger, checkpoints
        self.best = best

    def validate_when_due(self, step: int) -> None:
        """Validate after the steps that the plan names. After the last one the pair joins the training set,
        unless it is held out to the end."""
        plan = self.plan
        if not plan.is_validation_due(step):
            return
        plan.judged += 1
        if self.logger.writes and plan.held_out is not None and self.learner.is_sound():
            self._validate(step, plan.held_out)
        if not plan.apart and plan.judged == len(plan.marks):
            plan.joined = step
            frame = self.job.data.pair(plan.held_out or 0).number
            self.logger.message(
                f"Frame {frame} has told how well unseen frames do{self._so_far()}; from here on it is "
                "learned from too."
            )

    def validate_last(self, step: int) -> None:
        """Validate the end of a run whose time was over before its last step, by a pair that is kept apart to
        the end."""
        plan = self.plan
        due = plan.apart and plan.held_out is not None and plan.judged < len(plan.marks)
        if due and self.logger.writes and self.learner.is_sound():
            plan.judged = len(plan.marks)
            self._validate(step, plan.held_out or 0)

    def _so_far(self) -> str:
        if self.best is None or self.best.value is None:
            return ""
        return f" ({self.best.value:.2f} {self.best.metric} so far)"

    def _validate(self, step: int, index: int) -> None:
        """Score the pair and keep the best; skipped where memory is short."""
        self.clock.pause()
        began = time.monotonic()
        score: Score | None = None
        with self.logger.skipping_without_memory("to look at the held-out frame"):
            score = self._score(index)
            if self.plan.judged == 1:
                self._report_baseline(self.job.data.pair(index))
        if score is None:
            return
        if self._is_last() or (self.plan.apart and self._is_best(score)):
            with self.logger.skipping_without_memory("to look how sure the network may be"):
                self._calibrate(self.job.data.pair(index))
        if self.plan.apart:  # then the last validation comes with the last step
            self.clock.reserve = max(self.clock.reserve, 1.0 + 1.5 * (time.monotonic() - began))
        self._log(score)
        if self._is_best(score):
            value, values = round(score.value, 4), self._by_name(score)
            self.best = BestHeldOut(
                step=step, metric=score.metric, value=value, frame=score.frame, values=values
            )
            self.checkpoints.save_best(step, self.best)
        if self.plan.apart and self._is_last() and not self.job.matte and not self.job.keys:
            with self.logger.skipping_without_memory("to compare with the colour match"):
                self._report_no_gain(self.job.data.pair(index))

    def _log(self, score: Score) -> None:
        values = self._by_name(score)
        self.logger.log_score(score.value, values)
        if values:
            each = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
            self.logger.message(
                f"{score.metric} on frame {score.frame}: {each}; {score.value:.3f} on average."
            )

    def _by_name(self, score: Score) -> dict[str, float]:
        """Of several mattes the score of each that the frame tells."""
        labels = matte_labels(self.job.data.output_channels)
        return {
            label: round(value, 4)
            for label, value in zip(labels, score.values, strict=False)
            if math.isfinite(value)
        }

    def _is_last(self) -> bool:
        return self.plan.judged == len(self.plan.marks)

    def _is_best(self, score: Score) -> bool:
        return self.best is None or self.best.value is None or score.value >= self.best.value

    def _calibrate(self, pair: Pair) -> None:
        learner, plan = self.learner, self.plan
        table = calibrate(learner.average, pair, learner.device, plan.precision, self.job.matte)
        plan.confidence = table or plan.confidence

    def _report_no_gain(self, pair: Pair) -> None:
        fit, best = score_colour_fit(self.learner.average, pair).value, self.best
        if best is not None and best.value is not None and best.value < fit:
            self.logger.message(
                f"No network of this run does better on frame {pair.number} ({best.value:.2f} dB) than the "
                f"colour match alone ({fit:.2f} dB): it needs more steps, or more frames."
            )

    def _report_baseline(self, pair: Pair) -> None:
        """Report the scores that the held-out frame starts from."""
        role = "chooses the best network" if self.plan.apart else "is judged, for now"
        begins = "" if self.job.matte or self.job.keys else f": {self._before(pair)}"
        self.logger.message(f"Frame {pair.number} ({pair.name}) is not learned from, and {role}{begins}.")

    def _before(self, pair: Pair) -> str:
        plate = f"{score_plate(pair).value:.2f} dB as the plate is, " if self.job.data.same_channels else ""
        fit = score_colour_fit(self.learner.average, pair).value
        return f"{plate}{fit:.2f} dB with the best colour match alone"

    def _score(self, index: int) -> Score:
        """The score of the pair; also decides whether crops are turned from now on, which is never done for a
        network whose colour fit depends on the place in the frame."""
        pair, learner, plan = self.job.data.pair(index), self.learner, self.plan
        score = evaluate(learner.average, pair, learner.device, plan.precision, self.job.matte)
        undecided = plan.turned is None and not plan.wants_turn and plan.vary in ("", "auto")
        if undecided and self.job.keys:
            return score  # crops are turned from the start: a key knows no left and right
        if undecided and self.job.matte:
            self._vary_when_overfitted(index, score)
        elif undecided and not learner.network.placed:
            self._turn_when_overfitted(index)
        return score

    def _vary_when_overfitted(self, index: int, score: Score) -> None:
        """Where a matte that is learned from fits much better than the one that is kept apart, crops are
        varied from now on: a subject that moves its limbs is to be known in more ways than the pairs show.
        One that hardly changes is known best as it is."""
        if self.plan.vary != "auto" or self.plan.judged < FIRST_TELLING:
            return
        other, learner = self.job.data.pair(compared_with(index)), self.learner
        learned, unseen = _widest(
            evaluate(learner.average, other, learner.device, self.plan.precision, True), score
        )
        if learned - unseen <= MATTE_GAP and not (self._is_last() and unseen < WELL_MATTED):
            return
        self.logger.message(
            f"A matte that is learned from has an IoU of {learned:.2f}, an unseen one {unseen:.2f}: "
            "from here on crops are turned, zoomed and mixed, so that the subject is learned and not the "
            "frames."
        )
        self.plan.wants_turn = True

    def _turn_when_overfitted(self, index: int) -> None:
        """Request mirrored and turned crops where the network overfits: where a training pair gains much more
        than the held-out one. Elsewhere they only cost steps. An effect that depends on left and right, such
        as paint on a face, would be learned wrongly: there the gain on the mirrored held-out pair is low, and
        nothing is requested."""
        data = self.job.data
        apart, other = middle_of(data.pair(index)), middle_of(data.pair(compared_with(index)))
        unseen, learned = self._gain(apart), self._gain(other)
        if not is_overfitted(learned, unseen) or self._gain(_mirrored(apart)) < 0.5 * unseen - 0.2:
            return
        self.logger.message(
            f"Frames that are learned from gain {learned:.1f} dB over the colour match, an unseen one "
            f"{unseen:.1f}: from here on crops are mirrored and turned, so that the effect is learned and "
            "not the frames."
        )
        self.plan.wants_turn = True

    def _gain(self, pair: Pair) -> float:
        """How much better the network is than the colour fit alone, in dB."""
        network, precision = self.learner.average, self.plan.precision
        score = evaluate(network, pair, self.learner.device, precision, False)
        return score.value - score_colour_fit(network, pair).value


def _widest(learned: Score, unseen: Score) -> tuple[float, float]:
    """The scores of a pair that is learned from and of an unseen one; of several mattes, of those that both
    tell, that which is furthest behind."""
    both = [pair for pair in zip(learned.values, unseen.values, strict=True) if all(map(math.isfinite, pair))]
    return max(both, key=lambda pair: pair[0] - pair[1], default=(learned.value, unseen.value))


def _mirrored(pair: Pair) -> Pair:
    parts = [part[:, ::-1].copy() for part in (pair.input, pair.truth, pair.weight)]
    return replace(pair, input=parts[0], truth=parts[1], weight=parts[2])
