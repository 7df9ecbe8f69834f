"""The pair that is kept apart: when it is looked at, what it tells, and when it is learned from too."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from understudy.runs.state import BestHeldOut
from understudy.training.clock import Clock
from understudy.training.judge import Verdict, colour_fit_verdict, judge
from understudy.training.prepare import Job, compared_with
from understudy.training.records import Records
from understudy.training.saving import Saver

HEART_GAP = 0.4
HEART_SHARE = 0.35


def _mirror(part: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(part[:, ::-1])


def is_learned_by_heart(learned: float, unseen: float) -> bool:
    """Whether a gain in dB on learned frames is far from that on unseen ones: by a third, and visibly."""
    return learned - unseen > max(HEART_GAP, HEART_SHARE * unseen)


class HeldOut:
    """``best`` is the best verdict so far; ``wants_turn`` tells that crops are to be turned, too."""

    def __init__(
        self, job: Job, clock: Clock, records: Records, saver: Saver, best: BestHeldOut | None
    ) -> None:
        self.job, self.plan, self.learner = job, job.plan, job.learner
        self.clock, self.records, self.saver = clock, records, saver
        self.best = best
        self.wants_turn = False

    def look_when_due(self, step: int) -> None:
        """Judge after the steps that the plan names; after the last of them learn from the pair, too."""
        plan = self.plan
        if not plan.is_judgement_due(step):
            return
        plan.judged += 1
        if self.records.writes and plan.held_out is not None and self.learner.is_sound():
            self._look(step, plan.held_out)
        if not plan.apart and plan.judged == len(plan.marks):
            plan.joined = step
            frame = self.job.data.pairs[plan.held_out or 0].number
            self.records.say(
                f"Frame {frame} has told how well unseen frames do; from here on it is learned from too."
            )

    def _look(self, step: int, index: int) -> None:
        self.clock.pause()
        began = time.monotonic()
        verdict = self._verdict(index)
        if self.plan.turned is None and not self.wants_turn and not self.job.matte:
            self._turn_when_learned_by_heart(index, verdict)
        self.clock.reserve = max(self.clock.reserve, 1.0 + 1.5 * (time.monotonic() - began))
        self.records.note_held_out(verdict.value)
        if self.best is None or self.best.value is None or verdict.value > self.best.value:
            value = round(verdict.value, 4)
            self.best = BestHeldOut(step=step, metric=verdict.metric, value=value, frame=verdict.frame)
            self.saver.save_best(step, self.best)

    def _verdict(self, index: int) -> Verdict:
        pair, learner = self.job.data.pairs[index], self.learner
        return judge(learner.average, pair, learner.device, self.plan.precision, self.job.matte)

    def _turn_when_learned_by_heart(self, index: int, verdict: Verdict) -> None:
        """Where a pair that is learned from gains much more than the one that is kept apart, crops are also
        mirrored and turned by right angles from now on: harder to learn by heart. Elsewhere that only costs
        steps; and where an effect knows left from right, as paint on a face does, it teaches what is wrong,
        which shows when the pair that is kept apart is mirrored."""
        other = compared_with(index)
        unseen, learned = self._gain(index, verdict), self._gain(other, self._verdict(other))
        if not is_learned_by_heart(learned, unseen) or self._mirrored_gain(index) < 0.5 * unseen - 0.2:
            return
        self.records.say(
            f"Learned frames gain {learned:.1f} dB, an unseen one {unseen:.1f}: mirroring and turning crops."
        )
        self.wants_turn = True

    def _mirrored_gain(self, index: int) -> float:
        """What the network gains on a pair seen in a mirror."""
        pair, learner = self.job.data.pairs[index], self.learner
        mirrored = replace(
            pair, input=_mirror(pair.input), truth=_mirror(pair.truth), weight=_mirror(pair.weight)
        )
        fit = colour_fit_verdict(learner.average, mirrored).value
        return judge(learner.average, mirrored, learner.device, self.plan.precision, False).value - fit

    def _gain(self, index: int, verdict: Verdict) -> float:
        """By how much ``verdict`` is better than the colour fit alone."""
        return verdict.value - colour_fit_verdict(self.learner.average, self.job.data.pairs[index]).value
