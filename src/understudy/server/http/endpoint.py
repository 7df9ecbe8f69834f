"""Runs the HTTP endpoint in a thread of its own."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn

from understudy.server.http.app import ENDPOINT, make_app
from understudy.server.http.timeouts import MAX_CONNECTIONS, protocol_with_timeouts
from understudy.server.state import ServerState

KEEP_ALIVE = 600
START_LIMIT = 60.0
CLOSING = 64  # connections on their way out, which count until they are gone


class HttpEndpoint:
    """Listens on the HTTP port."""

    def __init__(self, state: ServerState, version: str) -> None:
        self.state = state
        config = uvicorn.Config(
            make_app(state, version),
            http=protocol_with_timeouts(state.settings.patience),
            loop="asyncio",  # takes all connections that wait; uvloop takes one each time round
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            log_level="critical",
            timeout_keep_alive=KEEP_ALIVE,
            limit_concurrency=MAX_CONNECTIONS + CLOSING,
            timeout_graceful_shutdown=5,
        )
        config.load()
        config.ssl = state.certificate.context if state.certificate else None
        self._server = uvicorn.Server(config)
        state.metrics.connections.labels(ENDPOINT).set_function(
            lambda: len(self._server.server_state.connections)
        )

    def open(self) -> int:
        """Start to listen; the port, when requests are answered. ``OSError`` when it is taken."""
        settings = self.state.settings
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listening = socket.create_server((settings.host, settings.http_port), backlog=512, family=family)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listening]}, name="http", daemon=True
        )
        self._thread.start()
        until = time.monotonic() + START_LIMIT
        while not self._server.started and self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.005)
        return listening.getsockname()[1]

    def busy(self) -> int:
        """How many requests are being answered."""
        return len(self._server.server_state.tasks)

    def close(self) -> None:
        """Finish what is being answered and end."""
        self._server.should_exit = True
        self._thread.join(10)
