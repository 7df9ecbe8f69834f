"""Why a frame is suggested, in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np

from understudy.artist.suggest.blocks import BLOCKS
from understudy.artist.suggest.events import Events
from understudy.artist.suggest.looks import Look
from understudy.frames import format_numbers

ROWS, COLUMNS = ("upper", "", "lower"), ("left", "", "right")
LIGHT = 0.04
"""How far the mean light of a shot has to vary, 0 to 1, before its brightest frame is called so."""
NEW = 0.08
"""How unlike the other chosen frames, in sRGB values, a ninth of the frame has to be to be called new."""
BLUR = 9
LIVELY = 2.0


class Reasons:
    """Says what is special about frames of one shot. ``risk`` (n, blocks): where a network is thought to be
    wrong."""

    def __init__(self, looks: Sequence[Look], events: Events, risk: np.ndarray | None = None) -> None:
        self._looks, self._events, self._risk = looks, events, risk
        self._light = np.array([float(look.grey.mean()) for look in looks])
        self._soft: dict[int, np.ndarray] = {}

    def of(
        self, place: int, others: Collection[int], stands_for: Collection[int], strange: bool = False
    ) -> str:
        """Why the frame at ``place`` is suggested beside ``others``; ``stands_for``: the frames (places) that
        it is the nearest chosen one of. ``strange``: it is far from all that is painted."""
        words = ["unlike every painted frame"] if strange else []
        words += [
            *self._unsure(place),
            *self._cut(place, others),
            *self._light_words(place),
            *self._motion(place),
        ]
        new = self._new(place, others)
        words += [new] if new else []
        numbers = [self._looks[each].number for each in stands_for]
        words += [f"stands for {range_words(numbers)}"] if len(numbers) > 1 else []
        return sentence(words or ["unlike all others"])

    def _cut(self, place: int, others: Collection[int]) -> list[str]:
        """Said of the first frame that is chosen of a shot within the shot."""
        part = self._events.part
        if part[place] == 0 or any(part[other] == part[place] for other in others):
            return []
        start = self._events.cuts[int(part[place]) - 1]
        return [f"shows what begins with the cut at {self._looks[start].number}"]

    def _light_words(self, place: int) -> list[str]:
        low, high = float(self._light.min()), float(self._light.max())
        if high - low < LIGHT:
            return []
        near = 0.1 * (high - low)
        if self._light[place] >= high:
            return ["the brightest frame"]
        if self._light[place] <= low:
            return ["the darkest frame"]
        bright, dark = self._light[place] > high - near, self._light[place] < low + near
        return ["among the brightest"] if bright else ["among the darkest"] if dark else []

    def _motion(self, place: int) -> list[str]:
        motion = self._events.motion
        if motion.max(initial=0.0) < LIVELY * max(float(np.median(motion)), 0.002):
            return []
        if motion[place] >= motion.max():
            return ["the most motion"]
        return ["much motion"] if motion[place] > 0.75 * motion.max() else []

    def _new(self, place: int, others: Collection[int]) -> str:
        """Where it shows most that no other chosen frame shows there."""
        if not others:
            return ""
        near = np.min([self._apart(place, other) for other in others], axis=0)
        row, column = np.unravel_index(int(near.argmax()), near.shape)
        most = float(near[row, column])
        if most < NEW or most < 1.5 * float(near.mean()):
            return ""
        return f"something new {where_words(int(row), int(column))}"

    def _unsure(self, place: int) -> list[str]:
        """Where the network is thought to be wrong, and whether more than elsewhere in the shot."""
        if self._risk is None:
            return []
        blocks = ninths(self._risk[place].reshape(BLOCKS[1], BLOCKS[0]))
        row, column = np.unravel_index(int(blocks.argmax()), blocks.shape)
        totals = self._risk.mean(1)
        how = "most unsure" if totals[place] >= totals.max() else "unsure"
        return [f"the network is {how} {where_words(int(row), int(column))}"]

    def _apart(self, place: int, other: int) -> np.ndarray:
        """The mean difference of two frames in each ninth, (3, 3)."""
        return ninths(np.abs(self._softened(place) - self._softened(other)).mean(2))

    def _softened(self, place: int) -> np.ndarray:
        """Without detail, which differs wherever anything moves at all."""
        if place not in self._soft:
            blurred = cv2.GaussianBlur(self._looks[place].pixels, (0, 0), BLUR)
            self._soft[place] = blurred.astype(np.float32) / np.float32(255)
        return self._soft[place]


def ninths(plane: np.ndarray) -> np.ndarray:
    """Means over each ninth of ``plane`` (height, width), (3, 3)."""
    return np.asarray(cv2.resize(plane.astype(np.float32), (3, 3), interpolation=cv2.INTER_AREA))


def where_words(row: int, column: int) -> str:
    """Which ninth of a frame: "at the upper left", "in the middle", "at the right"."""
    words = " ".join(filter(None, (ROWS[row], COLUMNS[column])))
    if not words:
        return "in the middle"
    return {"upper": "at the top", "lower": "at the bottom"}.get(words, f"at the {words}")


def range_words(numbers: Sequence[int]) -> str:
    """Frame numbers as ranges, those of a long list as the first few."""
    ranges = format_numbers(numbers).split(",")
    more = f" and {len(ranges) - 3} more stretches" if len(ranges) > 3 else ""
    return ", ".join(ranges[:3]) + more


def sentence(words: Sequence[str]) -> str:
    text = "; ".join(words)
    return text[:1].upper() + text[1:]
