"""Results that cannot be right, or are not what they were meant to be: of networks of others the same value
everywhere, or none, where the plate is neither; of a network that keys, frames with no screen, or little."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from understudy.frames import format_numbers

OF_OTHERS = ("ONNX", "TorchScript", "TensorFlow Lite")
EVERY = 16
"""Pixels between those that are looked at first."""
LITTLE = 0.05
"""The share of a frame below which what is taken for a screen may be something else."""


class Doubts:
    """What was seen of the frames of a job, by several threads. ``constant``: frames whose result is the same
    everywhere; ``not_finite``: those with values that are no numbers; ``fine``: the others; ``no_screen``,
    ``little_screen``: those that have none, or less than ``LITTLE`` of their pixels, of a network that
    keys."""

    def __init__(self) -> None:
        self.constant: set[int] = set()
        self.not_finite: set[int] = set()
        self.fine: set[int] = set()
        self.no_screen: set[int] = set()
        self.little_screen: set[int] = set()
        self._lock = threading.Lock()

    def look(self, header: Any, number: int, plate: np.ndarray, result: np.ndarray) -> None:
        """Take note of a result (H, W, C) for the plate (H, W, C), where it is of a network of others."""
        if header.format not in OF_OTHERS or not result.size:
            return
        seen = self.fine
        if not np.isfinite(result).all() and np.isfinite(plate).all():
            seen = self.not_finite
        elif _is_constant(result) and not _is_constant(plate):
            seen = self.constant
        with self._lock:
            seen.add(number)

    def look_for_screen(self, header: Any, number: int, result: np.ndarray) -> None:
        """Take note of a whole frame's result (H, W, C), where it is of a network that keys: without a screen
        its alpha is 1 everywhere, and with little of one it may be something else that was taken for it."""
        if not header.keys or not result.size:
            return
        alpha = result[..., -1]
        seen = self.no_screen if bool((alpha == 1).all()) else self.little_screen
        if seen is self.no_screen or float((alpha < 0.5).mean()) < LITTLE:
            with self._lock:
                seen.add(number)

    @property
    def is_nothing(self) -> bool:
        """Whether no frame came out right, or one with values that are no numbers. A matte that is empty on
        some frames may well be right."""
        return bool(self.not_finite or (self.constant and not self.fine))

    @property
    def sentences(self) -> tuple[str, ...]:
        """What an artist has to know of it."""
        said = []
        if self.not_finite:
            said.append(
                f"The network's result is not finite on {_frames(self.not_finite)}, where the plate is."
            )
        if self.constant:
            said.append(
                f"The network's result is the same everywhere on {_frames(self.constant)}, where the plate "
                "is not: if that cannot be, the TOML beside it reads the network wrongly (range, mean, "
                "order, output, activation)."
            )
        if self.no_screen:
            said.append(
                f"No green or blue screen was found on {_frames(self.no_screen)}: the alpha is 1 everywhere "
                "there, and all of the plate is foreground."
            )
        if self.little_screen:
            said.append(
                f"Hardly any green or blue screen was found on {_frames(self.little_screen)}: where there is "
                "none at all, something green or blue has been taken for it."
            )
        return tuple(said)


def _frames(numbers: set[int]) -> str:
    return f"frame{'s' if len(numbers) > 1 else ''} {format_numbers(tuple(sorted(numbers)))}"


def _is_constant(pixels: np.ndarray) -> bool:
    """Whether each channel has one value."""
    first = pixels[:1, :1]
    return bool((pixels[::EVERY, ::EVERY] == first).all() and (pixels == first).all())
