"""What goes into a network with each frame of a job: its prompts, or what was made of the frame before."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from understudy.errors import UnderstudyError
from understudy.frames import Window
from understudy.inference.prompt_plan import PromptPlan
from understudy.models.call import NetworkCall
from understudy.models.prompted import MASK
from understudy.models.prompts import read_prompts
from understudy.temporal import is_cut

HELD = 64
"""Masks that are kept: small ones, as the network makes them."""

Mask = tuple[np.ndarray, np.ndarray]
"""What the network made of a frame for the next one, and the frame's luma."""


@dataclass(frozen=True)
class Looked:
    """A frame of the plate: its ``luma``, and ``run``, which runs the network on it with a call."""

    luma: np.ndarray
    run: Callable[[NetworkCall], object]


class Prompter:
    """The calls of one job. ``numbers``: the plate's frames; ``look``: what reads one of them; ``say``:
    called with a sentence where a chain of masks begins anew.

    What comes out for a frame depends on the frames from the nearest prompts to it alone, never on which are
    made, or in which order: those between are run again where they have to be.
    """

    def __init__(
        self,
        plan: PromptPlan,
        numbers: Sequence[int],
        look: Callable[[int], Looked],
        say: Callable[[str], None],
    ) -> None:
        self.plan, self._look, self._say = plan, look, say
        self._numbers = sorted(numbers)
        self._step = min((b - a for a, b in zip(self._numbers, self._numbers[1:], strict=False)), default=1)
        self._lock = threading.RLock()
        self._made: OrderedDict[int, Mask | None] = OrderedDict()

    def call(self, number: int, luma: Callable[[], np.ndarray]) -> NetworkCall:
        """What goes in with a frame, whose luma is asked for where it may follow on another."""
        own = self.plan.at(number)
        if own is not None or not self.plan.carries:
            return NetworkCall(options=self.plan.nearest(number).options)
        with self._lock:
            last = self._masks_up_to(self._before(number))
            return self._following(number, last, luma)

    def _following(self, number: int, last: Mask | None, luma: Callable[[], np.ndarray]) -> NetworkCall:
        """A frame's call after the one before it, or, where something parts them, as of the nearest
        prompts."""
        before = self._before(number)
        if last is not None and abs(number - before) == self._step and not is_cut(last[1], luma()):
            return NetworkCall(carried={MASK: last[0]})
        self._say(
            f"Frame {number} does not follow on {before} (a cut, a gap, or a frame that cannot be read): it "
            f"takes the prompts of frame {self.plan.anchor(number)}."
        )
        return NetworkCall(options=self.plan.nearest(number).options)

    def _before(self, number: int) -> int:
        """The frame next to this one, towards the nearest prompts."""
        at = self._numbers.index(number)
        return self._numbers[at - 1 if number > self.plan.anchor(number) else at + 1]

    def _masks_up_to(self, number: int) -> Mask | None:
        """The mask of a frame, and its luma; those of the frames before it are made first."""
        waiting = [number]
        while waiting[-1] not in self._made and self.plan.at(waiting[-1]) is None:
            waiting.append(self._before(waiting[-1]))
        for each in reversed(waiting):
            if each not in self._made:
                self._made[each] = self._make(each)
            self._made.move_to_end(each)
            while len(self._made) > HELD:
                self._made.popitem(last=False)
        return self._made[number]

    def _make(self, number: int) -> Mask | None:
        """What is carried on from a frame; None where it cannot be made."""
        call = NetworkCall(options=self.plan.nearest(number).options)
        try:
            looked = self._look(number)
            if self.plan.at(number) is None:
                call = self._following(number, self._made[self._before(number)], lambda: looked.luma)
            looked.run(call)
        except UnderstudyError:  # said by the frame itself, where it is one that is to be made
            return None
        return call.found[MASK], looked.luma


def placed(call: NetworkCall, display: Window) -> NetworkCall:
    """The call for pixels in which the display window, that prompts are counted in, lies at ``display``."""
    if not call.options:
        return call
    prompts = read_prompts(call.options["points"], call.options["box"])
    return replace(call, options=prompts.moved(display.x, display.y).options)
