"""What was worked out last, as much of it as fits into a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future

import numpy as np

Arrays = Mapping[str, np.ndarray]


class KeptArrays:
    """Arrays by key, those asked for last, of no more than ``most`` bytes together. What several threads ask
    for at once is worked out by the first of them; what raises is tried again."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Arrays] = OrderedDict()
        self._under_way: dict[Hashable, Future[Arrays]] = {}

    def get(self, key: Hashable, make: Callable[[], Arrays]) -> Arrays:
        """The arrays of ``key``; raises what ``make`` does."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            waiting = self._under_way.get(key)
            mine: Future[Arrays] = Future()
            if waiting is None:
                self._under_way[key] = mine
        if waiting is not None:
            return waiting.result()
        try:
            made = make()
        except BaseException as error:
            self._end(key, None)
            mine.set_exception(error)
            raise
        self._end(key, made)
        mine.set_result(made)
        return made

    def _end(self, key: Hashable, made: Arrays | None) -> None:
        with self._lock:
            del self._under_way[key]
            if made is None or _size(made) > self.most:
                return
            self._kept[key] = made
            self.bytes += _size(made)
            while self.bytes > self.most:
                self.bytes -= _size(self._kept.popitem(last=False)[1])

    def __len__(self) -> int:
        return len(self._kept)


def _size(arrays: Arrays) -> int:
    return sum(each.nbytes for each in arrays.values())
