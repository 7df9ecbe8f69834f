"""One HTTP request and its answer: bodies read within limits and deadlines, answers sent piece by piece."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from understudy.server.admission import Reservation
from understudy.server.deadlines import TransferDeadline
from understudy.server.models.served import Answer
from understudy.server.refusals import Refusal
from understudy.server.session import SMALL_REQUEST
from understudy.server.state import ServerState
from understudy.server.wire import Part

CHUNK_SIZE = 512 * 1024
MAX_DEFLATE_RATIO = 32  # how many times its size a compressed body may have when unpacked


class ClientDisconnected(Exception):
    """The client went away before its answer."""


class RequestBody:
    """The body of one request in memory, with the reservation that it holds."""

    def __init__(self, request: Request, state: ServerState) -> None:
        self.request = request
        self.state = state
        self._reservation: Reservation | None = None

    async def read(self, head_size: int, scale: int = 1) -> memoryview:
        """The whole body, laid so that tensors behind ``head_size`` bytes of JSON are aligned. ``scale``: how
        many times larger the answer's pictures are."""
        size = self._announced()
        packed = self.request.headers.get("content-encoding", "identity").lower()
        limit = self.state.settings.max_request
        unpacked = size if packed == "identity" else min(limit, MAX_DEFLATE_RATIO * size)
        await self._reserve(unpacked * (1 + scale * scale))
        body = await self._receive(size, head_size)
        if packed == "identity":
            return body
        return await asyncio.to_thread(_inflated, body, packed, unpacked)

    def deadline(self, is_contended: Callable[[], bool] = lambda: False) -> TransferDeadline:
        """That of a transfer which begins now. ``is_contended``: whether others wait for the memory that it
        holds."""
        peer = self.request.scope.get("state", {}).get("peer")
        clock = time.monotonic if peer is None else peer.clock.now
        if self._reservation is None:
            return TransferDeadline(self.state.settings.patience, clock=clock)
        deadline = TransferDeadline(self.state.settings.patience, is_contended, clock)
        self._reservation.transfer = deadline
        return deadline

    def at_work(self) -> None:
        """All of it is there, and goes to the model."""
        if self._reservation is not None:
            self._reservation.at_work()

    async def to_send(self) -> None:
        """Wait for the turn of its answer."""
        if self._reservation is not None:
            await asyncio.wrap_future(self._reservation.to_send())

    def release(self) -> None:
        if self._reservation is not None:
            self._reservation.release()
            self._reservation = None

    def release_after(self, future: Future[Answer]) -> None:
        """Keep the memory until work that cannot be stopped is done."""
        kept, self._reservation = self._reservation, None
        if kept is not None:
            future.add_done_callback(lambda _: kept.release())

    def _announced(self) -> int:
        text = self.request.headers.get("content-length", "")
        if not (text.isascii() and text.isdigit()) or len(text) > 15:
            raise Refusal(411, "The request needs a Content-Length.")
        if int(text) > self.state.settings.max_request:
            raise Refusal(
                413, f"This server takes requests of up to {self.state.settings.max_request} bytes."
            )
        return int(text)

    async def _reserve(self, size: int) -> None:
        if size > 2 * SMALL_REQUEST:
            self._reservation = self.state.admission.reserve(client_of(self.request), size)
            await asyncio.wrap_future(self._reservation.granted)

    async def _receive(self, size: int, head_size: int) -> memoryview:
        memory = np.empty(size + 128, np.uint8)
        first = -(memory.ctypes.data + head_size) % 64
        body, at = memory.data[first : first + size], 0
        async for chunk in self._chunks():
            if at + len(chunk) > size:
                raise Refusal(400, "The body is longer than its Content-Length.")
            body[at : at + len(chunk)] = chunk
            at += len(chunk)
        if at != size:
            raise Refusal(400, "The body is shorter than its Content-Length.")
        return body

    async def _chunks(self) -> AsyncIterator[bytes]:
        deadline = self.deadline(lambda: self.state.admission.is_short_of_memory)
        more = True
        while more:
            try:
                message = await in_time(self.request.receive, deadline)
            except TimeoutError:
                raise Refusal(408, "The request did not arrive in time.") from None
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            more = message.get("more_body", False)
            if chunk := message.get("body", b""):
                deadline.add(len(chunk))
                yield chunk


async def in_time(wait: Callable[[], Awaitable[Any]], deadline: TransferDeadline) -> Any:
    """What ``wait`` gives, which may be broken off and begun again. TimeoutError when the deadline has
    passed, and not when the event loop came too late to see that it was met."""
    while True:
        try:
            async with asyncio.timeout(max(deadline.remaining(), 0.01)):
                return await wait()
        except TimeoutError:
            if deadline.remaining() <= 0:
                raise


def _inflated(body: memoryview, packed: str, limit: int) -> memoryview:
    windows = {"gzip": 31, "deflate": 15}
    if packed not in windows:
        raise Refusal(415, "Content-Encoding is gzip or deflate, or none.")
    machine = zlib.decompressobj(windows[packed])
    try:
        out = machine.decompress(body, limit + 1)
    except zlib.error:
        raise Refusal(400, "The body cannot be unpacked.") from None
    if len(out) > limit or not machine.eof:
        raise Refusal(413, "The body is cut short, or too large when unpacked.")
    return memoryview(out)


async def answered(request: Request, future: Future[Answer]) -> Answer:
    """The answer in the future. A client that leaves first is out of the queue: ``ClientDisconnected``."""
    arrived = asyncio.wrap_future(future)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        waited: set[asyncio.Future[Any]] = {arrived, leaving}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if arrived.done():
            return arrived.result()
        future.cancel()
        raise ClientDisconnected
    finally:
        leaving.cancel()
        if arrived.done() and not arrived.cancelled():
            arrived.exception()  # looked at, also when the client is gone


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def client_of(request: Request) -> str:
    return request.client.host if request.client else "?"


class PartsResponse(Response):
    """An answer in parts that are not copied; a client that does not take them in time is cut off."""

    def __init__(self, parts: list[Part], head_size: int | None, body: RequestBody) -> None:
        size = sum(map(len, parts))
        headers = {"content-length": str(size), "content-type": "application/octet-stream"}
        if head_size is None:
            headers["content-type"] = "application/json"
        else:
            headers["inference-header-content-length"] = str(head_size)
        super().__init__(None, headers=headers)
        self.raw_headers = [(key.encode(), value.encode()) for key, value in headers.items()]
        self._parts, self._body = parts, body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._body.to_send()
            deadline = self._body.deadline()
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            for piece in _chunks_of(self._parts):
                body = {"type": "http.response.body", "body": piece, "more_body": True}
                await in_time(partial(send, body), deadline)
                deadline.add(len(piece))
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            if "peer" in scope.get("state", {}):
                scope["state"]["peer"].abort()
        finally:
            self._body.release()


def _chunks_of(parts: list[Part]) -> list[memoryview]:
    views = [memoryview(part).cast("B") for part in parts]
    return [view[at : at + CHUNK_SIZE] for view in views for at in range(0, len(view), CHUNK_SIZE)]
