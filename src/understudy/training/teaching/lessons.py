"""Corrections that are put into the folder of a run while it trains, or before: noticed, and taken up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from understudy.dataset.corrected import FrameReader, Place
from understudy.dataset.crops import CropSource
from understudy.errors import RunError, UnderstudyError
from understudy.network.effect import EffectNetwork
from understudy.runs import RunFolder
from understudy.runs.corrections import Correction, active_corrections, corrections_folder, read_corrections
from understudy.runs.state import BestHeldOut
from understudy.training.prepare import Job
from understudy.training.teaching.due import Due, what_is_due
from understudy.training.teaching.lesson import RATE, STILL, Lesson
from understudy.training.teaching.material import (
    Material,
    MaterialMaker,
    Outcome,
    Seen,
    answer_of,
    choose_held,
    judge,
    network_of,
)
from understudy.training.teaching.states import (
    State,
    forget_states,
    load_state,
    save_state,
    state_to_go_back_to,
)
from understudy.training.teaching.words import STAYS, say_changed, say_graded

LOOK_SECONDS = 0.5
NONE_FOR_MANY = (
    "Corrections are learned by runs whose pairs lie in memory as frames of a shot do; this one learns from "
    "many pairs, or streams them: what was corrected is not taken up."
)


class Lessons:
    """The corrections of a run, for the process that trains it. ``material`` is that of the lesson under
    way, or of the last one."""

    def __init__(self, job: Job, run: RunFolder) -> None:
        self.job, self.run = job, run
        self.material: Material | None = None
        self.complaint = ""
        self._reader = FrameReader(job.settings.data, job.data)
        self._looked, self._stamp = 0.0, ""
        self._stays = False
        self._foreseen: tuple[int, dict[Place, Seen]] = (-1, {})
        self._ahead = -1

    # -- noticing ------------------------------------------------------------------------------------------

    def due(self) -> Due | None:
        """What has come since the lesson that the plan knows; looked for at most twice a second."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return None
        self._looked = now
        stamp = stamp_of_corrections(corrections_folder(self.run.path))
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            due = what_is_due(read_corrections(self.run.path), self.job.plan.lesson)
            if due is not None and self.job.packed is None:
                self.complaint = NONE_FOR_MANY
                return None
            return due
        except UnderstudyError as error:
            self.complaint = f"{error.message} {error.found} ({error.where})"
            return None

    def look_again(self) -> None:
        """Look at once the next time, whatever was seen."""
        self._looked, self._stamp = 0.0, ""

    def look_ahead(self, step: int, is_wanted: Callable[[], bool]) -> None:
        """Read the frames that would have to stay in a lesson that begins after ``step``, and what the
        network makes of them now, unless that is done, or something better ``is_wanted``."""
        if self._ahead == step or self.job.packed is None:
            return
        known, seen = self._foreseen
        if known != step:
            seen = {}
            self._foreseen = step, seen
        for place in self._choose_held(active_corrections(self.run.path)):
            if is_wanted():
                return
            if place not in seen:
                plate = self._reader.read(place)
                seen[place] = Seen(plate, answer_of(self.job, self.job.learner.average, plate))
        self._ahead = step

    # -- taking up -----------------------------------------------------------------------------------------

    def begin(self, due: Due, step: int, best: BestHeldOut | None, alone: bool) -> Lesson:
        """Make a new lesson the plan's, with its pairs beside those of the run. ``alone``: the run has come
        to its end, or was stopped, and goes on for this lesson. Raises what reading the corrections
        raises; then everything is as it was."""
        job, plan = self.job, self.job.plan
        back = self._go_back(step) if alone and due.undone is not None else None
        new = _not_known(due, back)
        reference = back.before if back else new[0] if new else due.undone
        if back is None and new:
            save_state(job, new[0], step, best)
        known = reference is not None and reference.before_path.is_file()
        held = self._choose_held(due.active) if known and due.active else []
        forgets = back is not None and not new
        lesson = Lesson(
            step=step,
            active=[each.id for each in due.active],
            new=[each.id for each in new],
            reference=reference.id if known and reference else None,
            held=held,
            alone=alone,
            seconds=due.seconds,
            steps=1 if forgets else due.steps,
            rate=STILL if forgets else RATE,
            rest=_rest(job, step) if alone else 0,
        )
        seen = self._foreseen[1] if back is None and self._foreseen[0] == step else {}
        material = self._make(lesson, due.active, seen)
        self._foreseen, self._ahead = (-1, {}), -1
        self._stays = alone and due.undone is not None and back is None
        plan.end_lesson(step)
        plan.lesson = lesson.model_copy(update={"digest": material.digest})
        self._use(material)
        return plan.lesson

    def forget(self, step: int) -> None:
        """Remove states that are not needed any more, once the lesson that has begun is safe on disk."""
        with contextlib.suppress(UnderstudyError):
            forget_states(self.job, read_corrections(self.run.path), step)

    def notes(self) -> list[str]:
        """Sentences on what the lesson under way is learned from."""
        if self.material is None:
            return []
        graded, changed = self.material.graded, self.material.changed
        said = [say_graded(graded)] if graded else []
        said += [say_changed(changed)] if changed else []
        return [*([STAYS] if self._stays else []), *said]

    def rejoin(self) -> None:
        """Lay the pairs of the plan's lesson beside those of a run that goes on. RunError when a lesson is
        under way, and they are not what they were. Of one that is over the run goes on with what is there."""
        lesson = self.job.plan.lesson
        if lesson is None:
            return
        corrections = read_corrections(self.run.path)
        known = {each.id: each for each in corrections}
        there = [known[each] for each in lesson.active if each in known]
        over = lesson.ended is not None or any(each.undone for each in there)
        if len(there) < len(lesson.active) and not over:
            missing = next(each for each in lesson.active if each not in known)
            raise self._changed(f"no correction {missing:04d}")
        material = self._make(lesson, there)
        if material.digest != lesson.digest and not over:
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

    def _go_back(self, step: int) -> State | None:
        """Go back to the newest state that knows nothing that is undone; None where there is none."""
        state = state_to_go_back_to(self.job, read_corrections(self.run.path), step)
        tensors = load_state(self.job, state.before) if state else None
        if tensors is None:
            return None
        learner = self.job.learner
        learner.load({name: tensor.to(learner.device) for name, tensor in tensors.items()})
        return state

    def _choose_held(self, active: Sequence[Correction]) -> list[tuple[int, int]]:
        corrected = {(each.plate, number) for each in active for number in each.frames}
        plates = range(len(self.job.settings.data.input))
        assert self.job.packed is not None  # none are due otherwise
        height, width = self.job.packed.sizes[0].tolist()
        return choose_held(self._reader, self.job.origins, corrected, plates, height * width)

    def _make(
        self, lesson: Lesson, active: Sequence[Correction], seen: Mapping[Place, Seen] | None = None
    ) -> Material:
        maker = MaterialMaker(self.job, self._reader, lesson, self._reference(lesson), seen or {})
        return maker.make(active)

    def _reference(self, lesson: Lesson) -> EffectNetwork | None:
        known = {each.id: each for each in read_corrections(self.run.path)}
        correction = known.get(lesson.reference or 0)
        tensors = load_state(self.job, correction) if correction else None
        return network_of(self.job, tensors) if tensors else None

    def _use(self, material: Material) -> None:
        learner, plan = self.job.learner, self.job.plan
        old, self.material = learner.crops, material
        learner.take_crops(
            CropSource(material.packed, learner.device, plan.crop, plan.seed, old.focus, plan.evenly),
            material.groups,
        )


def _not_known(due: Due, back: State | None) -> list[Correction]:
    """The corrections that a lesson is about: the new ones, and where the run goes ``back``, all that it
    did not know then."""
    new = {each.id for each in due.new}
    return [each for each in due.active if each.id in new or (back and each.id not in back.learned)]


def _rest(job: Job, step: int) -> int:
    """Total Steps that the run goes on to after the lesson; 0 where it was finished, or its end is open."""
    plan, old = job.plan, job.plan.lesson
    if old is not None and old.ended is None and old.alone:
        return old.rest + (step - old.step) if old.rest else 0
    return plan.total_steps if plan.totals and plan.total_steps > step else 0


def stamp_of_corrections(folder: Path) -> str:
    """What changes when a correction comes, or is undone."""
    parts = []
    with contextlib.suppress(OSError):
        for each in sorted(folder.iterdir()):
            with contextlib.suppress(OSError):
                parts.append(f"{each.name} {(each / 'correction.toml').stat().st_mtime_ns}")
    return "|".join(parts)
