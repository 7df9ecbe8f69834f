"""How the plate moves in each frame, and for how long its shutter is open: for the motion blur of mattes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from understudy.errors import UnderstudyError
from understudy.finishing import Motion
from understudy.frames import Frame, Neighbours, Window, seen_planes
from understudy.inference.painted import luma_of
from understudy.temporal import edge_widths, fitted_shutter, flow_between, is_cut

OFFSETS = (-1, 1)
LOOKED_AT = 5
"""Frames, evenly spread over the plate, that the shutter is measured in."""


@dataclass
class PlateMotion:
    """The motion of the plate ``about`` which frames are asked for. ``channels`` names those of a frame that
    go into the network, ``wanted`` is the shutter or auto. Safe for threads."""

    header: Any
    about: Neighbours
    channels: Callable[[Frame], Sequence[str]]
    wanted: Literal["none", "auto"] | float
    _measured: list[float | None] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def shutter(self) -> float | None:
        """The part of the time between two frames for which the shutter is open; None where it is to be
        measured, and too little moves."""
        if isinstance(self.wanted, float):
            return self.wanted
        with self._lock:
            if not self._measured:
                self._measured.append(self._measure())
            return self._measured[0]

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence on what was measured."""
        if self.wanted != "auto":
            return ()
        if self.shutter is None:
            return ("Motion blur: too little of the plate moves to tell its shutter. Mattes get none.",)
        if self.shutter == 0:
            return ("Motion blur: what moves in the plate is as sharp as what stands. Mattes get none.",)
        said = f"the shutter is open for {self.shutter:.2f} of the time between two frames"
        return (f"Motion blur: {said}, as measured in the plate.",)

    def of(self, frame: Frame, names: Sequence[str], pixels: np.ndarray, window: Window) -> Motion | None:
        """The motion in a frame whose channels ``names`` are ``pixels`` over a window; None where nothing is
        known of it, as beyond cuts on both sides."""
        if not self.shutter:
            return None
        moves = self._between(frame, names, luma_of(self.header, pixels), window)
        return Motion(*moves, self.shutter) if moves else None

    def _between(
        self, frame: Frame, names: Sequence[str], here: np.ndarray, window: Window
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Pixels per frame, and where they are sure: from the frame before, the one after, or both."""
        ways: list[tuple[np.ndarray, np.ndarray]] = []
        for offset in OFFSETS:
            if not self.about.has(frame.number, [offset]):
                continue
            other = next(iter(self.about.about(frame, names, [offset], window)))
            there = luma_of(self.header, other)
            if np.array_equal(there, here) or is_cut(here, there):  # a held frame tells of no motion
                continue
            flow = flow_between(here, there)
            ways.append((flow.vectors * np.float32(offset), flow.sure))
        return _joined(ways) if ways else None

    def _measure(self) -> float | None:
        numbers = [number for number in self.about.shot.numbers if self.about.has(number, OFFSETS)]
        chosen = (
            {numbers[at] for at in np.linspace(0, len(numbers) - 1, LOOKED_AT).astype(int)} if numbers else ()
        )
        samples = []
        for number in sorted(chosen):
            try:
                samples.append(self._edges(number))
            except UnderstudyError:  # said where the frame's turn comes
                continue
        return fitted_shutter(samples)

    def _edges(self, number: int) -> np.ndarray:
        frame = self.about.read(number)
        names, window = self.channels(frame), frame.display_window
        here = luma_of(self.header, seen_planes(frame, names, window))
        moves = self._between(frame, names, here, window)
        return edge_widths(here, *moves) if moves else np.zeros((0, 3), np.float32)


def _joined(ways: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The mean of what is sure, and where anything is."""
    total = np.zeros_like(ways[0][0])
    count = np.zeros(total.shape[:2], np.float32)
    for vectors, sure in ways:
        total += vectors * sure[..., None]
        count += sure
    return total / np.maximum(count, 1)[..., None], count > 0
