"""A connected socket with deadlines on every read and write."""

from __future__ import annotations

import contextlib
import socket
import struct
import time

from understudy.server.pace import Pace
from understudy.server.wire import Part

SLICE = 1.0  # seconds after which a waiting read looks at its deadline again
DRAIN_CHUNK = 1 << 20
DRAIN_LIMIT = 4 << 30
MAX_PARTS = 64


class PeerGone(Exception):
    """The client went away, or was given up."""


class PeerEnded(PeerGone):
    """The client closed its sending side before its request was whole."""


class PeerSlow(PeerGone):
    """The client was silent for too long, or too slow."""


class Peer:
    """One client's connection. Reads and writes end by the ``Pace`` they are given."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read_into(self, space: memoryview, pace: Pace) -> int:
        """Read what is there, at least one byte; ``PeerGone`` at the end of the stream or of patience."""
        while True:
            try:
                self.connection.settimeout(self._slice(pace))
                count = self.connection.recv_into(space)
            except TimeoutError:
                continue
            except OSError as error:
                raise PeerGone("the connection broke") from error
            if not count:
                raise PeerEnded("the connection ended")
            pace.moves(count)
            return count

    def send(self, parts: list[Part], pace: Pace) -> None:
        """Send all parts, one after the other; ``PeerGone`` when that does not succeed in time."""
        views = [memoryview(part).cast("B") for part in parts]
        while views:
            try:
                self.connection.settimeout(self._slice(pace))
                sent = self.connection.sendmsg(views[:MAX_PARTS])
            except TimeoutError:
                continue
            except OSError as error:
                raise PeerGone("the connection broke") from error
            pace.moves(sent)
            views = _after(views, sent)

    def _slice(self, pace: Pace) -> float:
        left = pace.left()
        if left <= 0:
            raise PeerSlow("too slow, or silent")
        return min(left, SLICE)

    def has_ended(self) -> bool:
        """Whether the client has closed its side; without waiting, and without taking what it sent."""
        try:
            self.connection.settimeout(0)
            return self.connection.recv(1, socket.MSG_PEEK) == b""
        except (BlockingIOError, InterruptedError):
            return False

    def finish(self, patience: float) -> None:
        """Say that no more comes, take in what the client still sends so that it sees the answer, and
        close.
        """
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self._drain(patience)
        self.connection.close()

    def _drain(self, patience: float) -> None:
        space = bytearray(DRAIN_CHUNK)
        pace, until = Pace(min(patience, 2.0)), time.monotonic() + patience
        while pace.left() > 0 and time.monotonic() < until and pace.moved < DRAIN_LIMIT:
            self.connection.settimeout(min(pace.left(), SLICE) if pace.left() > 0 else 0.01)
            try:
                count = self.connection.recv_into(space)
            except TimeoutError:
                continue
            if not count:
                return
            pace.moves(count)

    def reset(self) -> None:
        """Break the connection at once, so that a half answer is never taken for a whole one."""
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _after(views: list[memoryview], sent: int) -> list[memoryview]:
    """What is left of ``views`` when ``sent`` bytes are gone."""
    while views and sent >= len(views[0]):
        sent -= len(views[0])
        views = views[1:]
    return [views[0][sent:], *views[1:]] if views else []
