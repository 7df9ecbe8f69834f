"""Which frame goes to which worker: a pure machine, told what happens."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Sequence

TRIES = 2
"""So often a frame may take the worker down that makes it, the last time alone."""


class Deal:
    """Deals frames in their order, so that those at the front are on disk soonest.

    ``run``: how many that follow each other one worker has, where frames share what they are made from with
    those beside them. A frame that a worker was lost with is dealt again, alone on a worker, since any of
    those that were under way may have done it; one that takes a worker down by itself once more has failed.
    ``ahead``: how many frames behind the first one that is not done may be dealt, where those that come early
    are kept in memory; None for any.
    """

    ahead: int | None = None

    def __init__(self, numbers: Sequence[int], run: int = 1) -> None:
        self._order = tuple(numbers)
        self._place = {number: place for place, number in enumerate(numbers)}
        self._over: set[int] = set()
        self._first = 0
        self._runs = deque(tuple(numbers[at : at + run]) for at in range(0, len(numbers), max(1, run)))
        self._own: dict[Hashable, deque[int]] = {}
        self._suspects: deque[int] = deque()
        self._under_way: dict[Hashable, list[int]] = {}
        self._lost: Counter[int] = Counter()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to deal, or under way."""
        return not (self._left or self.under_way)

    @property
    def under_way(self) -> int:
        """How many frames workers have."""
        return sum(map(len, self._under_way.values()))

    @property
    def _left(self) -> bool:
        return bool(self._runs or self._suspects or any(self._own.values()))

    def give(self, worker: Hashable) -> int | None:
        """The next frame for a worker; None where it is to have none now."""
        has = self._under_way.setdefault(worker, [])
        if any(number in self._lost for number in has):
            return None
        if self._suspects and not has:
            has.append(self._suspects.popleft())
            return has[-1]
        number = self._next(worker)
        if number is not None:
            has.append(number)
        return number

    def _next(self, worker: Hashable) -> int | None:
        own = self._own.setdefault(worker, deque())
        if not own and self._runs and self._may_be(self._runs[0][0]):
            own.extend(self._runs.popleft())
        if not own:
            own.extend(self._half_of_another())
        return own.popleft() if own and self._may_be(own[0]) else None

    def _may_be(self, number: int) -> bool:
        return self.ahead is None or self._place[number] < self._first + max(1, self.ahead)

    def _half_of_another(self) -> list[int]:
        """At the end, the later half of the longest run that another worker still has before it."""
        longest = max(self._own.values(), key=len, default=deque[int]())
        count = len(longest) // 2
        return [longest.pop() for _ in range(count)][::-1]

    def done(self, worker: Hashable, number: int) -> None:
        """A worker is through with a frame."""
        self._under_way[worker].remove(number)
        self._is_over_with(number)

    def _is_over_with(self, number: int) -> None:
        self._over.add(number)
        while self._first < len(self._order) and self._order[self._first] in self._over:
            self._over.remove(self._order[self._first])
            self._first += 1

    def lost(self, worker: Hashable) -> tuple[int, ...]:
        """A worker is gone. The frames that have failed by it; all others of its will be dealt again."""
        has = self._under_way.pop(worker, [])
        rest = tuple(self._own.pop(worker, ()))
        if rest:
            self._runs = deque(sorted((rest, *self._runs), key=lambda run: self._place[run[0]]))
        self._lost.update(has)
        failed = tuple(number for number in has if self._lost[number] >= TRIES and len(has) == 1)
        self._suspects.extend(number for number in has if number not in failed)
        for number in failed:
            self._is_over_with(number)
        return failed
