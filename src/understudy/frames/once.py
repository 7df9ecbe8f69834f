"""What several threads ask for is worked out by the first of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Once(Generic[Value]):
    """The last ``held`` values that were asked for, each worked out once for all threads. What raises is
    tried again when it is asked for again."""

    def __init__(self, held: int) -> None:
        self._held = held
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, Future[Value]] = OrderedDict()

    def hold(self, count: int) -> None:
        """Hold so many from now on."""
        self._held = count

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of ``key``; raises what ``make`` does."""
        with self._lock:
            future = self._values.get(key)
            if future is None:
                mine = self._values[key] = Future()
                while len(self._values) > self._held:
                    self._values.popitem(last=False)
            else:
                self._values.move_to_end(key)
        if future is not None:
            return future.result()
        try:
            mine.set_result(make())
        except BaseException as error:
            with self._lock:
                if self._values.get(key) is mine:
                    del self._values[key]
            mine.set_exception(error)
        return mine.result()

    def __len__(self) -> int:
        return len(self._values)
