"""What networks carry from frame to frame, for clients that send the frames of a shot in order."""

from __future__ import annotations

import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from understudy.models.options import Option
from understudy.server.models.served import Call
from understudy.temporal import is_cut

Result = TypeVar("Result")
Beside = Mapping[str, Any]
"""What goes on from frame to frame, by name."""

MOST = 8
"""Sequences that are remembered for a network; the one that was asked for least lately goes first."""
MOST_BYTES = 1 << 30
"""Bytes of state that are remembered for a network."""
EXPIRES = 600.0
"""Seconds without a frame after which a sequence is forgotten."""
UNKNOWN = -1
NAME, FRAME = "sequence", "frame_number"
EVERY = 8
LONGEST = 256
"""Characters by which sequences are told apart."""
CARRYING = (
    Option(
        NAME,
        "string",
        "",
        description="Any name: frames of one name follow on each other, and what the network remembers of "
        "one goes into the next. Without a name it remembers nothing.",
    ),
    Option(
        FRAME,
        "int",
        UNKNOWN,
        description="The frame's number: where it is not the one after the last, the network begins anew. "
        "-1: not known, each frame follows on the one that came before it.",
    ),
)


@dataclass
class _Remembered:
    """One sequence. ``number``, ``mark``, ``luma``: of its last frame; ``before``, ``after``: what was
    carried on to it, and from it."""

    number: int = UNKNOWN
    mark: int = 0
    luma: np.ndarray | None = None
    before: Beside = field(default_factory=dict)
    after: Beside = field(default_factory=dict)
    used: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def nbytes(self) -> int:
        each = (*self.before.values(), *self.after.values())
        return sum(int(getattr(value, "nbytes", 0)) for value in each)

    def carried_to(self, number: int, mark: int, luma: np.ndarray) -> Beside:
        """What goes into a frame: for the last one, asked for again, what went into it; nothing where it does
        not follow on it."""
        if self.luma is None:
            return {}
        again = number == self.number if number != UNKNOWN else mark == self.mark
        if again:
            return self.before
        follows = UNKNOWN in (number, self.number) or number == self.number + 1
        return self.after if follows and not is_cut(self.luma, luma) else {}


class Carried:
    """What a network is to be given back, by client and sequence. Safe for threads; frames of one sequence
    wait for each other."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], _Remembered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def follow(self, call: Call, luma: np.ndarray, step: Callable[[Beside], tuple[Result, Beside]]) -> Result:
        """What ``step`` gives for a call's frame with what its sequence carries on to it; it gives, too, what
        is carried on from it. ``luma``: the plate's, display-referred, 0 to 1."""
        name, number = str(call.options.get(NAME, ""))[:LONGEST], int(call.options.get(FRAME, UNKNOWN))
        if not name:
            return step({})[0]
        own = self._of((call.client, name), forget=call.begins)
        with own.lock:
            mark = _mark(call.pictures)
            before = own.carried_to(number, mark, luma)
            made, after = step(before)
            own.number, own.mark, own.luma = number, mark, luma
            own.before, own.after, own.used = before, after, self._clock()
        self.forget((call.client, name) if call.ends else None)
        return made

    def forget(self, ended: tuple[str, str] | None = None) -> None:
        """Let go of a sequence that has ended, of those that nobody has asked for lately, and of the oldest
        beyond what is remembered."""
        with self._lock:
            if ended is not None:
                self._known.pop(ended, None)
            since = self._clock() - EXPIRES
            for key in [key for key, each in self._known.items() if each.used < since]:
                del self._known[key]
            while len(self._known) > MOST or (len(self._known) > 1 and self._nbytes > MOST_BYTES):
                self._known.popitem(last=False)

    @property
    def _nbytes(self) -> int:
        return sum(each.nbytes for each in self._known.values())

    def _of(self, key: tuple[str, str], forget: bool) -> _Remembered:
        with self._lock:
            own = _Remembered() if forget else self._known.get(key) or _Remembered()
            own.used = self._clock()
            self._known[key] = own
            self._known.move_to_end(key)
            return own


def _mark(pictures: Sequence[np.ndarray]) -> int:
    """What tells a frame that is asked for again from another one."""
    mark = 0
    for planes in pictures:
        mark = zlib.crc32(np.ascontiguousarray(planes[..., ::EVERY, ::EVERY]).tobytes(), mark)
    return mark


def state_text(names: Sequence[str]) -> dict[str, Any]:
    """What a client is told of a network's state."""
    return {
        "state": list(names),
        "sequence": f'give the parameter "{NAME}", any name, with frames that follow on each other, and '
        f'"{FRAME}"; without it each frame is taken for the first one',
    }
