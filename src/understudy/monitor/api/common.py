"""What all routes share: the application's state, path and query parameters, error responses."""

from __future__ import annotations

import logging
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from understudy.errors import RunError, UnderstudyError, WorkError
from understudy.monitor.app_state import AppState
from understudy.monitor.images.gallery import LazyPng
from understudy.monitor.images.rendering import ViewerSettings
from understudy.monitor.paths.allowed import PathNotAllowed
from understudy.monitor.paths.run_files import NotFound

log = logging.getLogger("understudy.monitor")


class ErrorDetails(BaseModel):
    """What went wrong: the fields of an UnderstudyError."""

    message: str
    expected: str = ""
    found: str = ""
    where: str = ""
    remedy: str = ""


class ErrorResponse(BaseModel):
    """The body of every response that is not a success."""

    error: ErrorDetails


def app_state_of(request: Request) -> AppState:
    return request.app.state.app_state


def viewer_settings(
    exposure: Annotated[float, Query(ge=-20, le=20, description="Stops.")] = 0.0,
    gamma: Annotated[float, Query(ge=0.1, le=10)] = 1.0,
    gain: Annotated[float, Query(ge=0.01, le=1000, description="Of a difference.")] = 1.0,
    size: Annotated[int, Query(ge=0, le=16384, description="Longest side in pixels; 0: as it is.")] = 0,
) -> ViewerSettings:
    return ViewerSettings(exposure, gamma, gain, size)


AppStateDep = Annotated[AppState, Depends(app_state_of)]
ViewerQuery = Annotated[ViewerSettings, Depends(viewer_settings)]
RunName = Annotated[str, InPath(min_length=1, max_length=255, description="The name of a run.")]
ShotIndex = Annotated[
    int, Query(alias="shot", ge=0, le=10_000, description="Which of the shots that the run learns from.")
]
Step = Annotated[int, InPath(ge=0, le=10**12)]
FrameNumber = Annotated[int, InPath(ge=-(10**12), le=10**12)]

_ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorResponse, "description": "A token is needed."},
    403: {"model": ErrorResponse, "description": "Outside of what may be touched, or another web site."},
    404: {"model": ErrorResponse, "description": "Not there."},
    409: {"model": ErrorResponse, "description": "Busy, taken, or the disk refuses."},
    415: {"model": ErrorResponse, "description": "The body is not JSON."},
    422: {"model": ErrorResponse, "description": "A value does not fit."},
}


def error_responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The descriptions, for OpenAPI, of the errors that a route may answer with."""
    return {code: _ERRORS[code] for code in (401, 403, 422, *codes)}


def png_response(png: LazyPng, request: Request) -> Response:
    """The PNG, or 304 when the browser has it already."""
    headers = {"etag": f'"{png.tag}"', "cache-control": "private, no-cache"}
    if png.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(png.render(), media_type="image/png", headers=headers)


PNG: dict[str, Any] = {
    "response_class": Response,
    "responses": {
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The browser has it already."},
        **error_responses(404, 409),
    },
}


def status_of(error: UnderstudyError) -> int:
    """The HTTP status for ``error``."""
    if isinstance(error, PathNotAllowed):
        return 403
    if isinstance(error, NotFound):
        return 404
    return 409 if isinstance(error, RunError | WorkError) else 422


def error_details(error: UnderstudyError) -> ErrorDetails:
    """``error`` as it is sent."""
    parts = (error.message, error.expected, error.found, error.where, error.remedy)
    names = ("message", "expected", "found", "where", "remedy")
    return ErrorDetails(**{name: _sendable(part) for name, part in zip(names, parts, strict=True)})


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:4000]


def add_unknown(app: FastAPI) -> None:
    """Answer every unknown path under /api/ with 404 and JSON; without this the page would answer it. Call it
    after all routes are added."""

    @app.get("/api/{path:path}", include_in_schema=False)
    async def unknown(path: str) -> None:
        raise HTTPException(404, "The API has nothing there.")


def add_handlers(app: FastAPI) -> None:
    """Turn every exception into an ErrorResponse."""

    @app.exception_handler(UnderstudyError)
    async def understudy_error(request: Request, error: UnderstudyError) -> JSONResponse:
        return JSONResponse(ErrorResponse(error=error_details(error)).model_dump(), status_of(error))

    @app.exception_handler(RequestValidationError)
    async def invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        fault = ErrorDetails(
            message="A value does not fit.", expected=_sendable(first["msg"]), where=_sendable(where)
        )
        return JSONResponse(ErrorResponse(error=fault).model_dump(), 422)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        fault = ErrorDetails(message=str(error.detail), remedy="/openapi.json describes every route.")
        return JSONResponse(ErrorResponse(error=fault).model_dump(), error.status_code, headers=error.headers)

    @app.exception_handler(OSError)
    async def os_error(request: Request, error: OSError) -> JSONResponse:
        """A file that went away, or may not be read, while the request was handled."""
        fault = ErrorDetails(
            message="A file cannot be read or written.", found=_sendable(error.strerror or str(error))
        )
        return JSONResponse(ErrorResponse(error=fault).model_dump(), 404)

    @app.exception_handler(Exception)
    async def internal_error(request: Request, error: Exception) -> JSONResponse:
        log.exception("a fault of the program at %s", request.url.path)
        fault = ErrorDetails(message=f"A fault of the program: {type(error).__name__}", remedy="Report it.")
        return JSONResponse(ErrorResponse(error=fault).model_dump(), 500)
