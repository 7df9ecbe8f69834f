"""Corrections that are put into the folder of a run while it trains, or before: noticed, and taken up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.dataset.corrected import FrameReader
from understudy.dataset.crops import CropSource
from understudy.errors import RunError, UnderstudyError
from understudy.network.effect import EffectNetwork
from understudy.runs import RunFolder
from understudy.runs.corrections import Correction, corrections_folder, read_corrections
from understudy.runs.state import BestHeldOut
from understudy.training.checkpoints.progress_file import Progress, check_fits, load_progress, save_progress
from understudy.training.prepare import Job
from understudy.training.teaching.lesson import RATE, STILL, Lesson
from understudy.training.teaching.material import (
    Material,
    MaterialMaker,
    Outcome,
    choose_held,
    judge,
    network_of,
)

LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Due:
    """What there is to learn: the corrections that are not undone, those of them that are new, and the one
    from before which the run is to go on, if any was undone. ``seconds``, ``steps``: how long."""

    active: tuple[Correction, ...]
    new: tuple[Correction, ...]
    undone: Correction | None
    seconds: float
    steps: int

    @property
    def about(self) -> list[int]:
        return [each.id for each in self.new]


class Lessons:
    """The corrections of a run, for the process that trains it. ``material`` is that of the lesson under
    way, or of the last one."""

    def __init__(self, job: Job, run: RunFolder) -> None:
        self.job, self.run = job, run
        self.material: Material | None = None
        self.complaint = ""
        self._reader = FrameReader(job.settings.data, job.data)
        self._looked, self._stamp = 0.0, ""

    # -- noticing ------------------------------------------------------------------------------------------

    def due(self) -> Due | None:
        """What has come since the lesson that the plan knows; looked for at most twice a second."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return None
        self._looked = now
        stamp = _stamp(corrections_folder(self.run.path))
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            return what_is_due(read_corrections(self.run.path), self.job.plan.lesson)
        except UnderstudyError as error:
            self.complaint = f"{error.message} {error.found} ({error.where})"
            return None

    # -- taking up -----------------------------------------------------------------------------------------

    def begin(self, due: Due, step: int, best: BestHeldOut | None, alone: bool) -> Lesson:
        """Make a new lesson the plan's, with its pairs beside those of the run. ``alone``: the run has come
        to its end, or was stopped, and goes on for this lesson. Raises what reading the corrections
        raises; then everything is as it was."""
        job, plan = self.job, self.job.plan
        back = self._go_back(due) if alone else False
        reference = due.undone if back or not due.new else due.new[-1]
        if reference is not due.undone:
            progress = Progress(step=step, plan=plan, best=best, digest=job.digest)
            state = job.learner.state()
            for each in due.new:
                save_progress(each.before_path, progress, state)
        known = reference is not None and reference.before_path.is_file()
        held = self._choose_held(due.active) if known and due.active else []
        lesson = Lesson(
            step=step,
            active=[each.id for each in due.active],
            new=due.about,
            reference=reference.id if known and reference else None,
            held=held,
            alone=alone,
            seconds=due.seconds,
            steps=1 if back and not due.active else due.steps,
            rate=STILL if back and not due.active else RATE,
            rest=_rest(job, step) if alone else 0,
        )
        material = self._make(lesson, due.active)
        plan.lesson = lesson.model_copy(update={"digest": material.digest})
        self._use(material)
        return plan.lesson

    def rejoin(self) -> None:
        """Lay the pairs of the plan's lesson beside those of a run that goes on. RunError when they are not
        what they were."""
        lesson = self.job.plan.lesson
        if lesson is None:
            return
        known = {each.id: each for each in read_corrections(self.run.path)}
        missing = [each for each in lesson.active if each not in known]
        if missing:
            raise self._changed(f"no correction {missing[0]:04d}")
        material = self._make(lesson, [known[each] for each in lesson.active])
        if material.digest != lesson.digest:
            raise self._changed("pictures or frames that were changed since")
        self._use(material)

    def outcome(self) -> Outcome | None:
        """How the lesson has gone so far."""
        return judge(self.job, self.material) if self.material else None

    def _changed(self, found: str) -> RunError:
        return RunError(
            "The corrections of this run are not the ones that it learned from.",
            expected="the same pictures in its folder corrections, and the same frames of the plate",
            found=found,
            where=str(corrections_folder(self.run.path)),
            remedy="Put them back; what is not wanted any more goes with: understudy correct RUN --undo N",
        )

    def _go_back(self, due: Due) -> bool:
        """Go back to the weights from before an undone correction, where they are known still."""
        if due.undone is None or not due.undone.before_path.is_file():
            return False
        tensors = load_progress(due.undone.before_path)[1]
        learner = self.job.learner
        check_fits(due.undone.before_path, tensors, learner.state())
        learner.load({name: tensor.to(learner.device) for name, tensor in tensors.items()})
        return True

    def _choose_held(self, active: Sequence[Correction]) -> list[tuple[int, int]]:
        corrected = [(each.plate, number) for each in active for number in each.frames]
        plates = range(len(self.job.settings.data.input))
        height, width = self.job.packed.sizes[0].tolist()
        return choose_held(self._reader, [*self.job.origins, *corrected], plates, height * width)

    def _make(self, lesson: Lesson, active: Sequence[Correction]) -> Material:
        return MaterialMaker(self.job, self._reader, lesson, self._reference(lesson)).make(active)

    def _reference(self, lesson: Lesson) -> EffectNetwork | None:
        if lesson.reference is None:
            return None
        path = corrections_folder(self.run.path) / f"{lesson.reference:04d}" / "before.ost"
        tensors = load_progress(path)[1]
        check_fits(path, tensors, self.job.learner.state())
        return network_of(self.job, tensors)

    def _use(self, material: Material) -> None:
        learner, plan = self.job.learner, self.job.plan
        old, self.material = learner.crops, material
        learner.take_crops(
            CropSource(material.packed, learner.device, plan.crop, plan.seed, old.focus, plan.evenly),
            material.groups,
        )


def what_is_due(corrections: Sequence[Correction], lesson: Lesson | None) -> Due | None:
    """What a run that knows ``lesson`` has still to learn of its corrections; None where that is nothing."""
    active = tuple(each for each in corrections if not each.undone)
    before = set(lesson.active) if lesson else set()
    if {each.id for each in active} == before:
        return None
    undone = [each for each in corrections if each.undone and each.id in before]
    fresh = {each.id for each in active} - before
    if lesson is not None and lesson.ended is None:
        fresh |= set(lesson.new)
    if undone:
        fresh |= {each.id for each in active if each.id > undone[0].id}
    new = tuple(each for each in active if each.id in fresh)
    told = [each for each in corrections if each.id in fresh or each in undone]
    seconds, steps = max(each.time_limit for each in told), max(each.steps for each in told)
    return Due(active, new, undone[0] if undone else None, seconds, steps)


def _rest(job: Job, step: int) -> int:
    """Total Steps that the run goes on to after the lesson; 0 where it was finished, or its end is open."""
    plan, old = job.plan, job.plan.lesson
    if old is not None and old.ended is None and old.alone:
        return old.rest + (step - old.step) if old.rest else 0
    return plan.total_steps if plan.totals and plan.total_steps > step else 0


def _stamp(folder: Path) -> str:
    """What changes when a correction comes, or is undone."""
    parts = []
    with contextlib.suppress(OSError):
        for each in sorted(folder.iterdir()):
            with contextlib.suppress(OSError):
                parts.append(f"{each.name} {(each / 'correction.toml').stat().st_mtime_ns}")
    return "|".join(parts)
