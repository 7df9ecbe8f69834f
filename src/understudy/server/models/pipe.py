"""Messages between the server and the process of a Python model: JSON, then raw blocks; nothing is
unpickled.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

MAX_HEAD = 1 << 20
MAX_BLOCKS = 64
WORD = struct.Struct(">I")


class PipeError(Exception):
    """The other side is gone, or does not keep to the form."""


class PipeTimeout(PipeError):
    """The other side took too long."""


class Pipe:
    """One end. ``deadline`` is a value of ``time.monotonic()``; None waits for ever."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(
        self, head: dict[str, Any], blocks: Sequence[memoryview] = (), deadline: float | None = None
    ) -> None:
        """Send one message. ``PipeError`` when the other side is gone, ``PipeTimeout`` when it does not
        read.
        """
        raw = json.dumps({**head, "sizes": [len(block) for block in blocks]}).encode()
        for part in (memoryview(WORD.pack(len(raw)) + raw), *blocks):
            self._send(part, deadline)

    def receive(self, limit: int, deadline: float | None = None) -> tuple[dict[str, Any], list[np.ndarray]]:
        """The next message; all blocks together are at most ``limit`` bytes."""
        (size,) = WORD.unpack(self._read(WORD.size, deadline).data)
        if size > MAX_HEAD:
            raise PipeError("a head that is too long")
        try:
            head = json.loads(bytes(self._read(size, deadline)))
            sizes = [int(each) for each in head.get("sizes", [])]
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise PipeError("a head that is not one") from None
        if len(sizes) > MAX_BLOCKS or any(each < 0 for each in sizes) or sum(sizes) > limit:
            raise PipeError("more than is allowed")
        return head, [self._read(each, deadline) for each in sizes]

    def close(self) -> None:
        self._connection.close()

    def _send(self, view: memoryview, deadline: float | None) -> None:
        while view:
            view = view[self._timed(self._connection.send, view, deadline) :]

    def _read(self, size: int, deadline: float | None) -> np.ndarray:
        block = np.empty(size, np.uint8)
        view = block.data
        while view:
            count = self._timed(self._connection.recv_into, view, deadline)
            if not count:
                raise PipeError("the other side is gone")
            view = view[count:]
        return block

    def _timed(self, act: Any, view: memoryview, deadline: float | None) -> int:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise PipeTimeout
        try:
            self._connection.settimeout(left)
            return act(view)
        except TimeoutError:
            raise PipeTimeout from None
        except OSError as error:
            raise PipeError("the other side is gone") from error


def packed(planes: np.ndarray) -> tuple[dict[str, Any], memoryview]:
    """Planes (channels, height, width) as a description and a block; rows go as they lie in memory."""
    flipped = planes.ndim == 3 and planes.strides[1] < 0
    rows = np.ascontiguousarray(planes[:, ::-1] if flipped else planes, np.float32)
    return {"shape": list(planes.shape), "flipped": flipped}, rows.data.cast("B")


def unpacked(description: Any, block: np.ndarray) -> np.ndarray:
    """The planes of a description and a block; ``PipeError`` when they do not fit."""
    shape = description.get("shape") if isinstance(description, dict) else None
    if (
        not isinstance(shape, list)
        or len(shape) != 3
        or not all(type(each) is int and each > 0 for each in shape)
        or math.prod(shape) * 4 != len(block)
    ):
        raise PipeError("a picture that does not fit its description")
    planes = block.view(np.float32).reshape(shape)
    return planes[:, ::-1] if description.get("flipped") else planes
