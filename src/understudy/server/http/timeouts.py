"""Timeouts for slow HTTP clients, and a limit on the size of headers."""

from __future__ import annotations

import asyncio
from typing import Any

from understudy.server.deadlines import LoopClock

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as _Base
except ImportError:  # uvicorn without its faster parser
    from uvicorn.protocols.http.h11_impl import H11Protocol as _Base  # type: ignore[assignment]

MAX_HEADERS = 64 * 1024
POLL_INTERVAL = 1.0
MAX_CONNECTIONS = 4096
MAX_CONNECTIONS_PER_CLIENT = 400  # connections of one address


def protocol_with_timeouts(timeout: float) -> type:
    """uvicorn's protocol with a limit, in seconds, for how long headers and unwanted bodies may take."""
    return type("TimeoutProtocol", (_TimeoutProtocol,), {"timeout": timeout, "clock": LoopClock()})


class _TimeoutProtocol(_Base):
    """Closes connections that keep the server waiting. What the application reads has deadlines of its
    own.
    """

    timeout = 10.0
    clock: LoopClock

    def connection_made(self, transport: Any) -> None:
        self.app_state = dict(self.app_state, peer=self)
        self.clock.run(asyncio.get_running_loop())
        self._since, self._unread = self.clock.now(), 0
        super().connection_made(transport)
        host = self.client[0] if self.client else ""
        others = [getattr(other, "client", None) for other in self.connections]
        if sum(client is not None and client[0] == host for client in others) > MAX_CONNECTIONS_PER_CLIENT:
            transport.abort()
        elif len(others) > MAX_CONNECTIONS:
            self._close_an_idle_one()
        self._poll()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._awaits_headers():
            self._unread = 0
        elif not self._body_is_missing():
            self._unread += len(data)
            if self._unread > MAX_HEADERS:
                self.transport.abort()

    def on_response_complete(self) -> None:
        self._since = self.clock.now()
        super().on_response_complete()

    def abort(self) -> None:
        """Break the connection at once."""
        self.transport.abort()

    def _close_an_idle_one(self) -> None:
        """There is no room for more: the connection that was idle longest goes."""
        idle = [each for each in self.connections if isinstance(each, _TimeoutProtocol) and each._is_idle()]
        if idle:
            min(idle, key=lambda each: each._since).transport.close()

    def _is_idle(self) -> bool:
        """Whether all that was asked is answered, and nothing more has come."""
        return (
            self.cycle is not None
            and not self._unread
            and not self._body_is_missing()
            and self._awaits_headers()
        )

    def _awaits_headers(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _body_is_missing(self) -> bool:
        """Whether a request was answered before all of it came."""
        return self.cycle is not None and self.cycle.more_body

    def _is_late(self) -> bool:
        """Whether headers that have begun, or the rest of a body that nobody wants, take too long."""
        begun = self.cycle is None or self._unread > 0 or self._body_is_missing()
        return begun and self._awaits_headers() and self.clock.now() - self._since > self.timeout

    def _poll(self) -> None:
        """Once a second: has a timeout passed?"""
        if self._is_late():
            self.transport.abort()
        elif not self.transport.is_closing():
            asyncio.get_running_loop().call_later(min(POLL_INTERVAL, self.timeout / 2), self._poll)
