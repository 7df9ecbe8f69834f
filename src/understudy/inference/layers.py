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
    find_layer,
    format_numbers,
    is_layer_name,
    kind_of,
    layer_in_file,
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
    ``neighbours``, and the further layers that it was trained with, ``--extra``: shots, or, by their names,
    layers of the plate itself. ``shots``: those that are files of their own."""

    def __init__(self, specs: Sequence[str], header: Any, neighbours: Neighbours | None) -> None:
        self.offsets = header.offsets
        self._wanted = tuple(extra for extra in header.extra if not extra.offset)
        if len(specs) != len(self._wanted):
            raise _other_count(specs, self._wanted)
        _check_order(specs, self._wanted)
        self.neighbours = neighbours
        self._given: list[Shot | str] = [
            spec if is_layer_name(spec) else open_shot(spec, as_held=not header.premultiplied)
            for spec in specs
        ]

    @property
    def shots(self) -> list[Shot]:
        return [each for each in self._given if not isinstance(each, str)]

    def read(self, plate: Frame, names: Sequence[str], window: Window) -> Iterator[np.ndarray]:
        """One float32 (height, width, channels) for each, over ``window``; ``names`` are the plate's channels
        that go in."""
        if self.neighbours:
            yield from self.neighbours.about(plate, names, self.offsets, window)
        for given, wanted in zip(self._given, self._wanted, strict=True):
            if isinstance(given, str):
                yield seen_planes(plate, _of_plate(plate, given, wanted), window)
                continue
            frame = read_beside(given, plate.number, plate, "extra input")
            own = layer_in_file(frame, wanted.channels, kind_of(wanted.name))
            yield seen_planes(frame, own, window_beside(frame, plate, window))

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on layers whose files hold more than what goes in, by the first frame of each."""
        pairs = zip(self._given, self._wanted, strict=True)
        return tuple(
            note for shot, wanted in pairs if not isinstance(shot, str) for note in _left(shot, wanted)
        )

    def close(self) -> None:
        for shot in self.shots:
            shot.close()
        if self.neighbours:
            self.neighbours.close()


def _other_count(specs: Sequence[str], wanted: Sequence[Any]) -> SettingError:
    """Of further layers that are too few or too many."""
    if not wanted:
        return SettingError(
            "The network takes the plate alone.",
            expected="no extra inputs",
            found=", ".join(specs),
            where="--extra",
            remedy="Leave --extra out.",
        )
    return SettingError(
        "The network needs other extra inputs.",
        expected="; ".join(f"{extra.name} ({', '.join(extra.channels)})" for extra in wanted),
        found=", ".join(specs) or "none",
        where="--extra",
        remedy="Give a layer of the plate, or files, for each, in this order: "
        + " ".join(f"--extra {extra.name}" for extra in wanted)
        + ".",
    )


def _check_order(specs: Sequence[str], wanted: Sequence[Any]) -> None:
    """SettingError where a layer is named that stands for another one of those that are wanted."""
    kinds = [kind_of(each.name) for each in wanted]
    for spec, kind in zip(specs, kinds, strict=True):
        found = kind_of(spec) if is_layer_name(spec) else ""
        if found and kind and found != kind and found in kinds:
            raise SettingError(
                "The extra inputs are in another order than the network takes them in.",
                expected=", ".join(each.name for each in wanted),
                found=", ".join(specs),
                where="--extra",
                remedy="Give them in that order.",
            )


def _of_plate(plate: Frame, name: str, wanted: Any) -> tuple[str, ...]:
    """The channels of the plate's layer ``name``. ChannelError where it has none, or other than so many."""
    found = find_layer(plate, name)
    if len(found) == len(wanted.channels):
        return found
    raise ChannelError(
        f"The layer {name} of the plate has other channels than the network takes.",
        expected=f"{len(wanted.channels)} channels: {', '.join(wanted.channels)}",
        found=", ".join(found),
        where=str(plate.path),
        remedy="Name another layer with --extra.",
    )


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
        taken = layer_in_file(frame, wanted.channels, kind_of(wanted.name))
        return say_taken(frame, f"extra input {Path(shot.spec).name}", taken)
    return ()


def _readable(shot: Shot) -> Iterator[Frame]:
    """Frames over all the length of a shot, without those that cannot be read."""
    for number in spread(shot.numbers):
        with suppress(FrameError):
            yield shot.read(number)
