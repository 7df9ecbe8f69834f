"""The paths of the HTTP endpoint."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from understudy.errors import RequestError
from understudy.models.description import ImageSpec
from understudy.server import kserve
from understudy.server.http.audit import AuditMiddleware
from understudy.server.http.auth import AuthMiddleware, grant_of
from understudy.server.http.exchange import (
    ClientDisconnected,
    PartsResponse,
    RequestBody,
    answered,
    client_of,
)
from understudy.server.http.page import page
from understudy.server.mlserver import fitting, is_listed
from understudy.server.models.served import ModelDown, ServedModel
from understudy.server.refusals import Refusal, check_allowed, check_rate, checked, status_of
from understudy.server.state import UNKNOWN, ServerState

ENDPOINT = "http"
DESCRIPTION = (
    "Models by KServe v2 (Open Inference Protocol). Tensors are 1 x C x H x W, the top row first, in the "
    'file values that the model knows, or scene-linear with the parameter "space": "scene-linear". '
    "Options travel as request parameters."
)


class PortJson(BaseModel):
    """One input or output; -1 channels: as many as come."""

    name: str
    channels: int


class ModelJson(BaseModel):
    """One model as the list shows it."""

    name: str
    label: str
    kind: str
    version: str
    state: str
    trouble: str
    space: str
    scale: int
    description: str
    inputs: list[PortJson]
    outputs: list[PortJson]
    options: list[dict[str, Any]]
    buttons: list[str]
    in_ml_server_list: bool


def make_app(state: ServerState, version: str) -> FastAPI:
    """The application; all state is in ``state``."""
    app = FastAPI(
        title="Understudy server", version=version, description=DESCRIPTION, docs_url=None, redoc_url=None
    )
    app.add_middleware(AuthMiddleware, access=state.access)
    if state.audit is not None:
        app.add_middleware(AuditMiddleware, audit=state.audit)
    _add_errors(app, state)
    app.include_router(_health(state, version))
    app.include_router(_models(state))
    app.include_router(_infer(state))
    app.include_router(_monitoring(state))

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    def documentation() -> str:
        return page(app.openapi())

    return app


def _add_errors(app: FastAPI, state: ServerState) -> None:
    """Every answer that is not 200 is ``{"error": sentence}``."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        status, message = _status_of(error, state)
        headers = {"connection": "close"} if status == 408 else {}
        return JSONResponse(
            {"error": message}, status, headers=headers | (getattr(error, "headers", None) or {})
        )

    for kind in (HTTPException, Refusal, RequestError, ModelDown, Exception):
        app.add_exception_handler(kind, refused)


def _status_of(error: Exception, state: ServerState) -> tuple[int, str]:
    """As ``status_of``, and of what the framework refuses."""
    if isinstance(error, HTTPException):
        return error.status_code, str(error.detail)
    return status_of(error, state)


def _health(state: ServerState, version: str) -> APIRouter:
    paths = APIRouter()

    @paths.get("/v2/health/live")
    async def live() -> Response:
        """200 while the server runs."""
        return Response()

    @paths.get("/v2/health/ready")
    async def ready() -> Response:
        """200 while the server takes requests."""
        if state.draining.is_set():
            raise ModelDown("The server is shutting down.")
        return Response()

    @paths.get("/v2")
    def server() -> dict[str, Any]:
        """The name of the server and the extensions of the protocol that it knows."""
        return {"name": "understudy", "version": version, "extensions": ["binary_tensor_data"]}

    return paths


def _models(state: ServerState) -> APIRouter:
    paths = APIRouter()

    @paths.get("/api/models")
    def models(request: Request) -> list[ModelJson]:
        """All models that the token is for, with their inputs, outputs, options and state."""
        grant = grant_of(request)
        listed = [each for each in state.registry.listed() if grant.allows(each.description.name)]
        shown = fitting([model.description for model in listed if is_listed(model)])[0]
        names = {description.name for description in shown}
        return [as_json(model, model.description.name in names) for model in listed]

    @paths.get("/v2/models/{name}/ready")
    @paths.get("/v2/models/{name}/versions/{version}/ready")
    def model_ready(request: Request, name: str, version: str = "") -> Response:
        """200 when the model answers requests."""
        model = check_allowed(grant_of(request), state.registry.get(name))
        if checked(model, version).state != "ready":
            raise ModelDown(f'The model "{name}" is not ready.')
        return Response()

    @paths.get("/v2/models/{name}")
    @paths.get("/v2/models/{name}/versions/{version}")
    def model(request: Request, name: str, version: str = "") -> dict[str, Any]:
        """Name, versions, platform, inputs and outputs of a model."""
        model = check_allowed(grant_of(request), _found(state, name))
        return kserve.metadata(checked(model, version).description)

    return paths


