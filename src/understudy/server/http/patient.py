"""An HTTP connection that does not wait for ever, and does not take headers without end."""

from __future__ import annotations

import asyncio
import time
from typing import Any

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as _Base
except ImportError:  # uvicorn without its faster parser
    from uvicorn.protocols.http.h11_impl import H11Protocol as _Base  # type: ignore[assignment]

MAX_HEADERS = 64 * 1024
LOOK = 1.0


def patient_protocol(patience: float) -> type:
    """uvicorn's protocol, which closes connections whose request headers take longer than ``patience`` seconds."""

    class Patient(_Base):  # type: ignore[misc, valid-type]
        def connection_made(self, transport: Any) -> None:
            self.app_state = dict(self.app_state, peer=self)
            self._since, self._unread = time.monotonic(), 0
            super().connection_made(transport)
            self._look()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._awaits_headers():
                self._unread += len(data)
                if self._unread > MAX_HEADERS:
                    self.transport.abort()
            else:
                self._unread = 0

        def on_response_complete(self) -> None:
            self._since = time.monotonic()
            super().on_response_complete()

        def abort(self) -> None:
            """Break the connection at once."""
            self.transport.abort()

        def _awaits_headers(self) -> bool:
            return self.cycle is None or self.cycle.response_complete

        def _look(self) -> None:
            """Once a second: is somebody keeping us waiting?"""
            if self.transport.is_closing():
                return
            begun = self.cycle is None or self._unread > 0
            if begun and self._awaits_headers() and time.monotonic() - self._since > patience:
                self.transport.abort()
                return
            asyncio.get_running_loop().call_later(min(LOOK, patience / 2), self._look)

    return Patient
