"""Fairness between clients: each waits behind its own requests only, in the queue and for memory."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """First come, first served within a client; clients take turns. Not locked: its owner locks."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, deque[Item]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._clients.values()))

    def __iter__(self) -> Iterator[Item]:
        for items in self._clients.values():
            yield from items

    def push(self, client: str, item: Item) -> None:
        self._clients.setdefault(client, deque()).append(item)

    def first(self) -> Item:
        """Who is next. The queue must not be empty."""
        return next(iter(self._clients.values()))[0]

    def pop(self) -> Item:
        """Take out who is next; its client then goes behind the others."""
        client, items = next(iter(self._clients.items()))
        item = items.popleft()
        self._clients.move_to_end(client)
        if not items:
            del self._clients[client]
        return item

    def take(self, wanted: Callable[[Item], bool], limit: int) -> list[Item]:
        """Take out up to ``limit`` items that are ``wanted``, each client's first ones in turn."""
        taken: list[Item] = []
        for client in list(self._clients):
            items = self._clients[client]
            while items and len(taken) < limit and wanted(items[0]):
                taken.append(items.popleft())
            if not items:
                del self._clients[client]
        return taken

    def discard(self, unwanted: Callable[[Item], bool]) -> None:
        """Take out all items that are ``unwanted``."""
        for client, items in list(self._clients.items()):
            kept = deque(item for item in items if not unwanted(item))
            if kept:
                self._clients[client] = kept
            else:
                del self._clients[client]


class Reservation:
    """Memory that a request holds until ``release`` (which may be called twice)."""

    def __init__(self, gate: MemoryGate, size: int) -> None:
        self._gate = gate
        self.size = size
        self.granted: Future[None] = Future()

    def release(self) -> None:
        self._gate._release(self)


class MemoryGate:
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
        _tell(granted)
        return reservation

    def _release(self, reservation: Reservation) -> None:
        with self._lock:
            if reservation in self._held:
                self._held.discard(reservation)
                self.used -= reservation.size
            else:
                self._queue.discard(lambda each: each is reservation)
            granted = self._grant()
        _tell(granted)

    def _grant(self) -> list[Reservation]:
        granted = []
        while len(self._queue) and (not self.used or self.used + self._queue.first().size <= self.budget):
            reservation = self._queue.pop()
            self.used += reservation.size
            self._held.add(reservation)
            granted.append(reservation)
        return granted


def _tell(granted: list[Reservation]) -> None:
    for reservation in granted:
        with suppress(InvalidStateError):  # its client has just gone; whoever reserved releases
            reservation.granted.set_result(None)
