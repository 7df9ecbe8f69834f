"""What lies over or beside the plate: the mask that says where the effect shows, and extra inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from understudy.errors import PairingError, SettingError, SizeError
from understudy.frames import Frame, Shot, Window, open_shot, resolve_channels

CHANNEL = "channel:"


class Mask:
    """``--mask``: one image for all frames, a sequence by frame number, or ``channel:NAME`` of the plate.

    Of an image the alpha is taken, of one without alpha the first channel. Values are held to 0..1, NaN is 0.
    """

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self.channel = spec.removeprefix(CHANNEL) if spec.startswith(CHANNEL) else None
        self._shot = None if self.channel else open_shot(spec)

    def read(self, plate: Frame, number: int, window: Window) -> np.ndarray:
        """float32 (height, width, 1) over ``window`` of the plate's coordinates."""
        if self._shot is None:
            values = plate.planes(resolve_channels(plate, self.channel)[:1], window)
        else:
            frame = read_beside(self._shot, number, plate, "mask")
            values = planes_beside(frame, _mask_channel(frame), plate, window)
        np.nan_to_num(values, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
        return np.clip(values, 0.0, 1.0, out=values)

    def close(self) -> None:
        if self._shot is not None:
            self._shot.close()


class ExtraInputs:
    """``--extra``: the further layers that a network was trained with, in the order of its header."""

    def __init__(self, specs: Sequence[str], wanted: Sequence[Any]) -> None:
        if len(specs) != len(wanted):
            raise SettingError(
                "The network needs other extra inputs.",
                expected=f"{len(wanted)} extra inputs"
                + "".join(f", {', '.join(extra.channels)}" for extra in wanted),
                found=f"{len(specs)}",
                where="--extra",
                remedy="Give one --extra for each, in the order of training.",
            )
        self._wanted = tuple(wanted)
        self._shots = [open_shot(spec) for spec in specs]

    def read(self, plate: Frame, number: int, window: Window) -> list[np.ndarray]:
        """One float32 (height, width, channels) for each extra input, over ``window``."""
        layers = []
        for shot, wanted in zip(self._shots, self._wanted, strict=True):
            frame = read_beside(shot, number, plate, "extra input")
            names = resolve_channels(frame, ",".join(wanted.channels))
            layers.append(planes_beside(frame, names, plate, window))
        return layers

    def close(self) -> None:
        for shot in self._shots:
            shot.close()


def read_beside(shot: Shot, number: int, plate: Frame, what: str) -> Frame:
    """The frame of ``shot`` that belongs to a plate frame: its only one, or the one of that number.

    PairingError when there is none, SizeError when its display window has another size.
    """
    if number not in shot.numbers and len(shot.numbers) != 1:
        raise PairingError(
            f"The {what} has no frame {number}.",
            expected=f"frame {number}, as the plate has",
            found=f"frames {shot.numbers[0]} to {shot.numbers[-1]}",
            where=shot.spec,
            remedy="Add the frame, give one image for all frames, or leave the frame out with --frames.",
        )
    frame = shot.read(number if number in shot.numbers else shot.numbers[0])
    ours, theirs = plate.display_window, frame.display_window
    if (ours.width, ours.height) != (theirs.width, theirs.height):
        raise SizeError(
            f"The {what} has another size than the plate.",
            expected=f"{ours.width} x {ours.height}",
            found=f"{theirs.width} x {theirs.height}",
            where=str(frame.path),
            remedy=f"Bring the {what} to the plate's size.",
        )
    return frame


def planes_beside(frame: Frame, names: Sequence[str], plate: Frame, window: Window) -> np.ndarray:
    """Channels of ``frame`` over ``window`` of the plate's coordinates, display window on display window."""
    left = frame.display_window.x - plate.display_window.x
    top = frame.display_window.y - plate.display_window.y
    return frame.planes(names, Window(window.x + left, window.y + top, window.width, window.height))


def _mask_channel(frame: Frame) -> tuple[str, ...]:
    alphas = [name for name in frame.part.channels if name.rpartition(".")[2].lower() in ("a", "alpha")]
    return ((alphas or list(frame.part.channels))[:1][0],)
