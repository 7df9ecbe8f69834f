"""The application that serves the routes, with its description at /openapi.json."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware

from understudy.monitor.access import AccessControl
from understudy.monitor.api import corrections, curves, events, footage, jobs, pictures, runs, shot, touch
from understudy.monitor.api.common import add_handlers, add_unknown
from understudy.monitor.app_state import AppState
from understudy.monitor.root_path import RootPath
from understudy.version import __version__


def make_app(app_state: AppState, token: str = "", *, page_key: str = "", root_path: str = "") -> FastAPI:
    """The API over ``app_state``. With ``token`` every request must bring it. ``page_key``: see ``access``.

    ``root_path``: the path below which a proxy serves it, such as /understudy.
    """

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
        servers=[{"url": root_path}] if root_path else None,
        root_path_in_servers=False,
    )
    app.state.app_state = app_state
    for module in (runs, shot, corrections, curves, pictures, footage, touch, jobs, events):
        app.include_router(module.router)
    add_unknown(app)
    add_handlers(app)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=3)
    app.add_middleware(AccessControl, token=token, page_key=page_key)
    app.add_middleware(RootPath, root_path=root_path)
    return app
