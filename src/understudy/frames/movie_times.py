"""When each frame of a written movie is shown: as in the movie it was made of, or one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from understudy.frames.movie_plan import KEEPS_TIMES
from understudy.frames.movie_shot import MovieShot


@dataclass
class Timing:
    """``stamps``: time and duration of each frame number in ticks of ``time_base``; empty where frames follow
    one another at a constant rate. ``sound_begin`` and ``sound_end``: the stretch of the plate that is
    written, in seconds of the plate's time; None: without end. ``variable``: whether the plate's frames
    are shown for different times."""

    stamps: dict[int, tuple[int, int]]
    time_base: Fraction | None = None
    keeps_sound: bool = False
    sound_begin: Fraction | None = None
    sound_end: Fraction | None = None
    variable: bool = False
    repeats: bool = False
    count: int = 0

    @property
    def gap(self) -> str:
        """What happens where a frame does not come, for the end of a sentence."""
        return ": the one before it is shown longer" if self.stamps or self.repeats else ""

    @property
    def end(self) -> int | None:
        """The end of the last frame, in ticks; None: the sound may go on."""
        if not self.stamps or self.sound_end is None:
            return None
        return max(time + duration for time, duration in self.stamps.values())

    def next_of(self, number: int) -> tuple[int, int]:
        """Time and duration of the frame ``number``, which is written next."""
        if self.stamps:
            return self.stamps[number]
        self.count += 1
        return self.count - 1, 1


def timing(plate: MovieShot | None, numbers: Sequence[int], extension: str, rate: Fraction | None) -> Timing:
    """The times for the frames ``numbers``; ``rate`` is one that was asked for instead of the plate's."""
    if plate is None or rate is not None or not numbers or not set(numbers) <= set(plate.numbers):
        return Timing({})
    whole = len(numbers) == plate.total
    begin, base = plate.time_of(numbers[0]), plate.info.time_base
    end = plate.time_of(numbers[-1]) + plate.duration_of(numbers[-1])
    sound = (None, None) if whole else (begin * base, end * base)
    if extension not in KEEPS_TIMES:
        together = tuple(numbers) == tuple(range(numbers[0], numbers[-1] + 1))
        steady = together and not plate.is_variable
        start = begin * base if begin or not whole else None
        return Timing({}, None, steady, start, sound[1], plate.is_variable, steady)
    shift = 0 if whole and plate.has_sound else begin
    stamps = {number: (plate.time_of(number) - shift, plate.duration_of(number)) for number in numbers}
    return Timing(stamps, base, True, *sound)
