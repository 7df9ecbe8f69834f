"""Admission control: all requests together hold a bounded amount of memory, and a few at a time have their
turn.

A request that is read, computed or sent beside a hundred others takes a hundred times as long, and whichever
door moves its bytes more cheaply takes the machine from the other. So requests of all doors wait in one fair
queue, unread, and a few at a time have their turn. A turn ends by itself when the
client is slower than a workstation's network, so that slow clients and slow models keep nobody out."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress

from understudy.server.deadlines import TransferDeadline
from understudy.server.scheduling import FairQueue

TURNS_PER_CORE = 4
TURN = 1.0  # seconds that a turn lasts in any case
TURN_RATE = 25e6  # bytes per second that a transfer must reach to keep its turn for longer
TURN_AT_WORK = 0.25  # seconds that a request which waits for a model keeps its turn
PASSED_BY = 5.0  # seconds that smaller ones go before a request for which there is no memory


class Reservation:
    """Memory that a request holds until ``release`` (which may be called twice), and its turn.

    ``granted`` is done when there is memory for the request and it is its turn to be read, ``sendable`` when
    it is its turn to be sent. ``transfer``: what is read or sent just now, which keeps the turn while it is
    fast enough.
    """

    def __init__(self, admission: AdmissionControl, client: str, size: int) -> None:
        self._admission = admission
        self.client = client
        self.size = size
        self.passed_since: float | None = None
        self.granted: Future[None] = Future()
        self.sendable: Future[None] = Future()
        self.transfer: TransferDeadline | None = None
        self.ends = 0.0

    def at_work(self) -> None:
        """All of the request is there. The turn goes on for as long as quick work takes."""
        self._admission._at_work(self)

    def to_send(self) -> Future[None]:
        """Done when it is this request's turn to be sent, before any that is yet to be read."""
        self._admission._queue_to_send(self)
        return self.sendable

    def release(self) -> None:
        self._admission._release(self)

    def turn_ends(self) -> float:
        """When the turn ends by itself, as far as the transfer has come."""
        moved = self.transfer.transferred if self.transfer is not None else 0
        return self.ends + moved / TURN_RATE


class AdmissionControl:
    """Bounds the memory of all requests together to ``budget`` bytes, and to ``turns`` those that are read,
    computed or sent at a time: who finds no room waits, before its bytes are read."""

    def __init__(
        self, budget: int, turns: int = sys.maxsize, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.budget = budget
        self.turns = turns
        self.used = 0
        self._clock = clock
        self._held: set[Reservation] = set()
        self._queue: FairQueue[Reservation] = FairQueue()
        self._to_send: deque[Reservation] = deque()
        self._turns: dict[Reservation, None] = {}  # in the order in which they began
        self._lock = threading.Condition()
        self._watcher: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How many requests wait to be read."""
        return len(self._queue)

    @property
    def is_short_of_memory(self) -> bool:
        """Whether the next request waits for the memory of others."""
        with self._lock:
            return bool(len(self._queue)) and not self._fits(self._queue.first())

    def reserve(self, client: str, size: int) -> Reservation:
        """Ask for memory and a turn; ``granted`` is done when both are there. One request alone always gets
        in."""
        reservation = Reservation(self, client, size)
        with self._lock:
            self._queue.push(client, reservation)
            granted = self._grant()
        _notify(granted)
        return reservation

    def end_late_turns(self) -> None:
        """End the turns that have lasted their time, and let others have theirs."""
        with self._lock:
            now = self._clock()
            for reservation in [each for each in self._turns if each.turn_ends() <= now]:
                del self._turns[reservation]
            granted = self._grant()
        _notify(granted)

    def _at_work(self, reservation: Reservation) -> None:
        with self._lock:
            reservation.ends, reservation.transfer = self._clock() + TURN_AT_WORK, None
            self._lock.notify()

    def _queue_to_send(self, reservation: Reservation) -> None:
        with self._lock:
            if reservation in self._turns:  # it has not ended since it was read
                self._begin_turn(reservation)
                granted = [reservation.sendable]
            else:
                self._to_send.append(reservation)
                granted = self._grant()
        _notify(granted)

    def _release(self, reservation: Reservation) -> None:
        with self._lock:
            if reservation in self._held:
                self._held.discard(reservation)
                self.used -= reservation.size
            else:
                self._queue.discard(lambda each: each is reservation)
            self._turns.pop(reservation, None)
            with suppress(ValueError):
                self._to_send.remove(reservation)
            granted = self._grant()
        _notify(granted)

    def _grant(self) -> list[Future[None]]:
        """Give the turns that are free: those first that only need to be sent, which frees memory."""
        granted = []
        while self._to_send and len(self._turns) < self.turns:
            reservation = self._to_send.popleft()
            self._begin_turn(reservation)
            granted.append(reservation.sendable)
        while len(self._turns) < self.turns and (following := self._next()) is not None:
            self.used += following.size
            self._held.add(following)
            self._begin_turn(following)
            granted.append(following.granted)
        if len(self._queue) or self._to_send:
            self._watch()
        return granted

    def _next(self) -> Reservation | None:
        """Take out who may be read next. Smaller ones pass one that is too large for now, not for long."""
        if not len(self._queue):
            return None
        first = self._queue.first()
        if not self._fits(first):
            now = self._clock()
            first.passed_since = now if first.passed_since is None else first.passed_since
            if now - first.passed_since > PASSED_BY:
                return None
        next_of_few = self._queue.pop_first(lambda each: self._fits(each) and not self._has_many(each.client))
        return next_of_few or self._queue.pop_first(self._fits)

    def _has_many(self, client: str) -> bool:
        """Whether one client has half of all turns, so that another goes before it."""
        return 2 * sum(each.client == client for each in self._turns) >= self.turns

    def _fits(self, reservation: Reservation) -> bool:
        return not self.used or self.used + reservation.size <= self.budget

    def _begin_turn(self, reservation: Reservation) -> None:
        self._turns[reservation] = None
        reservation.ends, reservation.transfer = self._clock() + TURN, None

    def _watch(self) -> None:
        """See to it that turns end while somebody waits for one."""
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._end_turns, name="turns", daemon=True)
            self._watcher.start()
        self._lock.notify()

    def _end_turns(self) -> None:
        while True:
            with self._lock:
                awaited = bool(len(self._queue) or self._to_send) and bool(self._turns)
                left = min(each.turn_ends() for each in self._turns) - self._clock() if awaited else None
                if left is None or left > 0:
                    self._lock.wait(left)
            self.end_late_turns()


def _notify(granted: list[Future[None]]) -> None:
    for future in granted:
        with suppress(InvalidStateError):  # its client has just gone; whoever reserved releases
            future.set_result(None)
