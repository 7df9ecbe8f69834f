"""Every frame of a shot, read once and kept small, as a screen shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from understudy.colour import SpaceDecision, convert_between, decide_space
from understudy.device import core_count
from understudy.errors import ColourError, FrameError, UnderstudyError
from understudy.frames import Frame, Shot, header_colour, resolve_channels
from understudy.temporal import grey, reduced

LONGEST = 256
"""Pixels of the longer side that are kept of a frame: 150 kB as bytes."""
SRGB = SpaceDecision("srgb", "")
LARGEST = 1e4


@dataclass(frozen=True, eq=False)
class Look:
    """A frame made small: ``pixels`` uint8 (height, width, 3), sRGB, ``LONGEST`` at most on a side."""

    number: int
    pixels: np.ndarray

    @cached_property
    def grey(self) -> np.ndarray:
        """The luma, float32 (height, width), 0 to 1."""
        return grey(self.pixels.astype(np.float32) / np.float32(255))

    def sized(self, shape: tuple[int, ...]) -> Look:
        """The same in the size of another one."""
        if self.pixels.shape == shape:
            return self
        return Look(self.number, np.asarray(cv2.resize(self.pixels, (shape[1], shape[0]))))


@dataclass(frozen=True)
class Unread:
    """A frame that cannot be read, and why."""

    number: int
    error: UnderstudyError


Done = Callable[[int, int, int], None]


def looks_of(
    shot: Shot, numbers: Sequence[int], channels: str | None, done: Done, stop: object = None
) -> tuple[list[Look], list[Unread]]:
    """The frames ``numbers``, each read once, several at a time, and those that cannot be read.

    ``channels``: which to look at; None for the colours, or what there is. ``done`` is called with the
    number, how many there are by now, and of how many. All are of the size of the first. Raises the error of
    the first frame when none can be read.
    """
    looks: list[Look] = []
    unread: list[Unread] = []
    for count, each in enumerate(_read_all(shot, numbers, channels), start=1):
        looks.append(each) if isinstance(each, Look) else unread.append(each)
        done(each.number, count, len(numbers))
        if stop:
            raise KeyboardInterrupt
    if not looks:
        raise unread[0].error
    return [look.sized(looks[0].pixels.shape) for look in looks], unread


def _read_all(shot: Shot, numbers: Sequence[int], channels: str | None) -> Iterator[Look | Unread]:
    """In order. A movie is read by one thread: its frames come one after the other."""
    workers = 1 if shot.is_movie else max(2, min(core_count(), 8))

    def read(number: int) -> Look | Unread:
        try:
            return Look(number, small_picture(shot.read(number), channels))
        except FrameError as error:
            return Unread(number, error)

    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(read, numbers)
    finally:
        pool.shutdown(cancel_futures=True)


def small_picture(frame: Frame, channels: str | None) -> np.ndarray:
    """uint8 (height, width, 3), sRGB. ChannelError when the frame has no such channels."""
    names = resolve_channels(frame, channels)[:3]
    planes = frame.planes(names)
    np.nan_to_num(planes, copy=False, nan=0.0, posinf=LARGEST, neginf=0.0)
    small = reduced(np.clip(planes, 0.0, LARGEST, out=planes), LONGEST)
    small = small[..., None] if small.ndim == 2 else small
    if len(names) < 3:
        return _bytes(np.repeat(small[..., :1], 3, axis=2))
    return _bytes(displayed(small, frame))


def displayed(pixels: np.ndarray, frame: Frame) -> np.ndarray:
    """What a screen shows of a frame's file values (height, width, 3); where no one can tell, these."""
    try:
        decision = decide_space("auto", frame.is_integer, header_colour(frame))
        return pixels if decision.space in ("srgb", "raw") else convert_between(pixels, decision, SRGB)
    except ColourError:
        return pixels


def _bytes(pixels: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(pixels, 0.0, 1.0) * 255.0).astype(np.uint8)
