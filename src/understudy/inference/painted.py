"""Painted frames in a job: which of the plate's they are, and their way into the results."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial, reduce
from pathlib import Path
from typing import Any

import numpy as np

from understudy.colour import encode
from understudy.dataset.as_painted import AsPainted, PaintedPairs, open_plates, read_corrected
from understudy.dataset.matching import has_shots
from understudy.errors import UnderstudyError
from understudy.frames import Shot, fill_nonfinite, format_numbers
from understudy.inference.carry import Missed, carried, fading
from understudy.runs import RunFolder
from understudy.runs.asked import settings_of_run
from understudy.runs.contents import is_run
from understudy.runs.corrections import active_corrections
from understudy.temporal import grey

READERS = 4
HELD = 3
"""Painted frames whose differences are held: those before and after the frames under way."""
KEPT = 1_000_000_000
"""Bytes of painted values, about, that are kept from the start until they are given out."""

Reader = Callable[[int], AsPainted | None]
Infer = Callable[[int], tuple[np.ndarray, np.ndarray]]


@dataclass(eq=False)
class Painted:
    """The frames of a job's plate that are known as they were painted. ``marks``: what tells each of them,
    by number; ``frames``: over how many a difference fades; ``reach``: over how many results are steadied, of
    which each is then made from these frames too; ``notes``: sentences for the artist."""

    readers: Sequence[Reader] = ()
    marks: Mapping[int, str] = field(default_factory=dict)
    frames: int = 0
    notes: tuple[str, ...] = ()
    _kept: dict[int, AsPainted] = field(default_factory=dict)
    reach: int = 0
    _missed: OrderedDict[int, Future[Missed | None]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def mark(self, number: int) -> str:
        """What a frame's provenance says of this: empty where it is the network's alone."""
        if number in self.marks:
            return self.marks[number]
        far = self.frames + self.reach
        near = [n for n in self.marks if abs(n - number) <= far] if self.reach else self.about(number)
        told = " ".join(f"{each} {self.marks[each]}" for each in near)
        return f"blended {self.frames} {_short(told)}" if told else ""

    def about(self, number: int) -> list[int]:
        """The painted frames whose differences reach a frame that is none: the nearest on each side."""
        near = [each for each in self.marks if 0 < abs(each - number) <= self.frames]
        before, after = [n for n in near if n < number], [n for n in near if n > number]
        return [*([max(before)] if before else []), *([min(after)] if after else [])]

    def read(self, number: int) -> AsPainted | None:
        """The frame as it was painted; None where the network's result is given out. What was kept is given
        once, unless it fades into other frames."""
        if number not in self.marks:
            return None
        kept = self._kept.get(number) if self.frames or self.reach else self._kept.pop(number, None)
        return kept or _read(self.readers, number)

    def drop(self, numbers: Iterable[int]) -> None:
        """Let go of what was kept of frames that are not made."""
        for number in numbers if not (self.frames or self.reach) else ():
            self._kept.pop(number, None)

    def blended(self, number: int, result: np.ndarray, luma: np.ndarray, infer: Infer) -> np.ndarray:
        """A ``result`` (height, width, channels), over the display window, with what the network misses on
        the painted frames about it. ``luma`` is the plate's; ``infer`` gives result and luma of a frame."""
        total = np.zeros((*luma.shape, 1), np.float32)
        summed = np.zeros_like(result)
        for each in self.about(number):
            missed = self._missed_on(each, infer)
            if missed is not None:
                difference, sure = carried(missed, luma)
                weight = sure * np.float32(fading(abs(each - number), self.frames))
                summed += difference * weight
                total += weight
        return np.asarray(result + summed / np.maximum(total, 1))

    def _missed_on(self, number: int, infer: Infer) -> Missed | None:
        """Worked out once for all frames about it; None where it cannot be."""
        with self._lock:
            future = self._missed.get(number)
            if future is None:
                mine = self._missed[number] = Future()
                while len(self._missed) > HELD:
                    self._missed.popitem(last=False)
        if future is not None:
            return future.result()
        try:
            mine.set_result(self._miss(number, infer))
        except UnderstudyError:
            mine.set_result(None)
        except BaseException as error:
            mine.set_exception(error)
        return mine.result()

    def _miss(self, number: int, infer: Infer) -> Missed | None:
        painted = self.read(number)
        if painted is None:
            return None
        result, luma = infer(number)
        return Missed(number, (painted.values - result) * painted.weight, luma)


def over(painted: AsPainted, result: np.ndarray) -> np.ndarray:
    """The painted values over a result of the same shape; where they count in full, bit for bit."""
    mixed = result + (painted.values - result) * painted.weight
    return np.where(painted.weight == 1, painted.values, mixed).astype(np.float32)


def luma_of(header: Any, pixels: np.ndarray) -> np.ndarray:
    """What motion is looked for in: the luma of a plate's values (height, width, channels)."""
    return grey(np.asarray(encode(fill_nonfinite(pixels)[0], header.colour_in)))


