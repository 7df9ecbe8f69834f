"""Instances that keep their mattes from frame to frame: ``instance.001`` stays the same thing.

The rule: an instance takes the matte that was, in the frame before, of the one with the same label whose
box its own overlaps most, by intersection over union of at least 0.3, the largest overlaps first. The others
take the lowest free mattes, the best first. A matte whose instance is not found stays its own for ten frames;
where no other is free, the one that has been missing longest gives way. At a cut all begins anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from understudy.errors import UnderstudyError
from understudy.models.instances import Instance, ids_of
from understudy.temporal import is_cut

OVERLAP = 0.3
PATIENCE = 10
"""Frames for which a matte waits for its instance."""
HELD = 64
"""Lumas that are kept, to find cuts by."""
Tracks = dict[int, "Track"]


@dataclass(frozen=True)
class Track:
    """What a matte is of, and for how many frames it has not been found."""

    instance: Instance
    missing: int = 0


@dataclass(frozen=True)
class Found:
    """What was found in a frame, and the frame's luma; no luma where it could not be read."""

    instances: Sequence[Instance]
    luma: np.ndarray | None


def assigned(
    before: Tracks, found: Sequence[Instance], limit: int, frames: int = 1
) -> tuple[list[int], Tracks]:
    """The matte (1 to ``limit``) of each instance, which are in the order of their scores, and whose the
    mattes are then; ``before``: whose they were ``frames`` frames earlier."""
    found = found[:limit]
    waiting = {slot: replace(each, missing=each.missing + frames) for slot, each in before.items()}
    waiting = {slot: each for slot, each in waiting.items() if each.missing <= PATIENCE}
    pairs = [
        (overlap(each.instance.box, other.box), -slot, index)
        for slot, each in waiting.items()
        for index, other in enumerate(found)
        if each.instance.label == other.label
    ]
    slots: dict[int, int] = {}
    for share, negative, index in sorted(pairs, reverse=True):
        if share >= OVERLAP and index not in slots and -negative not in slots.values():
            slots[index] = -negative
    for index in range(len(found)):
        if index not in slots:
            slots[index] = _free(limit, set(slots.values()), waiting)
    tracks = waiting | {slot: Track(found[index]) for index, slot in slots.items()}
    return [slots[index] for index in sorted(slots)], tracks


def _free(limit: int, taken: set[int], waiting: Tracks) -> int:
    """The lowest matte that nobody has; else, of those that wait, the one that has waited longest."""
    free = [slot for slot in range(1, limit + 1) if slot not in taken]
    empty = [slot for slot in free if slot not in waiting]
    return empty[0] if empty else max(free, key=lambda slot: (waiting[slot].missing, -slot))


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / both if both > 0 else 0.0


def arranged(planes: np.ndarray, slots: Sequence[int]) -> np.ndarray:
    """A result (H, W, limit + 1) whose mattes are in the order of their scores, with each in its own place,
    and the ids as those are."""
    made = np.zeros_like(planes)
    mattes = np.moveaxis(planes[..., : len(slots)], -1, 0)
    for matte, slot in zip(mattes, slots, strict=True):
        made[..., slot - 1] = matte
    made[..., -1] = ids_of(mattes, slots)
    return made


class Tracker:
    """The tracks of one job. ``numbers``: its frames; ``limit``: how many mattes there are; ``look``: finds
    what is in a frame that is not made by this job, or not yet; ``earlier``: the tracks after a frame that
    was there already, and its luma, where they are known.

    What comes out depends on the frames of the job up to each one, whatever the order they are made in.
    """

    def __init__(
        self,
        numbers: Sequence[int],
        limit: int,
        look: Callable[[int], Found],
        earlier: Callable[[int], tuple[Tracks, np.ndarray] | None],
    ) -> None:
        self._numbers, self.limit, self._look, self._earlier = sorted(numbers), limit, look, earlier
        self._condition = threading.Condition(threading.RLock())
        self._under_way: set[int] = set()
        self._found: dict[int, Found] = {}
        self._tracks: dict[int, Tracks] = {}
        self._slots: dict[int, list[int]] = {}

    def begin(self, number: int) -> None:
        """A frame is under way: those after it wait for what is found in it."""
        with self._condition:
            self._under_way.add(number)

    def end(self, number: int) -> None:
        """A frame is done, or has failed."""
        with self._condition:
            self._under_way.discard(number)
            self._condition.notify_all()

    def slots(self, number: int, found: Found) -> list[int]:
        """The matte of each instance that was found in a frame."""
        with self._condition:
            self._found[number] = found
            self._condition.notify_all()
            self._reach(number)
            return self._slots[number]

    def table(self, number: int, channels: Sequence[str]) -> dict[str, Any]:
        """What is where in a frame that was made, whose mattes have these names: rows for JSON."""
        with self._condition:
            tracks = self._tracks.get(number, {})
        rows = [_row(slot, each, channels[slot - 1]) for slot, each in sorted(tracks.items())]
        here = [row for row in rows if "missing" not in row]
        return {"frame": number, "instances": here, "lost": [row for row in rows if "missing" in row]}

    def _reach(self, number: int) -> None:
        """Follow the tracks up to a frame, from the last one before it where they are known."""
        waiting = [number]
        while (before := self._before(waiting[-1])) is not None and not self._is_known(before):
            waiting.append(before)
        for each in reversed(waiting):
            self._follow(each)

    def _is_known(self, number: int) -> bool:
        if number not in self._tracks and number not in self._found and number not in self._under_way:
            known = self._earlier(number)
            if known is not None:
                self._tracks[number] = known[0]
                self._found[number] = Found((), known[1])
        return number in self._tracks

    def _before(self, number: int) -> int | None:
        at = self._numbers.index(number)
        return self._numbers[at - 1] if at else None

    def _follow(self, number: int) -> None:
        if number in self._slots:
            return
        found, before = self._found_in(number), self._before(number)
        tracks: Tracks = {} if before is None or self._is_parted(before, found) else self._tracks[before]
        frames = 1 if before is None else number - before
        self._slots[number], self._tracks[number] = assigned(tracks, found.instances, self.limit, frames)
        for old in sorted(self._found)[:-HELD]:
            del self._found[old]

    def _found_in(self, number: int) -> Found:
        while number not in self._found and number in self._under_way:
            self._condition.wait()
        if number not in self._found:
            try:
                self._found[number] = self._look(number)
            except UnderstudyError:  # said by the frame itself
                self._found[number] = Found((), None)
        return self._found[number]

    def _is_parted(self, before: int, found: Found) -> bool:
        """Whether a cut lies between a frame and the one before it."""
        other = self._found.get(before)
        if other is None or other.luma is None or found.luma is None:
            return False
        return is_cut(other.luma, found.luma)


def _row(slot: int, track: Track, channel: str) -> dict[str, Any]:
    each = track.instance
    return {
        "channel": channel,
        "id": slot,
        "label": each.label,
        "name": each.name,
        "score": round(each.score, 6),
        "box": [round(float(side), 3) for side in each.box],
        **({"missing": track.missing} if track.missing else {}),
    }
