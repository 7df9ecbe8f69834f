"""A connected socket with deadlines on every read and write."""

from __future__ import annotations

import contextlib
import socket
import struct
import time

from understudy.server.deadlines import TransferDeadline
from understudy.server.wire import Part

SLICE = 1.0  # seconds after which a waiting read looks at its deadline again
DRAIN_CHUNK = 1 << 20
DRAIN_LIMIT = 4 << 30
MAX_PARTS = 64


class PeerDisconnected(Exception):
    """The client went away, or was given up."""


class PeerClosed(PeerDisconnected):
    """The client closed its sending side before its request was whole."""


class PeerTimedOut(PeerDisconnected):
    """The client was silent for too long, or too slow."""


class Peer:
    """One client's connection. Reads and writes end by the ``TransferDeadline`` they are given."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read_into(self, space: memoryview, deadline: TransferDeadline) -> int:
        """Read what is there, at least one byte; ``PeerDisconnected`` at its end or at the deadline."""
        while True:
            try:
                self._set_timeout(deadline)
                count = self.connection.recv_into(space)
            except (TimeoutError, BlockingIOError):
                _check(deadline)
                continue
            except OSError as error:
                raise PeerDisconnected("the connection broke") from error
            if not count:
                raise PeerClosed("the connection ended")
            deadline.add(count)
            return count

    def send(self, parts: list[Part], deadline: TransferDeadline) -> None:
        """Send all parts, one after the other; ``PeerDisconnected`` when that does not succeed in time."""
        views = [memoryview(part).cast("B") for part in parts]
        while views:
            try:
                self._set_timeout(deadline)
                sent = self.connection.sendmsg(views[:MAX_PARTS])
            except (TimeoutError, BlockingIOError):
                _check(deadline)
                continue
            except OSError as error:
                raise PeerDisconnected("the connection broke") from error
            deadline.add(sent)
            views = _after(views, sent)

    def _set_timeout(self, deadline: TransferDeadline) -> None:
        """When the deadline has passed, one more look without waiting: it may be this side that was late."""
        self.connection.settimeout(min(max(deadline.remaining(), 0.0), SLICE))

    def has_ended(self) -> bool:
        """Whether the client has closed its side; without waiting, and without taking what it sent."""
        try:
            self.connection.settimeout(0)
            return self.connection.recv(1, socket.MSG_PEEK) == b""
        except (BlockingIOError, InterruptedError):
            return False

    def finish(self, timeout: float) -> None:
        """Say that no more comes, take in what the client still sends so that it sees the answer, and
        close.
        """
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self._drain(timeout)
        self.connection.close()

    def _drain(self, timeout: float) -> None:
        space = bytearray(DRAIN_CHUNK)
        deadline, until = TransferDeadline(min(timeout, 2.0)), time.monotonic() + timeout
        while deadline.remaining() > 0 and time.monotonic() < until and deadline.transferred < DRAIN_LIMIT:
            self.connection.settimeout(min(deadline.remaining(), SLICE) if deadline.remaining() > 0 else 0.01)
            try:
                count = self.connection.recv_into(space)
            except TimeoutError:
                continue
            if not count:
                return
            deadline.add(count)

    def reset(self) -> None:
        """Break the connection at once, so that a half answer is never taken for a whole one."""
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _check(deadline: TransferDeadline) -> None:
    if deadline.remaining() <= 0:
        raise PeerTimedOut("too slow, or silent")


def _after(views: list[memoryview], sent: int) -> list[memoryview]:
    """What is left of ``views`` when ``sent`` bytes are gone."""
    while views and sent >= len(views[0]):
        sent -= len(views[0])
        views = views[1:]
    return [views[0][sent:], *views[1:]] if views else []
