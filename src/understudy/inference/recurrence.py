"""Results of a network whose state goes from frame to frame: one frame after another, whoever asks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from understudy.colour import LINEAR, encode
from understudy.device import is_out_of_memory
from understudy.errors import ApplyError, DeviceError, UnderstudyError
from understudy.frames import fill_nonfinite
from understudy.inference.state_plan import StatePlan
from understudy.models.call import NetworkCall
from understudy.models.state import STATE, State
from understudy.temporal import grey, is_cut


@dataclass(frozen=True)
class Step:
    """A frame of the plate: its ``luma``, and ``run``, which gives the network's result for it with a
    call."""

    luma: np.ndarray
    run: Callable[[NetworkCall], np.ndarray]


class Recurrence:
    """The results of one job. ``step``: what reads a frame; ``wanted``: the frames that are asked for;
    ``held``: how many results are kept for those who come late; ``say``: called with a sentence where the
    state begins anew.

    What comes out for a frame depends on the frames from where the plan begins to it alone: those that are
    not asked for are gone through as well, so that the same frames come out whichever are there already.
    """

    def __init__(
        self,
        plan: StatePlan,
        step: Callable[[int], Step],
        wanted: frozenset[int],
        held: int,
        say: Callable[[str], None],
    ) -> None:
        self._plan, self._step, self._wanted, self._most, self._say = plan, step, wanted, held, say
        self._lock = threading.Lock()
        self._made: OrderedDict[int, np.ndarray | UnderstudyError] = OrderedDict()
        self._given: dict[int, Step] = {}
        self._lost: dict[int, int] = {}
        self._at: int | None = None
        self._before: tuple[State, np.ndarray] | None = None
        self._said: set[int] = set()

    def result(self, number: int, step: Step | None = None) -> np.ndarray:
        """The network's result for a frame of the plan, given once. ``step``: the frame, where the caller has
        read it already. Raises what reading and running it do, and ApplyError where memory ran out for a
        frame that it follows on."""
        if step is not None:  # for whoever comes by it first
            self._given[number] = step
        try:
            with self._lock:
                if number not in self._made:
                    self._go_to(number)
                made = self._made.pop(number)
        finally:
            self._given.pop(number, None)
        if isinstance(made, UnderstudyError):
            raise made
        return made

    def _go_to(self, number: int) -> None:
        begin = self._plan.begin(number)
        if begin in self._lost and self._lost[begin] < number:
            raise _lost(number, self._lost[begin])
        goes_on = self._at is not None and self._plan.begin(self._at) == begin and self._at < number
        first = self._at if goes_on and self._at is not None else begin
        for each in self._plan.from_begin(first, number)[int(goes_on) :]:
            try:
                self._advance(each, each == begin)
            except BaseException as error:
                if is_out_of_memory(error) or isinstance(error, DeviceError):
                    self._lost[begin] = each
                    if each != number:
                        raise _lost(number, each) from error
                raise
            if each in self._wanted or each == number:
                continue
            self._made.pop(each, None)

    def _advance(self, number: int, anew: bool) -> None:
        """One frame on. After one that cannot be read, or on which the network does not run, the state begins
        anew."""
        before = None if anew else self._before
        try:
            self._made[number] = self._follow(number, before)
        except DeviceError:
            raise
        except UnderstudyError as error:
            self._made[number], self._before = error, None
        self._at = number
        while len(self._made) > self._most:
            self._made.popitem(last=False)

    def _follow(self, number: int, before: tuple[State, np.ndarray] | None) -> np.ndarray:
        step = self._given.pop(number, None) or self._step(number)
        if before is not None and is_cut(before[1], step.luma):
            before = None
            if number not in self._said:
                self._said.add(number)
                self._say(f"Another shot begins at frame {number}: so does the network's state.")
        call = NetworkCall(carried={STATE: before[0]} if before else {})
        made = step.run(call)
        self._before = call.found[STATE], step.luma
        return made


def plate_luma(space: str, pixels: np.ndarray) -> np.ndarray:
    """The luma (height, width) that tells shots apart, of file values (height, width, channels) in a colour
    space."""
    values = fill_nonfinite(pixels)[0]
    return grey(np.asarray(encode(values, LINEAR) if space == "linear" else values))


def _lost(number: int, lost: int) -> ApplyError:
    return ApplyError(
        f"Frame {number} follows on frame {lost}, for which there was not enough memory.",
        expected="the network's state after the frame before",
        found="none",
        remedy="Apply it again with more memory, or with fewer programs open.",
    )
