"""What is known of a shot once each of its frames has been looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.artist.suggest.cover import kernel_of
from understudy.artist.suggest.events import Events, events_of
from understudy.artist.suggest.looks import Look, Unread, looks_of
from understudy.artist.suggest.unlike import mean_between, same_as_earlier, unlikeness
from understudy.frames import Shot, format_numbers

MOST = 1500
"""Frames that are looked at; of a longer shot every second, or every third, and so on."""
TIME = 2.0
"""How much the distance in time counts beside that in looks; both are 1 for two frames in the mean."""
APART = 3.0
"""The distance in time of two frames with a cut between them: as far as the two ends of one shot."""

ELSEWHERE = 0.75
"""The distance in time of a painted frame of another shot, where time tells nothing: looks decide."""
LENGTH = 6.0
"""Over how much distance, in looks and time together, a frame tells 1/e of another: twice what two frames of
a shot have between them in the mean, so that what is unlike all else counts for more than what lies beside
something that is painted."""


@dataclass(frozen=True, eq=False)
class Study:
    """``between`` (n + m, n + m): how far the n frames, and m painted frames of other shots, are from each
    other, by looks and time. ``painted``: places of frames that are painted. ``candidates``:
    those that may be suggested."""

    looks: list[Look]
    events: Events
    between: np.ndarray
    painted: tuple[int, ...]
    candidates: tuple[int, ...]

    @property
    def numbers(self) -> list[int]:
        return [look.number for look in self.looks]

    @property
    def distances(self) -> np.ndarray:
        """Of the n frames from all, (n, n + m)."""
        return np.asarray(self.between[: len(self.looks)])

    @cached_property
    def kernel(self) -> np.ndarray:
        """What all frames tell of each other, (n + m, n + m)."""
        return kernel_of(self.between, LENGTH)

    @property
    def known(self) -> tuple[int, ...]:
        """The columns of all that is painted, here and in other shots."""
        return (*self.painted, *range(len(self.looks), len(self.between)))

    @property
    def scale(self) -> float:
        """The distance of two frames in the mean."""
        return 1.0 + TIME


def study_shot(
    shot: Shot,
    painted: Sequence[int],
    channels: str | None,
    others: Sequence[tuple[Shot, int]] = (),
    done: Callable[[int, int, int], None] = lambda number, done, total: None,
    stop: object = None,
) -> tuple[Study, tuple[str, ...]]:
    """Look at the frames of a shot, and at painted frames of ``others``; and sentences on what was passed
    over and found."""
    numbers = _looked_at(shot, painted)
    looks, unread = looks_of(shot, numbers, channels, done, stop)
    events = events_of(looks)
    places = {look.number: place for place, look in enumerate(looks)}
    at = tuple(places[number] for number in painted if number in places)
    first = same_as_earlier(looks)
    known = {first[place] for place in at}
    candidates = tuple(place for place, same in enumerate(first) if same == place and same not in known)
    study = Study(looks, events, _distances(looks, events, _others(others, looks[0])), at, candidates)
    return study, _notes(shot, study, numbers, unread)


def _looked_at(shot: Shot, painted: Sequence[int]) -> tuple[int, ...]:
    """Every frame, or of a long shot as many as can be compared, and those that are painted."""
    step = -(-len(shot.numbers) // MOST)
    return tuple(sorted({*shot.numbers[::step], *painted}))


def _others(others: Sequence[tuple[Shot, int]], like: Look) -> list[Look]:
    """Those that can be read, in the size of ``like``."""
    looks: list[Look] = []
    for shot, number in others:
        found, _ = looks_of(shot, [number], None, lambda number, done, total: None)
        looks += [look.sized(like.pixels.shape) for look in found]
    return looks


def _distances(looks: Sequence[Look], events: Events, others: Sequence[Look]) -> np.ndarray:
    count = len(looks)
    apart = np.full((count + len(others),) * 2, ELSEWHERE, np.float32)
    np.fill_diagonal(apart, 0.0)
    apart[:count, :count] = time_between([look.number for look in looks], events.part)
    return unlikeness([*looks, *others]) + np.float32(TIME) * apart


def time_between(numbers: Sequence[int], part: np.ndarray) -> np.ndarray:
    """The distance of frames in time, (n, n), 1 for two frames of a shot in the mean."""
    at = np.asarray(numbers, np.float32)
    apart = np.abs(at[:, None] - at[None, :])
    apart /= max(mean_between(apart), 1e-6)
    return np.where(part[:, None] == part[None, :], apart, np.float32(APART)).astype(np.float32)


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
