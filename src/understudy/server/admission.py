"""Admission control: all requests together hold a bounded amount of memory."""

from __future__ import annotations

import threading
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress

from understudy.server.scheduling import FairQueue


class Reservation:
    """Memory that a request holds until ``release`` (which may be called twice)."""

    def __init__(self, admission: AdmissionControl, size: int) -> None:
        self._admission = admission
        self.size = size
        self.granted: Future[None] = Future()

    def release(self) -> None:
        self._admission._release(self)


class AdmissionControl:
    """Bounds the memory of all requests together: who finds no room waits, before its bytes are read."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.used = 0
        self._held: set[Reservation] = set()
        self._queue: FairQueue[Reservation] = FairQueue()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many requests wait for memory."""
        return len(self._queue)

    def reserve(self, client: str, size: int) -> Reservation:
        """Ask for memory; ``granted`` is done when it is there. One request alone always gets in."""
        reservation = Reservation(self, size)
        with self._lock:
            self._queue.push(client, reservation)
            granted = self._grant()
        _notify(granted)
        return reservation

    def _release(self, reservation: Reservation) -> None:
        with self._lock:
            if reservation in self._held:
                self._held.discard(reservation)
                self.used -= reservation.size
            else:
                self._queue.discard(lambda each: each is reservation)
            granted = self._grant()
        _notify(granted)

    def _grant(self) -> list[Reservation]:
        granted = []
        while len(self._queue) and (not self.used or self.used + self._queue.first().size <= self.budget):
            reservation = self._queue.pop()
            self.used += reservation.size
            self._held.add(reservation)
            granted.append(reservation)
        return granted


def _notify(granted: list[Reservation]) -> None:
    for reservation in granted:
        with suppress(InvalidStateError):  # its client has just gone; whoever reserved releases
            reservation.granted.set_result(None)
