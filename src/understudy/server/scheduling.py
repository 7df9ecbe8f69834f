"""Fair queueing: a client waits behind its own requests only; clients take turns."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
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
        return self._pop(next(iter(self._clients)))

    def pop_first(self, wanted: Callable[[Item], bool]) -> Item | None:
        """Take out the first one that is ``wanted`` and first of its client, as ``pop`` does; None for
        none."""
        client = next((client for client, items in self._clients.items() if wanted(items[0])), None)
        return None if client is None else self._pop(client)

    def _pop(self, client: str) -> Item:
        items = self._clients[client]
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