def _found(state: ServerState, name: str) -> ServedModel:
    model = state.registry.find(name)
    return model if model is not None else state.registry.get(name)


def as_json(model: ServedModel, in_list: bool) -> ModelJson:
    description = model.description
    return ModelJson(
        name=description.name,
        label=description.label,
        kind=description.format,
        version=description.version,
        state=model.state,
        trouble=model.trouble,
        space=description.space,
        scale=description.scale,
        description=description.text,
        inputs=_ports(description.inputs),
        outputs=_ports(description.outputs),
        options=[option.as_json() for option in description.options],
        buttons=list(description.buttons),
        in_ml_server_list=in_list,
    )


def _ports(ports: tuple[ImageSpec, ...]) -> list[PortJson]:
    return [PortJson(name=port.name, channels=port.count) for port in ports]


def _infer(state: ServerState) -> APIRouter:
    paths = APIRouter()

    @paths.post("/v2/models/{name}/infer")
    @paths.post("/v2/models/{name}/versions/{version}/infer")
    async def infer(request: Request, name: str, version: str = "") -> Response:
        """Run a model: JSON, then raw tensors (header Inference-Header-Content-Length), or JSON alone."""
        model: ServedModel | None = None
        try:
            if state.draining.is_set():
                raise ModelDown("The server is shutting down.")
            grant = grant_of(request)
            model = checked(check_allowed(grant, state.registry.get(name)), version)
            request.state.model = model.description.name
            check_rate(state.access, grant)
            return await _run(request, state, model)
        except ClientDisconnected:
            state.metrics.observe(ENDPOINT, _name(model), "gone")
            return Response(status_code=499)
        except Exception as error:
            state.metrics.observe(ENDPOINT, _name(model), state.outcome(error))
            status, message = _status_of(error, state)
            state.log.warning("a request was refused", client=client_of(request), status=status, said=message)
            told = state.explain(error, model) if status == 500 else message
            return JSONResponse({"error": told}, status, headers=getattr(error, "headers", None))

    return paths


async def _run(request: Request, state: ServerState, model: ServedModel) -> Response:
    """Read, queue, answer. The memory is released when the answer is sent, or when there is none."""
    body, started = RequestBody(request, state), time.monotonic()
    try:
        head_size = _head_size(request)
        data = await body.read(head_size or 0, model.description.scale)
        body.at_work()
        started = time.monotonic()
        asked = await asyncio.to_thread(kserve.read_request, data, head_size)
        future = state.submit(model, kserve.call_of(model.description, asked), client_of(request))
        try:
            answer = await answered(request, future)
        except ClientDisconnected:
            body.release_after(future)
            raise
        parts, json_size = await asyncio.to_thread(kserve.write_answer, model.description, asked, answer)
    except BaseException:
        body.release()
        raise
    state.metrics.observe(ENDPOINT, model.description.name, "ok", time.monotonic() - started)
    return PartsResponse(parts, json_size, body)


def _head_size(request: Request) -> int | None:
    text = request.headers.get("inference-header-content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise Refusal(400, "Inference-Header-Content-Length is not a length.")
    return int(text)


def _name(model: ServedModel | None) -> str:
    return model.description.name if model is not None else UNKNOWN


def _monitoring(state: ServerState) -> APIRouter:
    paths = APIRouter()

    @paths.get("/metrics")
    def metrics() -> Response:
        """Requests, errors, latency, queue and memory, for Prometheus."""
        return Response(state.metrics.text(), media_type="text/plain; version=0.0.4")

    return paths
