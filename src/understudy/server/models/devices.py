"""The devices that networks run on: one queue, and each device takes the next request when it is free."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

EXECUTOR = "networks"


class DevicePool:
    """Lends one device at a time to each worker of the queue ``networks``."""

    def __init__(self, devices: str) -> None:
        self._requested = devices
        self._free: queue.Queue[Any] = queue.Queue()
        self._lock = threading.Lock()
        self._all: list[Any] = []

    def all(self) -> list[Any]:
        """The torch devices that were asked for. Raises ``DeviceError`` when they are not there."""
        with self._lock:
            if not self._all:
                from understudy.device import resolve_devices

                self._all = list(resolve_devices(self._requested))
                for device in self._all:
                    self._free.put(device)
        return self._all

    @contextmanager
    def one(self) -> Iterator[Any]:
        """A device that nobody else uses meanwhile."""
        self.all()
        device = self._free.get()
        try:
            yield device
        finally:
            self._free.put(device)


_POOLS: dict[str, DevicePool] = {}
_LOCK = threading.Lock()


def pool_for(devices: str) -> DevicePool:
    """The one pool of this process for a choice of devices."""
    with _LOCK:
        return _POOLS.setdefault(devices, DevicePool(devices))


def cores() -> int:
    """The processor cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
