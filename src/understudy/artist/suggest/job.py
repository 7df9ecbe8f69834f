"""THE JOB: a shot -> the frames to paint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from understudy.artist.suggest.cover import choose, gains_of, left, unknown
from understudy.artist.suggest.reasons import Reasons
from understudy.artist.suggest.result import Looked, Said, Suggestion, Suggestions
from understudy.artist.suggest.sheet import cells_of, check_sheet, write_sheet
from understudy.artist.suggest.study import Study, study_shot
from understudy.errors import PairingError
from understudy.frames import Shot, format_numbers, open_shot
from understudy.runs import RunFolder
from understudy.settings import SuggestSettings

if TYPE_CHECKING:
    from understudy.artist.suggest.painted import Learned

Report = Callable[[Looked | Said], None]


def suggest(
    settings: SuggestSettings, report: Report = lambda event: None, stop: object = None
) -> Suggestions:
    """Which frames of a shot to paint next, the best first, each with its reason.

    Frames are read once, several at a time, and with a run once more by its network. ``report`` is called
    with ``Looked`` and ``Said``, from this thread; ``stop`` is anything that becomes true when the work shall
    end, with KeyboardInterrupt.

    Raises, before anything is written: SequenceError, FrameError, ChannelError, SettingError; PairingError
    when none of the painted frames is of the shot; RunError and ModelFileError for a run that is none, or has
    no network yet.
    """
    given, plate = settings.suggestion, settings.plate
    if given.sheet:
        check_sheet(given.sheet)
    with ExitStack() as stack:
        shot = stack.enter_context(open_shot(plate.plate, frames=plate.frames, part=plate.part))
        run = RunFolder.open(given.run) if given.run else None
        learned = _learned(run, shot) if run else None
        painted = _painted(shot, given.painted, learned)
        others = learned.others if learned else ()
        study, notes = study_shot(shot, painted, plate.input_channels, others, _told(report, "frame"), stop)
        notes += (learned.note,) if learned and learned.note else ()
        notes += _few(study, given.count)
        for note in notes:
            report(Said(note))
        if run is None or learned is None:
            suggestions = of_looks(study, given.count, notes)
        else:
            suggestions = _of_run(study, shot, run, learned, settings, notes, report, stop)
    if given.sheet and suggestions.frames:
        pictures = {look.number: look.pixels for look in study.looks}
        write_sheet(given.sheet, cells_of(pictures, suggestions.frames))
    return suggestions


def _learned(run: RunFolder, shot: Shot) -> Learned:
    """Imported when wanted: before anything is trained no torch is waited for."""
    from understudy.artist.suggest.painted import what_was_learned

    run.best_or_newest()
    return what_was_learned(run, shot)


def _told(report: Report, what: str) -> Callable[[int, int, int], None]:
    return lambda number, done, total: report(Looked(number, done, total, what))


def _painted(shot: Shot, painted: str | None, learned: Learned | None) -> tuple[int, ...]:
    own = set(learned.own) if learned else set()
    return tuple(sorted(own.union(painted_numbers(shot, painted))))


def painted_numbers(shot: Shot, painted: str | None) -> tuple[int, ...]:
    """The numbers of the painted frames that the shot has. PairingError when there are others alone."""
    if painted is None:
        return ()
    with open_shot(painted) as there:
        numbers = tuple(number for number in there.numbers if shot.has(number))
        if numbers:
            return numbers
        raise PairingError(
            "None of the painted frames is one of the shot.",
            expected=f"some of the frames {format_numbers(shot.numbers)}",
            found=format_numbers(there.numbers),
            where=f"--painted {painted}",
            remedy="Number the painted frames as the plate is, or leave --painted out.",
        )


def of_looks(study: Study, count: int, notes: tuple[str, ...] = ()) -> Suggestions:
    """Before anything is trained: those that leave least of the shot unknown."""
    weights = np.ones(len(study.looks), np.float32)
    chosen = choose(study.kernel, count, study.known, study.candidates, weights)
    return _told_of(study, chosen, _gains(study, weights), None, _reasons(study, chosen), notes, "")


def _of_run(
    study: Study,
    shot: Shot,
    run: RunFolder,
    learned: Learned,
    settings: SuggestSettings,
    notes: tuple[str, ...],
    report: Report,
    stop: object,
) -> Suggestions:
    """With a run: those that bring most where the network is thought to be wrong."""
    from understudy.artist.suggest.probing import probe
    from understudy.artist.suggest.risk import MEASURES

    risk, kind, note = probe(study, shot, run, learned, settings.plate, _told(report, "result"), stop)
    if note:
        notes += (note,)
        report(Said(note))
    weights = (risk.expected / max(float(risk.expected.mean()), 1e-9)).astype(np.float32)
    count = settings.suggestion.count
    chosen = choose(study.kernel, count, study.known, study.candidates, weights)
    reasons = _reasons(study, chosen, risk.blocks)
    return _told_of(study, chosen, _gains(study, weights), risk.expected, reasons, notes, MEASURES[kind])


def _told_of(
    study: Study,
    chosen: Sequence[int],
    gains: np.ndarray,
    expected: np.ndarray | None,
    reasons: Sequence[str],
    notes: tuple[str, ...],
    measure: str,
) -> Suggestions:
    best = max(float(gains.max(initial=0.0)), 1e-9)
    numbers = study.numbers

    def one(place: int) -> Suggestion:
        error = None if expected is None else round(float(expected[place]), 5)
        return Suggestion(numbers[place], round(float(gains[place]) / best, 4), error, reasons[place])

    return Suggestions(
        frames=tuple(one(place) for place in chosen),
        all=tuple(one(place) for place in range(len(numbers))),
        cuts=tuple(numbers[place] for place in study.events.cuts),
        painted=tuple(numbers[place] for place in study.painted),
        measure=measure,
        notes=notes,
    )


def _gains(study: Study, weights: np.ndarray) -> np.ndarray:
    """How much less would be unknown if each frame were painted too, (n,); 0 for painted ones."""
    gains = gains_of(unknown(study.kernel, study.known), weights)[: len(study.looks)]
    gains[list(study.painted)] = 0.0
    return gains


def _reasons(study: Study, chosen: Sequence[int], blocks: np.ndarray | None = None) -> list[str]:
    """Of every frame: why it is suggested, that it is painted, or which of these it is like."""
    known, own = [*study.known, *chosen], [*study.painted, *chosen]
    if not known:
        return ["Nothing to suggest"] * len(study.looks)
    nearest = [known[int(study.distances[place, known].argmin())] for place in range(len(study.looks))]
    words = Reasons(study.looks, study.events, blocks)
    reasons = [_like(study, near) for near in nearest]
    unlike = left(study.distances, study.known)
    for place in chosen:
        stands_for = [each for each, near in enumerate(nearest) if near == place]
        strange = bool(study.known) and unlike[place] >= np.quantile(unlike, 0.85)
        reasons[place] = words.of(place, [each for each in own if each != place], stands_for, strange)
    for place in study.painted:
        reasons[place] = "Painted"
    return reasons


def _like(study: Study, near: int) -> str:
    if near < len(study.looks):
        return f"Like {study.looks[near].number}"
    return "Like a painted frame of another shot"


def _few(study: Study, count: int) -> tuple[str, ...]:
    if len(study.candidates) >= count:
        return ()
    only = len(study.candidates)
    return (
        f"Only {only} of the frames {'differs' if only == 1 else 'differ'} from the others, or the painted.",
    )
