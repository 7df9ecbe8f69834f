"""--stabilise: results that stand still, as each frame's is averaged with those of the frames about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from understudy.colour import decode, encode
from understudy.errors import UnderstudyError
from understudy.frames import fill_nonfinite
from understudy.frames.once import Once
from understudy.inference.painted import luma_of
from understudy.temporal import (
    LONGEST,
    Beside,
    Flow,
    Look,
    chained,
    exposure_change,
    flows_between,
    grey,
    is_cut,
    reduced,
    steadied,
)

RADIUS = 2
"""How many frames before and after each one are looked at."""
WINDOW = 2 * RADIUS + 1
JUMP = 0.2
"""Stops by which the light may change from one frame to the next: beyond that nothing is carried."""

Links = tuple[Flow, Flow] | None


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame's ``result`` (height, width, channels), in file values, over its display window, and how it
    looks."""

    result: np.ndarray
    look: Look


@dataclass
class Steady:
    """Steadies the results of one job. ``see``: what gives a frame of the plate with its result; ``known``:
    the numbers of the plate's frames; ``encoding``: of the results; ``strength``: 0 to 1; ``ahead``: how many
    frames are worked on beside each other, which are held beside the five about one of them.

    What comes out for a frame depends on it and the two before and after it alone, never on which frames are
    made, or in which order.
    """

    see: Callable[[int], Seen]
    known: frozenset[int]
    encoding: Any
    strength: float = 1.0
    ahead: int = 0
    _all: Once[Seen] = field(init=False)
    _links: Once[Links] = field(init=False)

    def __post_init__(self) -> None:
        self._all = Once(WINDOW + self.ahead)
        self._links = Once(WINDOW - 1 + self.ahead)

    def seen(self, number: int) -> Seen:
        """The frame as it is. Raises what ``see`` does."""
        return self._all.get(number, lambda: self.see(number))

    def steadied(self, number: int) -> np.ndarray:
        """The frame's result as it is to be, (height, width, channels) in file values. What is no number
        stays none, and nothing is taken over a cut, a gap, a jump of the light, or from a frame that cannot
        be read. Raises what ``see`` does."""
        own = self.seen(number)
        others = [replace(each, weight=self.strength) for each in self.beside(number)]
        return averaged(own.result, own.look, others, self.encoding)

    def beside(self, number: int) -> Iterator[Beside]:
        """The frames about one, up to what parts them from it, and the motion to them."""
        for step in (-1, 1):
            flow: Flow | None = None
            for there in range(number + step, number + step * (RADIUS + 1), step):
                link = self._link(there - step, there)
                if link is None:
                    break
                flow = link if flow is None else chained(flow, link)
                yield Beside(self.seen(there).look, flow)

    def _link(self, here: int, there: int) -> Flow | None:
        """The motion from one frame to the next, or the one before it; None where there is none."""
        if there not in self.known:
            return None
        first, second = sorted((here, there))
        links = self._links.get(first, lambda: self._linked(first, second))
        return None if links is None else links[here > there]

    def _linked(self, first: int, second: int) -> Links:
        try:
            a, b = self.seen(first).look, self.seen(second).look
        except UnderstudyError:  # said by the frame itself, where it is one that is to be made
            return None
        return linked(a, b)


def averaged(result: np.ndarray, own: Look, others: Sequence[Beside], encoding: Any) -> np.ndarray:
    """A result (height, width, channels) in file values of ``encoding``, which looks like ``own``, in the
    mean with ``others`` as far as these count. What is no number stays none."""
    values, share = steadied(own, others)
    return np.where((share > 0) & np.isfinite(result), decode(values, encoding), result)


def linked(a: Look, b: Look) -> Links:
    """The motion from ``a`` to ``b`` and back; None where a cut, a jump of the light or another size
    parts them."""
    if a.values.shape != b.values.shape or is_cut(a.luma, b.luma):
        return None
    return None if abs(exposure_change(a.luma, b.luma)) > JUMP else flows_between(a.guide, b.guide)


def seen_with(header: Any, pixels: np.ndarray, under: np.ndarray, result: np.ndarray) -> Seen:
    """A frame as it is steadied: ``pixels`` of the plate, what lies ``under`` each channel of the ``result``,
    and that itself, all (height, width, channels) in file values, over the display window.

    The motion is looked for in the result, where that is what the plate is to look like, as it has less noise
    and blur; of what is no picture of the plate, such as a matte, in the plate.
    """
    values = encode(fill_nonfinite(result)[0], header.colour_out)
    luma = reduced(luma_of(header, pixels), LONGEST)
    if not set(header.output_channels) <= set(header.input_channels):
        return Seen(result, Look(values, luma, luma))
    plate = reduced(encode(fill_nonfinite(under)[0], header.colour_out), LONGEST)
    return Seen(result, Look(values, luma, reduced(grey(values), LONGEST), plate))
