"""Runs the gRPC endpoint: an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

import grpc

from understudy.server.certificate import Certificate
from understudy.server.grpc.calls import Calls
from understudy.server.grpc.messages import SERVICE
from understudy.server.state import ServerState

START_LIMIT = 30.0
CONNECTION_IDLE = 600_000  # milliseconds
MAX_STREAMS = 100
MAX_METADATA = 16 * 1024


class GrpcEndpoint:
    """Listens on the gRPC port."""

    def __init__(self, state: ServerState, version: str) -> None:
        self.state = state
        self.calls = Calls(state, version)
        self._loop = asyncio.new_event_loop()

    def open(self) -> int:
        """Start to listen; the port. ``OSError`` when it is taken."""
        opened: Future[int] = Future()
        threading.Thread(target=self._run, args=(opened,), name="grpc", daemon=True).start()
        return opened.result(START_LIMIT)

    def busy(self) -> int:
        """How many requests are being answered."""
        return self.calls.busy

    def close(self) -> None:
        """Finish what is being answered and end."""
        asyncio.run_coroutine_threadsafe(self._server.stop(5), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self, opened: Future[int]) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start(opened))
        if opened.exception() is None:
            self._loop.run_forever()

    async def _start(self, opened: Future[int]) -> None:
        try:
            self._server = grpc.aio.server(options=self._options())
            handlers = self.calls.handlers()
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
            port = self._listen()
            await self._server.start()
        except Exception as error:
            opened.set_exception(error if isinstance(error, OSError) else OSError(str(error)))
        else:
            opened.set_result(port)

    def _options(self) -> list[tuple[str, Any]]:
        return [
            ("grpc.max_receive_message_length", min(self.state.settings.max_request, 2**31 - 1)),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_concurrent_streams", MAX_STREAMS),
            ("grpc.max_metadata_size", MAX_METADATA),
            ("grpc.max_connection_idle_ms", CONNECTION_IDLE),
            ("grpc.so_reuseport", 0),  # a port that is taken is an error
        ]

    def _listen(self) -> int:
        settings = self.state.settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"{host}:{settings.grpc_port}"
        if self.state.certificate is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, _credentials(self.state.certificate))


def _credentials(certificate: Certificate) -> grpc.ServerCredentials:
    """The certificate, looked at anew for each connection."""

    def configuration() -> Any:
        chain, key = certificate.read()
        return grpc.ssl_server_certificate_configuration([(key, chain)])

    return grpc.dynamic_ssl_server_credentials(configuration(), configuration)
