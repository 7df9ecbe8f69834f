"""THE JOB: a run and what an artist puts right -> the run, corrected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from understudy.artist.correct import sheets
from understudy.artist.correct.store import undo_correction
from understudy.artist.correct.teaching import keep_open, teach_or_wait
from understudy.dataset.matching import has_sets
from understudy.errors import RunError, SettingError
from understudy.models.opening import describe
from understudy.runs import RunFolder
from understudy.runs.asked import settings_of_run
from understudy.runs.corrections import Correction, read_corrections
from understudy.runs.presence import Presence
from understudy.settings import CorrectionSettings, CorrectSettings
from understudy.training.events import Corrected, Event, Message
from understudy.training.teach import Teacher

Report = Callable[[Event], None]


@dataclass(frozen=True)
class CorrectResult:
    """``corrections``: those that were made or undone; ``state``: how the learning ended, as of a training:
    finished, stopped or failed; ``outcomes``: how it went, before and after; none where another process
    learned them."""

    run: RunFolder
    corrections: tuple[Correction, ...]
    state: str
    outcomes: tuple[Corrected, ...] = ()


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
    _refuse_pictures(run)
    made = _made(run, given)
    for each in made:
        report(Message(_say_made(each)))
    outcomes: list[Corrected] = []

    def listen(event: Event) -> None:
        if isinstance(event, Corrected):
            outcomes.append(event)
        report(event)

    with Presence(run, wanted=given.wait is not None) as presence, Teacher(run, listen, stop) as teacher:
        state = teach_or_wait(teacher, presence, made) if made else "finished"
        if given.wait is not None and state == "finished":
            state = keep_open(teacher, presence, given.wait)
    return CorrectResult(run, made, state, tuple(outcomes))


def _made(run: RunFolder, given: CorrectionSettings) -> tuple[Correction, ...]:
    """What there is to learn: what is given now, or else what the run keeps already."""
    if given.undo is not None:
        return _undo(run, given)
    return _unlearned(run, given) if _is_nothing(given) else _give(run, given)


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
    if not found and given.wait is None:
        raise SettingError(
            "There is nothing to correct.",
            expected="--ground-truth SHOT (with --strokes MASKS), --accept FRAMES, --empty FRAMES or "
            "--undo N, --wait 5m, or corrections that the run has not learned yet",
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


def _say_made(each: Correction) -> str:
    from understudy.frames import format_numbers

    if each.undone:
        return f"Correction {each.id} is undone."
    return f"Correction {each.id}: {each.kind}, frames {format_numbers(each.frames)}."


def _refuse_pictures(run: RunFolder) -> None:
    """RunError where the pairs of a run are no frames of a shot that lie in memory: what was put right would
    not be taken up."""
    data = settings_of_run(run).data
    in_all = describe(run.best_or_newest()).provenance.get("pairs_in_all")
    if not has_sets(data) and data.data != "stream" and not in_all:
        return
    many = f"{in_all} pairs" if in_all else "pictures"
    raise RunError(
        "This run takes up no corrections: they go with the frames of a shot, and this run has learned many "
        "pictures, or streams its pairs.",
        expected="a run of up to 256 painted frames, which lie in memory",
        found="pairs that are streamed" if data.data == "stream" else many,
        where=str(run.path),
        remedy="Begin a run on a few painted frames of the shot with --initial-weights and this run's .cat, "
        "and correct that one.",
    )


def _nothing_learned(run: RunFolder) -> RunError:
    return RunError(
        "This run has not learned anything yet that could be corrected.",
        expected=run.ost_path.name,
        found="no progress file",
        where=str(run.path),
        remedy="Let it learn first: understudy resume, or a new run with --initial-weights and a .cat.",
    )
