"""Pairs that do not fit into memory: each made by a worker thread shortly before it is learned from.

What the next steps draw is known beforehand, so that it is made while the step before is under way. How crops
come out does not depend on it: a pair that is not ready yet is waited for.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, TimeoutError
from dataclasses import dataclass

from understudy.dataset.later_look import LaterLook
from understudy.dataset.left_out import LeftOut
from understudy.dataset.packing import Packed
from understudy.dataset.pair_cache import FULL, PairCache
from understudy.errors import UnderstudyError

ROOM = 256_000_000
"""Bytes of pairs, about, that are held ready."""
MOST_AHEAD = 64
SLOW_SECONDS = 20.0
"""Waiting so long for one pair is said."""
WATCHED = 40
"""Steps after which it is judged what the steps wait for."""
NOTICED = 0.1
"""The share of the time that steps may wait."""


@dataclass(frozen=True)
class Spent:
    """Seconds that went into a pair: ``disk`` until its files were read, ``making`` until it was ready."""

    disk: float
    making: float


Make = Callable[[int], tuple[Packed, Spent]]
"""Makes the pair of an index, laid down. UnderstudyError where it cannot be read."""


class Feed:
    """Makes pairs with ``threads`` threads, some of them ahead. ``names`` tells what a pair is called. All
    but ``make`` happens in the thread that trains."""

    def __init__(self, make: Make, names: Callable[[int], str], left_out: LeftOut, threads: int) -> None:
        self.make, self._names, self.left_out, self.threads = make, names, left_out, threads
        self.tell: Callable[[str], None] | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._coming: OrderedDict[int, Future[tuple[Packed, Spent]]] = OrderedDict()
        self._planned: dict[int, list[int]] = {}
        self._largest = 0
        self._lock, self._spent = threading.Lock(), [0.0, 0.0, 0]
        self._waited, self._steps, self._since, self._limit = 0.0, 0, time.monotonic(), ""
        self._said: list[str] = []
        self._held: dict[int, Packed] = {}
        self.cache: PairCache | None = None
        self.later: LaterLook | None = None
        self._cached = ""

    @property
    def count(self) -> int:
        return self.left_out.count

    def attach(self, tell: Callable[[str], None]) -> None:
        """The training begins: ``tell`` is told at once what takes long, and what cannot be read ends it."""
        self.tell, self.left_out.is_training = tell, True

    # -- making --------------------------------------------------------------------------------------------

    def of(self, index: int) -> Packed:
        """The pair of an index, or the one that stands in for it; waits until it is ready. TrainingError
        where more cannot be read than may be left out."""
        while True:
            taken = self.left_out.stand_in(index)
            if taken in self._held:
                return self._held[taken]
            try:
                packed = self._wait(taken)
            except UnderstudyError as error:
                self._coming.pop(taken, None)
                self.left_out.add(taken, self._names(taken), error)
                continue
            self._largest = max(self._largest, packed.nbytes)
            return packed

    def hold_all(self) -> None:
        """Make all pairs now, and keep them in memory. TrainingError as ``of``."""
        for start in range(0, self.count, MOST_AHEAD):
            block = [each for each in range(start, min(start + MOST_AHEAD, self.count))]
            for index in block:
                self._begin(self.left_out.stand_in(index))
            for index in block:
                packed = self.of(index)
                self._held[self.left_out.stand_in(index)] = packed
            self._coming.clear()
        self.close()

    def expect(self, step: int, drawn: Callable[[int], Sequence[int]], last: int) -> None:
        """Have the pairs made that ``step`` draws, and those of the steps after it up to the ``last``, as far
        as there is room for them. What no step wants any more is let go."""
        if self._held:
            return
        self._judge()
        self._planned = {each: pairs for each, pairs in self._planned.items() if each >= step}
        if step not in self._planned:
            self._planned = {}
        ahead, wanted = step, dict[int, None]()
        last = min(last, step + MOST_AHEAD)  # of a few pairs no step would be one too many
        while ahead <= last and (ahead <= step + 1 or len(wanted) < self._most_ahead):
            if ahead not in self._planned:
                self._planned[ahead] = [self.left_out.stand_in(pair) for pair in drawn(ahead)]
            wanted |= dict.fromkeys(self._planned[ahead])
            ahead += 1
        for pair in [pair for pair in self._coming if pair not in wanted]:
            self._coming.pop(pair).cancel()
        for pair in wanted:
            self._begin(pair)

    @property
    def _most_ahead(self) -> int:
        """How many pairs are held ready."""
        if not self._largest:
            return 2 * self.threads
        return max(2, min(MOST_AHEAD, ROOM // self._largest))

    def _begin(self, pair: int) -> Future[tuple[Packed, Spent]]:
        future = self._coming.get(pair)
        if future is None:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.threads, "pairs")
            future = self._coming[pair] = self._pool.submit(self._made, pair)
        return future

    def _made(self, pair: int) -> tuple[Packed, Spent]:
        packed, spent = self.make(pair)
        with self._lock:
            self._spent[0] += spent.disk
            self._spent[1] += spent.making
            self._spent[2] += 1
        return packed, spent

    def _wait(self, pair: int) -> Packed:
        future = self._begin(pair)
        if future.done():
            return future.result()[0]
        began = time.monotonic()
        while True:
            try:
                return future.result(SLOW_SECONDS)[0]
            except CancelledError:
                self._coming.pop(pair, None)
                future = self._begin(pair)
            except TimeoutError:
                if future.done():
                    raise
                self._say(f"Waiting for {self._names(pair)}, for {time.monotonic() - began:.0f} seconds now.")
            finally:
                self._waited += time.monotonic() - began if future.done() else 0.0

    def close(self) -> None:
        """Make nothing ahead any more; what is asked for afterwards is made again."""
        pool, self._pool = self._pool, None
        if self.later is not None:
            self.later.end()
        self._coming.clear()
        self._planned = {}
        if pool is not None:
            pool.shutdown(cancel_futures=True)

    # -- what it says --------------------------------------------------------------------------------------

    def news(self) -> list[str]:
        """Sentences since this was last asked: on what was left out, on what the steps wait for, and on the
        cache. TrainingError where a look at headers has found more that cannot be read than may be left
        out."""
        said, self._said = self._said, []
        said += self.later.take(self.left_out) if self.later is not None else []
        state = self.cache.state if self.cache is not None else ""
        if state and state != self._cached:
            self._cached = state
            said.append(_say_cache(state))
        return [*self.left_out.news(), *said]

    @property
    def limit(self) -> str:
        """What the steps wait for: ``disk``, ``decoders``, or nothing."""
        return self._limit

    def _say(self, text: str) -> None:
        if self.tell is None:
            self._said.append(text)
        else:
            self.tell(text)

    def _judge(self) -> None:
        """Every so many steps: whether these wait, and, once, for what."""
        self._steps += 1
        if self._steps < WATCHED:
            return
        now = time.monotonic()
        waited, took = self._waited, max(now - self._since, 1e-9)
        with self._lock:
            (disk, making, made), self._spent = self._spent, [0.0, 0.0, 0]
        self._waited, self._steps, self._since = 0.0, 0, now
        if waited < NOTICED * took or self._limit or not made:
            return
        self._limit = "disk" if disk > making else "decoders"
        each = 1000 * (disk + making) / made
        share = f"{disk / max(disk + making, 1e-9):.0%}"
        asked = made / max(took - waited, 1e-3)
        remedy = (
            "a faster disk, or a copy on a local one, helps."
            if self._limit == "disk"
            else "more cores help, and more --data-threads where there are any left; so do smaller pictures."
        )
        self._say(
            f"Steps wait {waited / took:.0%} of the time for pairs: they could take {asked:.0f} a second and "
            f"get {made / took:.0f}. The limit is the {'disk' if self._limit == 'disk' else 'decoding'}: "
            f"{each:.1f} ms for a pair in each of {self.threads} threads, {share} of it for reading files; "
            f"{remedy}"
        )


def _say_cache(state: str) -> str:
    if state == FULL:
        return (
            "The cache of decoded pairs is full: what is in it is used, and the others are decoded every "
            "time (--data-cache gives it more room)."
        )
    return f"No more pairs are kept decoded: {state}. Training goes on; each is decoded every time."


class PairStream:
    """The pairs of a feed at one scale, with the attributes that pairs packed in memory have."""

    def __init__(
        self,
        feed: Feed,
        parts: tuple[int, ...],
        factor: int = 1,
        side: int = 0,
        path: Iterable[str] = (),
    ) -> None:
        self.feed, self.parts, self.factor, self.side = feed, parts, factor, side
        self._path = tuple(path)

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return self.feed.count

    @property
    def coarse(self) -> PairStream | None:
        """The same pairs ``factor`` times smaller, where a coarse view learns too."""
        if self.factor == 1:
            return None
        return PairStream(self.feed, self.parts, path=(*self._path, "coarse"))

    @property
    def whole(self) -> PairStream | None:
        """The same pairs as pictures of ``side`` x ``side`` pixels, where whole ones are learned from."""
        return PairStream(self.feed, self.parts, path=(*self._path, "whole")) if self.side else None

    def of(self, pair: int) -> Packed:
        """A pair, at this scale. As ``Feed.of``."""
        packed = self.feed.of(pair)
        for name in self._path:
            packed = getattr(packed, name)
        return packed