@dataclass
class _Search:
    """Looking for the painted frames of ``plate``, which a network at ``path`` of this ``header`` knows."""

    path: Path
    header: Any
    plate: Shot
    opened: list[PaintedPairs] = field(default_factory=list)

    @cached_property
    def pairs(self) -> dict[int, list[str]]:
        """The hashes of plate and truth, by the frame's number, of what was painted."""
        found: dict[int, list[str]] = {}
        pairs = self.header.provenance.get("pairs") or ()
        for pair in pairs if isinstance(pairs, list) else ():
            if isinstance(pair, dict) and isinstance(pair.get("frame"), int) and not pair.get("empty"):
                found.setdefault(pair["frame"], []).append(str(pair.get("hash", "")))
        return found

    @cached_property
    def earlier(self) -> bool:
        return not self.header.premultiplied

    def readers(self) -> tuple[list[Reader], dict[int, None], list[str]]:
        """What reads the frames, in the order in which it was said; their numbers; and sentences."""
        if not is_run(self.path.parent):
            return [], {}, self._unknown()
        run = RunFolder.open(self.path.parent)
        settings = settings_of_run(run)
        readers: list[Reader] = []
        numbers: dict[int, None] = {}
        notes: list[str] = []
        if not has_shots(settings.data):
            return [], {}, []
        if settings.data.empty or any(map(self.plate.has, self.pairs)):
            try:
                pairs = PaintedPairs(settings, self.pairs, self.earlier, self.header.keys)
                self.opened.append(pairs)
                readers.append(partial(pairs.read, plate=self.plate))
                numbers |= dict.fromkeys((*self.pairs, *pairs.empty))
            except UnderstudyError as error:
                notes.append(f"Painted frames cannot be read, and are the network's results: {error.message}")
        plates = open_plates(settings, self.earlier)
        for correction in active_corrections(run.path):
            own = plates[correction.plate] if correction.plate < len(plates) else None
            if own is not None:
                readers.append(partial(self._corrected, correction, own))
                numbers |= dict.fromkeys(correction.frames)
        return readers, numbers, notes

    def _corrected(self, correction: Any, own: Shot, number: int) -> AsPainted | None:
        if number not in correction.frames:
            return None
        effect = self.header.kind, self.header.input_channels, self.header.output_channels
        return read_corrected(correction, number, self.plate, own, effect)

    def _unknown(self) -> list[str]:
        near = tuple(number for number in sorted(self.pairs) if self.plate.has(number))
        if not near:
            return []
        return [
            f"Frames {format_numbers(near)} may be painted ones, which a .cat outside of its run does not "
            "know: they are the network's results. Give the run to have them as they were painted."
        ]


def find_painted_frames(
    path: Path, header: Any, plate: Shot, numbers: Sequence[int], frames: int, reach: int = 0
) -> Painted:
    """Those of ``plate`` that the network at ``path`` learned from, or that were corrected in its run, and
    are in or, as differences fade over ``frames`` and results are steadied over ``reach``, near ``numbers``.
    Reads each of them once, and keeps as many as ``KEPT`` allows until they are given out. RunError when the
    run is damaged."""
    search = _Search(path, header, plate)
    readers, known, notes = search.readers()
    wanted = [each for each in sorted(known) if plate.has(each) and _is_near(each, numbers, frames + reach)]
    known_as = _Known()
    with ThreadPoolExecutor(READERS) as pool:
        list(pool.map(lambda number: known_as.add(number, _read(readers, number)), wanted))
    for pairs in search.opened:
        pairs.let_go()
    marks = {number: known_as.marks[number] for number in wanted if number in known_as.marks}
    said = _say(marks, wanted, numbers, frames)
    return Painted(readers, marks, frames, (*notes, *said), known_as.kept, reach)


@dataclass
class _Known:
    """What was read of the painted frames: the mark of each, and those that are kept."""

    marks: dict[int, str] = field(default_factory=dict)
    kept: dict[int, AsPainted] = field(default_factory=dict)
    room: int = KEPT
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, number: int, painted: AsPainted | None) -> None:
        if painted is None:
            return
        size = painted.values.nbytes + painted.weight.nbytes
        with self._lock:
            self.marks[number] = _short(painted.mark)
            if size <= self.room:
                self.kept[number] = painted
                self.room -= size


def _is_near(number: int, numbers: Sequence[int], frames: int) -> bool:
    return number in numbers or any(abs(each - number) <= frames for each in numbers)


def _say(marks: Mapping[int, str], wanted: Sequence[int], numbers: Sequence[int], frames: int) -> list[str]:
    given = tuple(number for number in marks if number in numbers)
    others = tuple(number for number in wanted if number not in marks and number in numbers)
    faded = f", and blended into {frames} frames before and after" if marks and frames else ""
    said = f"As they were painted: frames {format_numbers(given)}{faded} (--painted network: the network's)."
    notes = [said] if given else []
    if others:
        notes.append(
            f"The plate's frames {format_numbers(others)} are not the ones that were painted: they are the "
            "network's results."
        )
    return notes


def _read(readers: Sequence[Reader], number: int) -> AsPainted | None:
    told = [each for each in (reader(number) for reader in readers) if each is not None]
    return reduce(AsPainted.under, told) if told else None


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
