"""The application that serves the routes, with its description at /openapi.json."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware

from understudy.monitor.access import AccessControl
from understudy.monitor.api import curves, events, footage, jobs, pictures, runs
from understudy.monitor.api.common import add_handlers, add_unknown
from understudy.monitor.app_state import AppState
from understudy.version import __version__


def make_app(app_state: AppState, token: str = "") -> FastAPI:
    """The API over ``app_state``. With ``token`` every request must bring it."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(app_state.watcher.watch())
        yield
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching

    app = FastAPI(
        title="Understudy monitor",
        version=__version__,
        description="Watch, compare, steer and start training. Everything the page does goes through here.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.app_state = app_state
    for module in (runs, curves, pictures, footage, jobs, events):
        app.include_router(module.router)
    add_unknown(app)
    add_handlers(app)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=3)
    app.add_middleware(AccessControl, token=token)
    return app
