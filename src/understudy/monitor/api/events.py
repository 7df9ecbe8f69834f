"""/api/events: what changes, as it changes (server-sent events)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from understudy.monitor.api.common import AppStateDep, error_responses
from understudy.monitor.app_state import AppState
from understudy.monitor.runs.watcher import Changes

router = APIRouter(tags=["events"])
# nginx buffers responses by default, which would delay the events.
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
QUEUE_SIZE = 100  # changes kept for a slow client; one that falls behind further gets everything anew
KEEPALIVE = 15.0  # seconds of silence after which a comment keeps the connection open

Seconds = Annotated[float | None, Query(gt=0, le=86_400, description="End after so long; none: never.")]


@router.get(
    "/api/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **error_responses()},
)
async def events(app_state: AppStateDep, seconds: Seconds = None) -> StreamingResponse:
    """Events called ``changes`` with the JSON of what changed; the first one holds every run and job."""
    return StreamingResponse(
        event_stream(app_state, seconds), media_type="text/event-stream", headers=HEADERS
    )


async def event_stream(app_state: AppState, seconds: float | None) -> AsyncGenerator[str]:
    """Server-sent events as text, for ``seconds`` (None: for ever); every ``KEEPALIVE`` seconds a comment."""
    queue: asyncio.Queue[Changes] = asyncio.Queue(QUEUE_SIZE)
    missed = False

    def put(changes: Changes) -> None:
        nonlocal missed
        try:
            queue.put_nowait(changes)
        except asyncio.QueueFull:
            missed = True

    await app_state.watcher.refresh()
    unsubscribe = app_state.watcher.listen(put)
    end = time.monotonic() + seconds if seconds else float("inf")
    try:
        yield _event(_everything(app_state))
        while time.monotonic() < end:
            if missed:
                missed, queue = False, asyncio.Queue(QUEUE_SIZE)
                yield _event(_everything(app_state))
            try:
                wait = min(KEEPALIVE, end - time.monotonic())
                yield _event(await asyncio.wait_for(queue.get(), max(0.01, wait)))
            except TimeoutError:
                yield ": still here\n\n"
    finally:
        unsubscribe()


def _everything(app_state: AppState) -> Changes:
    rows = app_state.watcher.rows
    return Changes(
        runs=rows,
        curves=[row.name for row in rows],
        pictures=[row.name for row in rows],
        jobs=app_state.jobs.all(),
        fault=app_state.watcher.fault or None,
    )


def _event(changes: Changes) -> str:
    return f"event: changes\ndata: {changes.model_dump_json()}\n\n"
