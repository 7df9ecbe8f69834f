"""The calls of the gRPC endpoint: the same models, queues, limits and words as those of the HTTP endpoint."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError

from understudy.errors import RequestError
from understudy.server import kserve
from understudy.server.admission import Reservation
from understudy.server.grpc.messages import infer_response, messages, read_infer_request
from understudy.server.models.served import Answer, ModelDown, ServedModel
from understudy.server.refusals import Refusal, check_allowed, check_rate, checked, status_of
from understudy.server.session import SMALL_REQUEST
from understudy.server.state import UNKNOWN, ServerState
from understudy.server.tokens import EVERYBODY, Grant

ENDPOINT = "grpc"
READING = 8
"""Requests to infer that are read at a time, half of them of one address: how large each is, is known only
when it is there. Others wait unread."""
SLOWEST = 8 << 20  # bytes a second
LEAST_TIME = 30.0
CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}

Context = Any
Simple = Callable[[Any, Grant], Any]


class Calls:
    """What each method of the service does."""

    def __init__(self, state: ServerState, version: str) -> None:
        self.state, self.version, self.busy = state, version, 0
        self._reading = asyncio.Semaphore(READING)
        self._reading_of: dict[str, int] = {}

    def handlers(self) -> dict[str, grpc.RpcMethodHandler]:
        """By the names of the methods. ModelInfer takes a stream, which on the wire is no different from the
        one message that it is: so it is looked at who asks before anything large is read, and the reading
        has an end."""
        simple: dict[str, Simple] = {
            "ServerLive": self._live,
            "ServerReady": self._ready,
            "ServerMetadata": self._server,
            "ModelReady": self._model_ready,
            "ModelMetadata": self._model,
            "RepositoryIndex": self._index,
        }
        found = {name: self._handler(name, call) for name, call in simple.items()}
        found["ModelInfer"] = grpc.stream_unary_rpc_method_handler(self._infer)
        return found

    def _handler(self, name: str, call: Simple) -> grpc.RpcMethodHandler:
        is_open = name in ("ServerLive", "ServerReady")

        async def answered(request: Any, context: Context) -> Any:
            try:
                return call(request, EVERYBODY if is_open else self._grant(context))
            except Exception as error:
                return await self._refuse(context, error)

        return grpc.unary_unary_rpc_method_handler(
            answered,
            request_deserializer=messages()[f"{name}Request"].FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )

    def _live(self, request: Any, grant: Grant) -> Any:
        return messages()["ServerLiveResponse"](live=True)

    def _ready(self, request: Any, grant: Grant) -> Any:
        return messages()["ServerReadyResponse"](ready=not self.state.draining.is_set())

    def _server(self, request: Any, grant: Grant) -> Any:
        return messages()["ServerMetadataResponse"](name="understudy", version=self.version)

    def _model_ready(self, request: Any, grant: Grant) -> Any:
        model = check_allowed(grant, self.state.registry.get(request.name))
        return messages()["ModelReadyResponse"](ready=checked(model, request.version).state == "ready")

    def _model(self, request: Any, grant: Grant) -> Any:
        model = self.state.registry.find(request.name) or self.state.registry.get(request.name)
        told = kserve.metadata(checked(check_allowed(grant, model), request.version).description)
        for each in (told, *told["inputs"], *told["outputs"]):  # which these messages have no room for
            each.pop("parameters", None)
        return messages()["ModelMetadataResponse"](**told)

    def _index(self, request: Any, grant: Grant) -> Any:
        made = messages()["RepositoryIndexResponse"]()
        for model in self.state.registry.listed():
            is_ready = model.state == "ready"
            if grant.allows(model.description.name) and (is_ready or not request.ready):
                state = "READY" if is_ready else "UNAVAILABLE"
                version, name = model.description.version, model.description.name
                made.models.add(name=name, version=version, state=state, reason=model.trouble)
        return made

    async def _infer(self, requests: Any, context: Context) -> bytes:
        """The bytes of the answer to the bytes of the request."""
        started, facts = time.monotonic(), {"model": "", "token": "", "received": 0, "sent": 0}
        outcome = "gone"
        self.busy += 1
        try:
            answer = await self._answered(requests, context, facts)
            outcome, facts["sent"] = "ok", len(answer)
            return answer
        except (asyncio.CancelledError, grpc.aio.AbortError):
            raise
        except Exception as error:
            outcome = self.state.outcome(error)
            return await self._refuse(context, error)
        finally:
            self.busy -= 1
            self._note(context, facts, outcome, time.monotonic() - started)

    async def _answered(self, requests: Any, context: Context, facts: dict[str, Any]) -> bytes:
        grant = self._grant(context)
        facts["token"] = grant.name
        raw = await self._read(requests, client_of(context))
        facts["received"] = len(raw)
        message = await asyncio.to_thread(_decoded, raw)
        size = len(raw)
        del raw
        if self.state.draining.is_set():
            raise ModelDown("The server is shutting down.")
        model = check_allowed(grant, self.state.registry.get(message.model_name))
        facts["model"] = checked(model, message.model_version).description.name
        check_rate(self.state.access, grant)
        held = await self._reserve(client_of(context), size * (1 + model.description.scale**2))
        return await self._computed(model, message, client_of(context), held)

    async def _read(self, requests: Any, client: str) -> bytes:
        """The one message of the stream. ``Refusal`` where it does not come in time, or another comes."""
        limit = max(LEAST_TIME, self.state.settings.max_request / SLOWEST)
        while self._reading_of.get(client, 0) >= max(1, READING // 2):
            await asyncio.sleep(0.005)
        self._reading_of[client] = self._reading_of.get(client, 0) + 1
        try:
            async with self._reading, asyncio.timeout(limit):
                found = [each async for each in requests]
        except TimeoutError:
            raise Refusal(408, "The request did not arrive in time.") from None
        finally:
            self._reading_of[client] -= 1
            if not self._reading_of[client]:
                del self._reading_of[client]
        if len(found) != 1:
            raise Refusal(400, f"One message makes a request; {len(found)} came.")
        return found[0]

    async def _reserve(self, client: str, size: int) -> Reservation | None:
        if size <= SMALL_REQUEST:
            return None
        held = self.state.admission.reserve(client, size)
        try:
            await asyncio.wrap_future(held.granted)
        except BaseException:
            held.release()
            raise
        held.at_work()  # it was read before
        return held

    async def _computed(
        self, model: ServedModel, message: Any, client: str, held: Reservation | None
    ) -> bytes:
        """The memory is released when the answer is there, or work that cannot be stopped is done."""
        release = held.release if held is not None else lambda: None
        try:
            asked = await asyncio.to_thread(read_infer_request, message)
            message.Clear()
            future = self.state.submit(model, kserve.call_of(model.description, asked), client)
        except BaseException:
            release()
            raise
        try:
            answer = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if not future.cancel():
                future.add_done_callback(lambda _: release())
                raise
            release()
            raise
        except BaseException:
            release()
            raise
        try:
            return await asyncio.to_thread(_encoded, model, asked, answer)
        finally:
            release()

    def _grant(self, context: Context) -> Grant:
        """Whose call it is; ``Refusal`` without a token where one is needed."""
        access = self.state.access
        if access.is_open:
            return EVERYBODY
        given = dict(context.invocation_metadata() or ()).get("authorization", "")
        kind, _, token = str(given).partition(" ")
        grant = access.find(token.strip()) if kind.lower() == "bearer" else None
        if grant is None:
            raise Refusal(401, "A token is needed: authorization: Bearer ...")
        return grant

    async def _refuse(self, context: Context, error: Exception) -> Any:
        status, said = status_of(error, self.state)
        self.state.log.warning("a call was refused", client=client_of(context), status=status, said=said)
        await context.abort(CODES.get(status, grpc.StatusCode.INTERNAL), said)

    def _note(self, context: Context, facts: dict[str, Any], outcome: str, seconds: float) -> None:
        took = seconds if outcome == "ok" else None
        self.state.metrics.observe(ENDPOINT, facts["model"] or UNKNOWN, outcome, took)
        if self.state.audit is not None:
            self.state.audit.note(
                door=ENDPOINT,
                client=client_of(context),
                **facts,
                outcome=outcome,
                seconds=round(seconds, 4),
            )


def client_of(context: Context) -> str:
    """The address of a peer such as ``ipv4:127.0.0.1:50000`` or ``ipv6:%5B::1%5D:50000``."""
    kind, _, rest = unquote(context.peer()).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else kind


def _decoded(raw: bytes) -> Any:
    try:
        return messages()["ModelInferRequest"].FromString(raw)
    except DecodeError:
        raise RequestError("The request is no message of this protocol.") from None


def _encoded(model: ServedModel, asked: kserve.InferRequest, answer: Answer) -> bytes:
    asked.parameters["binary_data_output"] = True
    parts, size = kserve.write_answer(model.description, asked, answer)
    head, *tensors = (memoryview(part).cast("B") for part in parts)
    assert size == len(head)
    return infer_response(json.loads(bytes(head)), tensors).SerializeToString()
