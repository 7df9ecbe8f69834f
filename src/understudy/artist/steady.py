"""How steady a result is along the motion, beside its plate and, where there is one, its ground truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import tee

import numpy as np

from understudy.artist.suggest.looks import displayed
from understudy.errors import FrameError, PairingError
from understudy.frames import Shot, check_size, fill_nonfinite, format_numbers, resolve_channels
from understudy.frames.frame import Frame
from understudy.measure import Steadiness, mean_along_motion, steadiness

RESULT, PLATE, TRUTH = "result", "plate", "ground truth"
Done = Callable[[int, int, int], None]


@dataclass(frozen=True)
class Steady:
    """``means``: the mean change along the motion by shot, in 8-bit code values, empty where no frame follows
    on another; ``steps``: that of each frame. ``guide``: the shot in which the motion was looked for.
    ``numbers``: the frames that were looked at; ``notes``: those that cannot be read."""

    means: Mapping[str, float]
    steps: tuple[Steadiness, ...]
    guide: str
    numbers: tuple[int, ...]
    notes: tuple[str, ...] = ()


def measure_steadiness(
    shots: Mapping[str, Shot],
    channels: str | None = None,
    done: Done = lambda number, done, total: None,
    stop: object = None,
) -> Steady:
    """Hold every frame against the one before it, carried along the motion, as a screen shows them.

    ``shots`` has the ``RESULT`` and, as far as they are known, ``PLATE`` and ``TRUTH``; the frames that all
    of them have are looked at. The motion is that of the truth where it is an image, else of the plate, else
    of the result itself. ``channels``: of result and truth, RGB or the only one by default. ``done`` is
    called with each number, how many there are by now, and of how many; KeyboardInterrupt once ``stop`` is
    true.

    Raises PairingError where the shots share no frame, ChannelError, and SizeError where they are not of one
    size; FrameError where no frame can be read.
    """
    numbers = _shared(shots)
    walk = _Walk(shots, channels, numbers)
    first = walk.first()
    guide = _guide(first)
    frames = _told(walk.frames(), len(numbers), done, stop)
    *each, guides, counted = tee(frames, len(shots) + 2)
    sides = {name: _only(name, side) for name, side in zip(shots, each, strict=True)}
    steps = tuple(steadiness(_only(guide, guides), sides, (seen[0] for seen in counted)))
    return Steady(mean_along_motion(steps), steps, guide, numbers, tuple(walk.notes))


Seen = tuple[int, Mapping[str, np.ndarray]]


@dataclass
class _Walk:
    """One way through all shots."""

    shots: Mapping[str, Shot]
    channels: str | None
    numbers: Sequence[int]

    def __post_init__(self) -> None:
        self.notes: list[str] = []

    def first(self) -> Mapping[str, np.ndarray]:
        """What a frame that can be read looks like. The error of the last where none can."""
        for number in self.numbers:
            try:
                return self._read(number)
            except FrameError as error:
                failed = error
        raise failed

    def frames(self) -> Iterator[Seen]:
        """Those that can be read, in order; of the others a note is made."""
        for number in self.numbers:
            try:
                yield number, self._read(number)
            except FrameError as error:
                self.notes.append(f"Frame {number} is left out: {error.message} {error.found}".strip())

    def _read(self, number: int) -> Mapping[str, np.ndarray]:
        frames = {name: shot.read(number) for name, shot in self.shots.items()}
        for name, frame in frames.items():
            check_size(frames[RESULT], frame, name)
        return {
            name: _seen(frame, None if name == PLATE else self.channels) for name, frame in frames.items()
        }


def _only(name: str, frames: Iterator[Seen]) -> Iterator[np.ndarray]:
    return (seen[1][name] for seen in frames)


def _told(frames: Iterator[Seen], total: int, done: Done, stop: object) -> Iterator[Seen]:
    for count, seen in enumerate(frames, start=1):
        if stop:
            raise KeyboardInterrupt
        done(seen[0], count, total)
        yield seen


def _guide(first: Mapping[str, np.ndarray]) -> str:
    if TRUTH in first and first[TRUTH].shape[2] >= 3:
        return TRUTH
    return PLATE if PLATE in first else RESULT


def looked_at(frame: Frame, channels: str | None) -> tuple[str, ...]:
    """The channels of a frame that are measured: three colours, or one. ChannelError where it lacks them."""
    names = tuple(resolve_channels(frame, channels)[:3])
    return names if len(names) == 3 else names[:1]


def _seen(frame: Frame, channels: str | None) -> np.ndarray:
    """float32 (height, width, 3 or 1), 0 to 1: what a screen shows."""
    names = looked_at(frame, channels)
    planes = fill_nonfinite(frame.planes(names))[0]
    shown = displayed(planes, frame) if len(names) == 3 else planes
    return np.clip(shown, 0.0, 1.0).astype(np.float32, copy=False)


def _shared(shots: Mapping[str, Shot]) -> tuple[int, ...]:
    result = shots[RESULT]
    numbers = tuple(n for n in result.numbers if all(shot.has(n) for shot in shots.values()))
    if numbers:
        return numbers
    other = next(shot for shot in shots.values() if not any(map(result.has, shot.numbers)) or shot is result)
    raise PairingError(
        "The shots share no frame.",
        expected=f"some of {format_numbers(result.numbers)}",
        found=format_numbers(other.numbers),
        where=other.spec,
        remedy="Give the frames that belong together: they are paired by their numbers.",
    )
