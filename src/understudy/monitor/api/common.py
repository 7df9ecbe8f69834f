"""What all routes share: the house, names and numbers as they come in, errors as they go out."""

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
from understudy.monitor.images.gallery import Answer
from understudy.monitor.images.rendering import Look
from understudy.monitor.paths.allowed import Missing, Refused
from understudy.monitor.state import House

log = logging.getLogger("understudy.monitor")


class Fault(BaseModel):
    """What went wrong, in the words of the program."""

    message: str
    expected: str = ""
    found: str = ""
    where: str = ""
    remedy: str = ""


class FaultAnswer(BaseModel):
    """Every answer that is no success."""

    error: Fault


def house_of(request: Request) -> House:
    return request.app.state.house


def look_of(
    exposure: Annotated[float, Query(ge=-20, le=20, description="Stops.")] = 0.0,
    gamma: Annotated[float, Query(ge=0.1, le=10)] = 1.0,
    gain: Annotated[float, Query(ge=0.01, le=1000, description="Of a difference.")] = 1.0,
    size: Annotated[int, Query(ge=0, le=16384, description="Longest side in pixels; 0: as it is.")] = 0,
) -> Look:
    return Look(exposure, gamma, gain, size)


TheHouse = Annotated[House, Depends(house_of)]
TheLook = Annotated[Look, Depends(look_of)]
RunName = Annotated[str, InPath(min_length=1, max_length=255, description="The name of a run.")]
Step = Annotated[int, InPath(ge=0, le=10**12)]
FrameNumber = Annotated[int, InPath(ge=-(10**12), le=10**12)]

_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": FaultAnswer, "description": "A token is needed."},
    403: {"model": FaultAnswer, "description": "Outside of what may be touched, or another web site."},
    404: {"model": FaultAnswer, "description": "Not there."},
    409: {"model": FaultAnswer, "description": "Busy, taken, or the disk refuses."},
    415: {"model": FaultAnswer, "description": "The body is not JSON."},
    422: {"model": FaultAnswer, "description": "A value does not fit."},
}


def refusals(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The descriptions of the refusals that a route may answer with."""
    return {code: _REFUSALS[code] for code in (401, 403, 422, *codes)}


def picture(answer: Answer, request: Request) -> Response:
    """The PNG, or 304 when the browser has it already."""
    headers = {"etag": f'"{answer.tag}"', "cache-control": "private, no-cache"}
    if answer.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(answer.make(), media_type="image/png", headers=headers)


PNG: dict[str, Any] = {
    "response_class": Response,
    "responses": {
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The browser has it already."},
        **refusals(404, 409),
    },
}


def status_of(error: UnderstudyError) -> int:
    """The HTTP status that says what kind of refusal it is."""
    if isinstance(error, Refused):
        return 403
    if isinstance(error, Missing):
        return 404
    return 409 if isinstance(error, RunError | WorkError) else 422


def fault_of(error: UnderstudyError) -> Fault:
    """``error`` as it goes out."""
    parts = (error.message, error.expected, error.found, error.where, error.remedy)
    names = ("message", "expected", "found", "where", "remedy")
    return Fault(**{name: _sendable(part) for name, part in zip(names, parts, strict=True)})


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:4000]


def add_unknown(app: FastAPI) -> None:
    """Let what is asked for under /api/ and is not there be refused in JSON: the page takes every path that
    no route has. To be called after all routes are in."""

    @app.get("/api/{path:path}", include_in_schema=False)
    async def unknown(path: str) -> None:
        raise HTTPException(404, "The API has nothing there.")


def add_handlers(app: FastAPI) -> None:
    """Turn every error into JSON with the same shape."""

    @app.exception_handler(UnderstudyError)
    async def refused(request: Request, error: UnderstudyError) -> JSONResponse:
        return JSONResponse(FaultAnswer(error=fault_of(error)).model_dump(), status_of(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        fault = Fault(
            message="A value does not fit.", expected=_sendable(first["msg"]), where=_sendable(where)
        )
        return JSONResponse(FaultAnswer(error=fault).model_dump(), 422)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> JSONResponse:
        fault = Fault(message=str(error.detail), remedy="/openapi.json describes every route.")
        return JSONResponse(FaultAnswer(error=fault).model_dump(), error.status_code, headers=error.headers)

    @app.exception_handler(OSError)
    async def vanished(request: Request, error: OSError) -> JSONResponse:
        """A file that went away, or may not be read, between two looks."""
        fault = Fault(
            message="A file cannot be read or written.", found=_sendable(error.strerror or str(error))
        )
        return JSONResponse(FaultAnswer(error=fault).model_dump(), 404)

    @app.exception_handler(Exception)
    async def own_fault(request: Request, error: Exception) -> JSONResponse:
        log.exception("a fault of the program at %s", request.url.path)
        fault = Fault(message=f"A fault of the program: {type(error).__name__}", remedy="Report it.")
        return JSONResponse(FaultAnswer(error=fault).model_dump(), 500)
