"""THE JOB: a run and what an artist puts right -> the run, corrected."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from understudy.artist.correct import sheets
from understudy.artist.correct.store import undo_correction
from understudy.errors import RunError, SettingError
from understudy.runs import RunFolder
from understudy.runs.corrections import Correction, read_corrections
from understudy.runs.state import RunState
from understudy.settings import CorrectionSettings, CorrectSettings
from understudy.training.events import Ended, Event, Message, Stepped
from understudy.training.plan import UNKNOWN
from understudy.training.train import teach

Report = Callable[[Event], None]
LOOK_SECONDS = 0.3
PATIENCE = 60.0
"""Seconds that a process which trains the run has to take a correction up, beyond the time it is given."""


@dataclass(frozen=True)
class CorrectResult:
    """``corrections``: those that were made or undone; ``state``: how the learning ended, as of a training:
    finished, stopped or failed."""

    run: RunFolder
    corrections: tuple[Correction, ...]
    state: str


def correct(
    settings: CorrectSettings, report: Report = lambda event: None, stop: Any = None
) -> CorrectResult:
    """Put corrections into the folder of a run, or undo one, and let the run learn that: in this process, or
    where another one trains the run, in that, which this one then follows.

    Raises SettingError, RunError, ModelFileError and what reading frames raises before anything is written;
    then TrainingError or WriteError.
    """
    run, given = RunFolder.open(settings.taught.run), settings.correction
    _check(given)
    read_corrections(run.path)  # a damaged one is said before another is made
    if not run.ost_path.is_file():
        raise _nothing_learned(run)
    if _is_nothing(given):
        made = _unlearned(run, given)
    else:
        made = _undo(run, given) if given.undo is not None else _give(run, given)
    for each in made:
        report(Message(_say_made(each)))
    state = teach_or_wait(run, made, report, stop)
    return CorrectResult(run, made, state)


def _is_nothing(given: CorrectionSettings) -> bool:
    return all(each is None for each in (given.ground_truth, given.accept, given.empty, given.undo))


def _unlearned(run: RunFolder, given: CorrectionSettings) -> tuple[Correction, ...]:
    """The corrections that the run keeps and has not learned, or not forgotten, yet: those of a page, or of a
    process that was stopped. SettingError where there are none."""
    if given.max_steps is not None:
        raise SettingError(
            "Corrections that the run keeps are learned for as long as they were given.",
            found=f"--max-steps {given.max_steps}",
            remedy="Leave it out, or give it together with a correction.",
        )
    learned = run.read_state().learned
    found = tuple(each for each in read_corrections(run.path) if (each.id in learned) == each.undone)
    if not found:
        raise SettingError(
            "There is nothing to correct.",
            expected="--ground-truth SHOT (with --strokes MASKS), --accept FRAMES, --empty FRAMES or "
            "--undo N, or corrections that the run has not learned yet",
            remedy="See: understudy correct --help",
        )
    return found


def _undo(run: RunFolder, given: CorrectionSettings) -> tuple[Correction, ...]:
    assert given.undo is not None
    length = {"time_limit": given.time_limit or 20.0, "steps": given.max_steps or 0}
    return (undo_correction(run, given.undo, **length),)


def _give(run: RunFolder, given: CorrectionSettings) -> tuple[Correction, ...]:
    """Check everything, then write everything."""
    taught = sheets.Taught.open(run)
    if given.ground_truth_colour is not None:
        asked = taught.settings.replace(ground_truth_colour=given.ground_truth_colour)
        taught = replace(taught, settings=asked)
    values: dict[str, Any] = {"time_limit": given.time_limit or 20.0, "steps": given.max_steps or 0}
    if given.author:
        values["author"] = given.author
    gives = []
    if given.ground_truth is not None:
        gives.append(sheets.painted(taught, given.ground_truth, given.strokes, **values))
    if given.accept is not None:
        gives.append(sheets.accepted(taught, given.accept, **values))
    if given.empty is not None:
        gives.append(sheets.empty(taught, given.empty, **values))
    return tuple(give() for give in gives)


def _check(given: CorrectionSettings) -> None:
    """SettingError where nothing is given, or things that do not go together."""
    what = (given.ground_truth, given.accept, given.empty)
    if given.strokes is not None and given.ground_truth is None:
        raise SettingError(
            "Strokes alone do not say what is right.",
            expected="--ground-truth SHOT with what the frames should become, beside --strokes MASKS",
            found="--strokes alone",
            remedy="Give --ground-truth too: it counts where the masks are white.",
        )
    if any(what) and given.undo is not None:
        raise SettingError(
            "A correction is made or undone, not both.",
            expected="--ground-truth SHOT (with --strokes MASKS), --accept FRAMES or --empty FRAMES, or "
            "--undo N alone",
            remedy="See: understudy correct --help",
        )


def teach_or_wait(run: RunFolder, made: tuple[Correction, ...], report: Report, stop: Any = None) -> str:
    """Let a run learn the corrections in its folder: in this process, or, while another one trains the run,
    there. How it ended: finished, stopped or failed."""
    while not stop:
        if run.is_busy():
            if _follow(run, made, report, stop):
                return "finished"
            continue
        try:
            result = teach(run, report, stop=stop)
        except RunError:
            if not run.is_busy() and not run.lock_path.exists():
                raise
            time.sleep(LOOK_SECONDS)  # another process has begun to train it at the same moment
            continue
        return result.state
    report(
        Ended("stopped", "the corrections are kept, and learned when the run goes on", run.read_state().step)
    )
    return "stopped"


def _follow(run: RunFolder, made: tuple[Correction, ...], report: Report, stop: Any) -> bool:
    """Follow the process that trains the run until it has learned the corrections; False when it ends, or is
    asked to stop following, before that."""
    report(Message(f"Another process trains {run.name}: it learns the correction, and this one waits."))
    wanted = max((each.time_limit for each in made), default=20.0)
    taken: float | None = None
    while run.is_busy() and not stop:
        state = run.read_state()
        report(_stepped(state))
        if taken is None and _knows(state.learning, made):
            taken = time.monotonic()
        if _knows(state.learned, made) or (taken and time.monotonic() > taken + wanted):
            report(Ended("finished", "", state.step))
            return True
        time.sleep(LOOK_SECONDS)
    return _knows(run.read_state().learned, made) and not stop


def _knows(ids: list[int], made: tuple[Correction, ...]) -> bool:
    return all((each.id in ids) != each.undone for each in made)


def _stepped(state: RunState) -> Stepped:
    total = state.total if state.total < UNKNOWN else state.step  # before its speed is known
    return Stepped(state.step, total, state.loss or 0.0, state.steps_per_second or 0.0, state.time_left)


def _say_made(each: Correction) -> str:
    from understudy.frames import format_numbers

    if each.undone:
        return f"Correction {each.id} is undone."
    return f"Correction {each.id}: {each.kind}, frames {format_numbers(each.frames)}."


def _nothing_learned(run: RunFolder) -> RunError:
    return RunError(
        "This run has not learned anything yet that could be corrected.",
        expected=run.ost_path.name,
        found="no progress file",
        where=str(run.path),
        remedy="Let it learn first: understudy resume, or a new run with --initial-weights and a .cat.",
    )
