"""Answers that stand still, for a client that sends the frames of a shot in order: each is averaged along
the motion with the two that were answered before it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np

from understudy.inference.steady import RADIUS, averaged, linked, seen_with
from understudy.models.options import Option
from understudy.temporal import Beside, Flow, Look, chained

MOST = 8
"""Sequences that are remembered for a network; the one that was asked for least lately goes first."""
STANDING = (
    Option(
        "stabilise",
        "float",
        0.0,
        0.0,
        1.0,
        description="How much of what boils from one frame to the next is averaged away along the motion, "
        "with the two frames that were asked for before; for frames in order.",
        spare=True,
    ),
    Option(
        "sequence",
        "string",
        "",
        description="Any name: frames of one name follow on each other where they are stabilised.",
        spare=True,
    ),
)


class Sequences:
    """What was answered last, by sequence. Safe for threads; those who ask wait for each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered: OrderedDict[str, list[tuple[Look, Flow | None]]] = OrderedDict()

    def steadied(
        self, model: Any, frame: np.ndarray, result: np.ndarray, options: dict[str, Any]
    ) -> np.ndarray:
        """The ``result`` for a frame, both (height, width, channels) in file values, as it is to be. Nothing
        comes over a cut or a jump of light; a frame that is asked for again has the answer that it had."""
        description = model.description
        plate = frame[..., : len(description.input_channels)]
        own = seen_with(description, plate, model.plate_of(plate), result).look
        with self._lock:
            before = self._before(str(options.get("sequence", "")), own)
        weight = float(options["stabilise"])
        others = [Beside(look, flow, weight) for look, flow in before]
        return averaged(result, own, others, description.colour_out)

    def _before(self, sequence: str, own: Look) -> list[tuple[Look, Flow]]:
        """The frames before ``own``, from the nearest on, with the motion to them; it is remembered."""
        answered = self._answered.pop(sequence, [])
        if answered and _is_same(answered[0][0], own):
            answered = answered[1:]
        link = linked(own, answered[0][0]) if answered else None
        flow = None if link is None else link[0]
        self._answered[sequence] = [(own, flow), *answered][: RADIUS + 1]
        while len(self._answered) > MOST:
            self._answered.popitem(last=False)
        return _chain(flow, answered[:RADIUS])


def _chain(flow: Flow | None, answered: list[tuple[Look, Flow | None]]) -> list[tuple[Look, Flow]]:
    found: list[tuple[Look, Flow]] = []
    for look, further in answered:
        if flow is None:
            break
        found.append((look, flow))
        flow = None if further is None else chained(flow, further)
    return found


def _is_same(a: Look, b: Look) -> bool:
    return np.array_equal(a.luma, b.luma) and np.array_equal(a.values, b.values)
