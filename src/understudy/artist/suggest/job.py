"""THE JOB: a shot -> the frames to paint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from understudy.artist.suggest.cover import choose, left
from understudy.artist.suggest.events import Events, events_of
from understudy.artist.suggest.looks import Look, Unread, looks_of
from understudy.artist.suggest.reasons import Reasons
from understudy.artist.suggest.result import Looked, Said, Suggestion, Suggestions
from understudy.artist.suggest.sheet import cells_of, check_sheet, write_sheet
from understudy.artist.suggest.unlike import mean_between, same_as_earlier, unlikeness
from understudy.errors import PairingError
from understudy.frames import Shot, format_numbers, open_shot
from understudy.settings import SuggestSettings

Report = Callable[[Looked | Said], None]
MOST = 1500
"""Frames that are looked at; of a longer shot every second, or every third, and so on."""
TIME = 1.0
"""How much the distance in time counts beside that in looks; both are 1 for two frames in the mean."""
APART = 2.0
"""The distance in time of two frames with a cut between them: as far as two frames of one shot get."""


@dataclass(frozen=True, eq=False)
class Study:
    """What is known of a shot once its frames have been looked at. ``distances`` (n, n): how badly one frame
    stands for another, by looks and time. ``painted``: places of frames that are painted."""

    looks: list[Look]
    events: Events
    distances: np.ndarray
    painted: tuple[int, ...]
    candidates: tuple[int, ...]

    @property
    def numbers(self) -> list[int]:
        return [look.number for look in self.looks]


def suggest(
    settings: SuggestSettings, report: Report = lambda event: None, stop: object = None
) -> Suggestions:
    """Which frames of a shot to paint next, the best first, each with its reason.

    Frames are read once, several at a time. ``report`` is called with ``Looked`` and ``Said``, from this
    thread; ``stop`` is anything that becomes true when the work shall end, with KeyboardInterrupt.

    Raises SequenceError, FrameError, ChannelError, SettingError, PairingError when none of the painted frames
    is of the shot; nothing is written then.
    """
    given = settings.suggestion
    if given.sheet:
        check_sheet(given.sheet)
    plate = settings.plate
    with ExitStack() as stack:
        shot = stack.enter_context(open_shot(plate.plate, frames=plate.frames, part=plate.part))
        painted = painted_numbers(shot, given.painted)
        study, notes = study_shot(shot, painted, plate.input_channels, given.count, report, stop)
    for note in notes:
        report(Said(note))
    suggestions = _of_looks(study, given.count, notes)
    if given.sheet and suggestions.frames:
        pictures = {look.number: look.pixels for look in study.looks}
        write_sheet(given.sheet, cells_of(pictures, suggestions.frames))
    return suggestions


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


def study_shot(
    shot: Shot,
    painted: Sequence[int],
    channels: str | None,
    count: int,
    report: Report = lambda event: None,
    stop: object = None,
) -> tuple[Study, tuple[str, ...]]:
    """Look at the frames of a shot, and sentences on what was passed over."""
    numbers = _looked_at(shot, painted)
    looks, unread = looks_of(
        shot, numbers, channels, lambda number, done, total: report(Looked(number, done, total)), stop
    )
    events = events_of(looks)
    places = {look.number: place for place, look in enumerate(looks)}
    at = tuple(places[number] for number in painted if number in places)
    first = same_as_earlier(looks)
    known = {first[place] for place in at}
    candidates = tuple(place for place, same in enumerate(first) if same == place and same not in known)
    study = Study(looks, events, _distances(looks, events), at, candidates)
    return study, (*_notes(shot, study, numbers, unread), *_few(study, count))


def _looked_at(shot: Shot, painted: Sequence[int]) -> tuple[int, ...]:
    """Every frame, or of a long shot as many as can be compared, and those that are painted."""
    step = -(-len(shot.numbers) // MOST)
    return tuple(sorted({*shot.numbers[::step], *painted}))


def _distances(looks: Sequence[Look], events: Events) -> np.ndarray:
    return unlikeness(looks) + np.float32(TIME) * time_between([look.number for look in looks], events.part)


def time_between(numbers: Sequence[int], part: np.ndarray) -> np.ndarray:
    """The distance of frames in time, (n, n), 1 for two frames of a shot in the mean."""
    at = np.asarray(numbers, np.float32)
    apart = np.abs(at[:, None] - at[None, :])
    apart /= max(mean_between(apart), 1e-6)
    return np.where(part[:, None] == part[None, :], apart, np.float32(APART)).astype(np.float32)


def _of_looks(study: Study, count: int, notes: tuple[str, ...]) -> Suggestions:
    """Before anything is trained: those that leave least of the shot unlike any of them."""
    chosen = choose(study.distances, count, study.painted, study.candidates)
    gains = gains_of(study.distances, study.painted)
    reasons = _reasons(study, chosen)
    best = max(float(gains.max(initial=0.0)), 1e-9)
    numbers = study.numbers

    def one(place: int) -> Suggestion:
        return Suggestion(numbers[place], _rounded(gains[place] / best), None, reasons[place])

    return Suggestions(
        frames=tuple(one(place) for place in chosen),
        all=tuple(one(place) for place in range(len(numbers))),
        cuts=tuple(numbers[place] for place in study.events.cuts),
        painted=tuple(numbers[place] for place in study.painted),
        notes=notes,
    )


def gains_of(distances: np.ndarray, painted: Sequence[int], weights: np.ndarray | None = None) -> np.ndarray:
    """How much less distance each frame would leave if it were painted too, (n,); 0 for painted ones."""
    near = left(distances, painted)[:, None]
    brought = np.maximum(near - distances, 0.0)
    gains = np.asarray((brought if weights is None else brought * weights[:, None]).sum(0))
    gains[list(painted)] = 0.0
    return gains


def _reasons(study: Study, chosen: Sequence[int]) -> list[str]:
    """Of every frame: why it is suggested, that it is painted, or which of these it is like."""
    known = [*study.painted, *chosen]
    if not known:
        return ["nothing to suggest"] * len(study.looks)
    nearest = [known[int(study.distances[place, known].argmin())] for place in range(len(study.looks))]
    words = Reasons(study.looks, study.events)
    reasons = [f"Like {study.looks[near].number}" for near in nearest]
    for place in chosen:
        stands_for = [each for each, near in enumerate(nearest) if near == place]
        reasons[place] = words.of(place, [each for each in known if each != place], stands_for)
    for place in study.painted:
        reasons[place] = "Painted"
    return reasons


def _notes(shot: Shot, study: Study, numbers: Sequence[int], unread: Sequence[Unread]) -> tuple[str, ...]:
    notes = [*shot.notes]
    if len(numbers) < len(shot.numbers):
        notes.append(f"Of {len(shot.numbers)} frames {len(numbers)} were looked at, evenly spread.")
    if unread:
        bad = format_numbers([each.number for each in unread])
        notes.append(f"Passed over, as they cannot be read: {bad} ({unread[0].error.message})")
    if study.events.cuts:
        cuts = ", ".join(str(study.looks[place].number) for place in study.events.cuts[:10])
        more = f" and {len(study.events.cuts) - 10} more" if len(study.events.cuts) > 10 else ""
        notes.append(f"Cuts before {cuts}{more}: this is more than one shot.")
    return tuple(notes)


def _few(study: Study, count: int) -> tuple[str, ...]:
    if len(study.candidates) >= count:
        return ()
    only = len(study.candidates)
    return (
        f"Only {only} of the frames {'differs' if only == 1 else 'differ'} from the others, or the painted.",
    )


def _rounded(value: float) -> float:
    return round(float(value), 4)
