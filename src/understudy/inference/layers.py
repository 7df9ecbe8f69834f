"""What lies over or beside the plate: the mask that says where the effect shows, and extra inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import ChannelError, FrameError, PairingError, SettingError
from understudy.frames import (
    Frame,
    Neighbours,
    Shot,
    Window,
    check_size,
    format_numbers,
    open_shot,
    planes_beside,
    resolve_channels,
    seen_planes,
    window_beside,
)
from understudy.frames.matte import MOST, Look, look_at, spread
from understudy.frames.which import say_taken

CHANNEL = "channel:"
BLACK = "The mask is black on all frames: the plate stays as it is."


class Mask:
    """``--mask``: one image for all frames, a sequence by frame number, or ``channel:NAME`` of the plate.

    Of an image the alpha is taken, of one without alpha, or whose alpha is the same everywhere, the first
    channel. Its white becomes 1, values are held to 0..1, NaN is 0. ``largest``: the largest value so far.
    """

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self.channel = spec.removeprefix(CHANNEL) if spec.startswith(CHANNEL) else None
        self.shot = None if self.channel else open_shot(spec)
        self.largest = 0.0
        self.notes: tuple[str, ...] = ()
        self._look = Look()

    def look(self, plate: Shot) -> None:
        """See how the mask is to be taken, by frames over all of its length, or the whole ``plate``'s;
        ``notes`` are then sentences on that."""
        shot = self.shot or plate
        self._look = look_at(_readable(shot) if self.shot else self._of_plate(plate), "mask")
        black = self._look.largest == 0 and len(shot.numbers) <= MOST
        self.notes = (*self._look.notes, *((BLACK,) if black else ()))

    def _of_plate(self, plate: Shot) -> Iterator[Frame]:
        for frame in _readable(plate):
            with suppress(ChannelError):
                yield frame.as_matte(frame.planes(resolve_channels(frame, self.channel)[:1]))

    def read(self, plate: Frame, number: int, window: Window) -> np.ndarray:
        """float32 (height, width, 1) over ``window`` of the plate's coordinates."""
        if self.shot is None:
            values = plate.planes(resolve_channels(plate, self.channel)[:1], window)
        else:
            frame = read_beside(self.shot, number, plate, "mask")
            values = planes_beside(frame, (self._look.channel(frame),), plate, window)
        values = self._look.values(values)
        self.largest = max(self.largest, float(values.max(initial=0.0)))
        return values

    def close(self) -> None:
        if self.shot is not None:
            self.shot.close()


class ExtraInputs:
    """What goes into a network behind the plate, in the order of its header: the frames before and after, of
    ``neighbours``, and the further layers that it was trained with, ``--extra``."""

    def __init__(self, specs: Sequence[str], header: Any, neighbours: Neighbours | None) -> None:
        self.offsets = header.offsets
        self._wanted = tuple(extra for extra in header.extra if not extra.offset)
        if len(specs) != len(self._wanted):
            raise SettingError(
                "The network needs other extra inputs.",
                expected=f"{len(self._wanted)} extra inputs"
                + "".join(f", {', '.join(extra.channels)}" for extra in self._wanted),
                found=f"{len(specs)}",
                where="--extra",
                remedy="Give one --extra for each, in the order of training.",
            )
        self.neighbours = neighbours
        self.shots = [open_shot(spec, as_held=not header.premultiplied) for spec in specs]

    def read(self, plate: Frame, names: Sequence[str], window: Window) -> Iterator[np.ndarray]:
        """One float32 (height, width, channels) for each, over ``window``; ``names`` are the plate's channels
        that go in."""
        if self.neighbours:
            yield from self.neighbours.about(plate, names, self.offsets, window)
        for shot, wanted in zip(self.shots, self._wanted, strict=True):
            frame = read_beside(shot, plate.number, plate, "extra input")
            own = resolve_channels(frame, ",".join(wanted.channels))
            yield seen_planes(frame, own, window_beside(frame, plate, window))

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on layers whose files hold more than what goes in, by the first frame of each."""
        pairs = zip(self.shots, self._wanted, strict=True)
        return tuple(note for shot, wanted in pairs for note in _left(shot, wanted))

    def close(self) -> None:
        for shot in self.shots:
            shot.close()
        if self.neighbours:
            self.neighbours.close()


def read_beside(shot: Shot, number: int, plate: Frame, what: str) -> Frame:
    """The frame of ``shot`` that belongs to a plate frame: its only one, or the one of that number.

    PairingError when there is none, SizeError when its display window has another size.
    """
    if number not in shot.numbers and len(shot.numbers) != 1:
        raise PairingError(
            f"The {what} has no frame {number}.",
            expected=f"frame {number}, as the plate has",
            found=f"frames {format_numbers(shot.numbers)}",
            where=shot.spec,
            remedy="Add the frame, give one image for all frames, or leave the frame out with --frames.",
        )
    frame = shot.read(number if number in shot.numbers else shot.numbers[0])
    check_size(plate, frame, what)
    return frame


def _left(shot: Shot, wanted: Any) -> tuple[str, ...]:
    with suppress(FrameError, ChannelError):  # said by frame, where it is one that is worked on
        frame = shot.read(shot.numbers[0])
        taken = resolve_channels(frame, ",".join(wanted.channels))
        return say_taken(frame, f"extra input {Path(shot.spec).name}", taken)
    return ()


def _readable(shot: Shot) -> Iterator[Frame]:
    """Frames over all the length of a shot, without those that cannot be read."""
    for number in spread(shot.numbers):
        with suppress(FrameError):
            yield shot.read(number)
