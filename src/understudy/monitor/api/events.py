"""/api/events: what changes, as it changes (server-sent events)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from understudy.monitor.api.common import TheHouse, refusals
from understudy.monitor.runs.watcher import Changes
from understudy.monitor.state import House

router = APIRouter(tags=["events"])
WAITING = 100  # changes kept for a reader that is slow; beyond that it is told everything anew
PULSE = 15.0  # seconds after which a comment shows that the line is alive

Seconds = Annotated[float | None, Query(gt=0, le=86_400, description="End after so long; none: never.")]


@router.get(
    "/api/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **refusals()},
)
async def events(house: TheHouse, seconds: Seconds = None) -> StreamingResponse:
    """Events called ``changes`` with the JSON of what changed; the first one holds every run and job."""
    return StreamingResponse(
        _stream(house, seconds), media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


async def _stream(house: House, seconds: float | None) -> AsyncIterator[str]:
    queue: asyncio.Queue[Changes] = asyncio.Queue(WAITING)
    missed = False

    def take(changes: Changes) -> None:
        nonlocal missed
        try:
            queue.put_nowait(changes)
        except asyncio.QueueFull:
            missed = True

    await house.watcher.refresh()
    leave = house.watcher.listen(take)
    end = time.monotonic() + seconds if seconds else float("inf")
    try:
        yield _event(_everything(house))
        while time.monotonic() < end:
            if missed:
                missed, queue = False, asyncio.Queue(WAITING)
                yield _event(_everything(house))
            try:
                wait = min(PULSE, end - time.monotonic())
                yield _event(await asyncio.wait_for(queue.get(), max(0.01, wait)))
            except TimeoutError:
                yield ": still here\n\n"
    finally:
        leave()


def _everything(house: House) -> Changes:
    rows = house.watcher.rows
    return Changes(
        runs=rows,
        curves=[row.name for row in rows],
        pictures=[row.name for row in rows],
        jobs=house.jobs.all(),
        fault=house.watcher.fault or None,
    )


def _event(changes: Changes) -> str:
    return f"event: changes\ndata: {changes.model_dump_json()}\n\n"
