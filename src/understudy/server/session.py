"""One connection of the ML-Server endpoint: one request is read, answered, and the connection closed."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any

import numpy as np

from understudy.errors import RequestError
from understudy.models.description import ModelDescription
from understudy.models.prompts import turned_over
from understudy.server import protocol
from understudy.server.admission import Reservation
from understudy.server.deadlines import TransferDeadline
from understudy.server.messages import FieldValuePairAttrib, Model, RequestInference, RequestWrapper
from understudy.server.models.served import Answer, Call, ModelDown, ServedModel
from understudy.server.peer import Peer, PeerClosed, PeerDisconnected, PeerTimedOut
from understudy.server.pictures import buttons_of, gather, image_of, options_of, planes_of
from understudy.server.state import UNKNOWN, ServerState
from understudy.server.wire import Part, WireError, decode_into

ENDPOINT = "ml-server"
SMALL_REQUEST = 256 * 1024  # requests up to this size need no reservation
HALF_CLOSE = 0.25  # a client that closes its sending side within this time after its request still listens
POLL_INTERVAL = 0.1
POLL_INTERVAL_UNREAD = 0.5  # of those that wait for their turn, who may be many
OBJECT_LIMIT = 1 << 20


class Session:
    """One connection: reads one request, answers it, closes."""

    def __init__(
        self,
        state: ServerState,
        list_answer: Callable[[], list[Part]],
        connection: socket.socket,
        client: str,
    ) -> None:
        self.state = state
        self._list_answer = list_answer
        self.client = client
        self.peer = Peer(connection)
        self.born = time.monotonic()
        self.is_sending = True
        self.is_at_work = False
        self._idle_timeout = self.state.settings.patience
        self._model: ServedModel | None = None
        self._reservation: Reservation | None = None

    @property
    def waits_for_its_turn(self) -> bool:
        """Whether it is the server that keeps the client waiting, not the other way round."""
        reservation = self._reservation
        return reservation is not None and not reservation.granted.done()

    def drop(self) -> None:
        """Give up on a client that says nothing."""
        with contextlib.suppress(OSError):
            self.peer.connection.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        """The whole life of the connection."""
        try:
            answer = self._answer()
            self._wait_to_send()
            self.peer.send(answer, self._shared_deadline())
            del answer
        except PeerDisconnected as gone:
            self._note("gone")
            self.state.log.info("a client went away", client=self.client, why=str(gone), model=self._name())
            self.peer.reset()
        else:
            self._release()
            self.is_at_work = False
            self.peer.finish(self._idle_timeout)
        finally:
            self._release()

    def _answer(self) -> list[Part]:
        """Read the request and make its answer, an error if need be."""
        started = time.monotonic()
        try:
            request = self._read()
            started = time.monotonic()
            if self.state.draining.is_set():
                raise ModelDown("The server is shutting down.")
            if request.r1 is not None:
                return self._list_answer()
            if request.r2 is None:
                raise RequestError("The request asks neither for the list of models nor for a picture.")
            answer = self._infer(request.r2)
        except PeerDisconnected:
            raise
        except CancelledError:
            raise PeerDisconnected("while its request waited") from None
        except protocol.ProtocolError as error:
            return self._refuse(RequestError(str(error)))
        except Exception as error:
            return self._refuse(error)
        self._note("ok", time.monotonic() - started)
        return answer

    def _read(self) -> RequestWrapper:
        reader = protocol.RequestReader(self.state.settings.max_request)
        try:
            self._fill(reader, TransferDeadline(self._idle_timeout))
        except PeerTimedOut:
            raise protocol.ProtocolError("The request did not arrive in time.") from None
        except PeerClosed:
            if not reader.received:
                raise
            raise protocol.ProtocolError(f"The request ended early, after {reader.received} bytes.") from None
        return reader.request()

    def _fill(self, reader: protocol.RequestReader, deadline: TransferDeadline) -> None:
        while reader.state != "complete":
            if reader.state == "buffer":
                self._make_room(reader)
                deadline = self._shared_deadline()
            reader.took(self.peer.read_into(reader.room(), deadline))
            self.is_at_work = True
        self.is_sending = False
        if self._reservation is not None:
            self._reservation.at_work()

    def _shared_deadline(self) -> TransferDeadline:
        """The deadline of a transfer that holds memory which others may wait for."""
        if self._reservation is None:
            return TransferDeadline(self._idle_timeout)
        deadline = TransferDeadline(self._idle_timeout, lambda: self.state.admission.is_short_of_memory)
        self._reservation.transfer = deadline
        return deadline

    def _make_room(self, reader: protocol.RequestReader) -> None:
        """Wait until admission control grants memory for the request and its answer, and it is its turn."""
        wanted = reader.memory_wanted()
        if wanted > SMALL_REQUEST:
            self._reservation = self.state.admission.reserve(self.client, 2 * wanted)
            _wait(self._reservation.granted, self.peer, poll=POLL_INTERVAL_UNREAD)
        reader.use(_aligned(wanted).data)

    def _wait_to_send(self) -> None:
        if self._reservation is not None:
            _wait(self._reservation.to_send(), self.peer, time.monotonic() + HALF_CLOSE)

    def _infer(self, request: RequestInference) -> list[Part]:
        asked = request.model.name if request.model else None
        self._model = model = self.state.registry.get(asked or "")
        call = call_of(model.description, request)
        refuse_larger(model.description, call)
        future = self.state.submit(model, call, self.client)
        try:
            answer = _wait(future, self.peer, time.monotonic() + HALF_CLOSE)
        except PeerDisconnected:
            self._leave(future)
            raise
        return answer_of(model.description, answer, call)

    def _leave(self, future: Future[Answer]) -> None:
        """The client is gone: out of the queue, or, when in work already, let it end and keep its memory
        until then.
        """
        if not future.cancel() and self._reservation is not None:
            kept, self._reservation = self._reservation, None
            future.add_done_callback(lambda _: kept.release())

    def _refuse(self, error: Exception) -> list[Part]:
        self._note(self.state.outcome(error))
        text = self.state.explain(error, self._model)
        self.state.log.warning("a request was not answered with a picture", client=self.client, said=text)
        return protocol.error_answer(text)

    def _note(self, outcome: str, seconds: float | None = None) -> None:
        self.state.metrics.observe(ENDPOINT, self._name(), outcome, seconds)
        if self.state.audit is not None:
            self.state.audit.note(
                door=ENDPOINT,
                client=self.client,
                model=self._model.description.name if self._model else "",
                outcome=outcome,
                seconds=round(time.monotonic() - self.born, 4),
            )

    def _name(self) -> str:
        return self._model.description.name if self._model else UNKNOWN

    def _release(self) -> None:
        if self._reservation is not None:
            self._reservation.release()


def call_of(description: ModelDescription, request: RequestInference) -> Call:
    """A request as a call to the model; ``RequestError`` when it does not fit."""
    model = request.model or Model()
    options = description.read_options(options_of(model), clamp=True)
    pictures = gather(description, [planes_of(image) for image in request.images])
    if description.prompts and pictures:
        options |= turned_over(options["points"], options["box"], pictures[0].shape[1])
    return Call(
        pictures=pictures,
        options=options,
        buttons=description.read_buttons(buttons_of(model)),
        linear=True,
    )


def answer_of(description: ModelDescription, answer: Answer, call: Call) -> list[Part]:
    """The model's answer as it travels."""
    objects = [_object(each) for each in answer.objects]
    if not answer.pictures and not objects:
        raise RequestError(f'The model "{description.label}" made no picture.')
    if answer.pictures and not any(call.buttons.values()):
        _check_shape(description, call, answer.pictures[0].shape[1:])
    return protocol.inference_answer([image_of(planes) for planes in answer.pictures], objects)


def refuse_larger(description: ModelDescription, call: Call) -> None:
    """``RequestError``, before the work, for a model whose pictures are larger than those that it takes."""
    height, width = (side * description.scale for side in call.pictures[0].shape[1:])
    _check_shape(description, call, (height, width))


def _check_shape(description: ModelDescription, call: Call, made: tuple[int, ...]) -> None:
    if made != call.pictures[0].shape[1:]:
        raise RequestError(
            f'"{description.label}" makes a picture of another size ({made[1]} x {made[0]}); '
            "Nuke does not take that."
        )


def _object(raw: bytes) -> FieldValuePairAttrib:
    try:
        return decode_into(FieldValuePairAttrib(), raw[:OBJECT_LIMIT])
    except WireError:
        raise RequestError("The model's attributes cannot be sent.") from None


def _wait(future: Future, peer: Peer, may_half_close_until: float = 0.0, poll: float = POLL_INTERVAL) -> Any:
    """The future's result. ``PeerDisconnected`` when the client goes away first.

    A client that closes its sending side right after its request still waits for the answer; one whose
    connection ends later has gone away.
    """
    half_closed = False
    while True:
        try:
            return future.result(poll)
        except NotYet:
            if future.done():
                raise
        half_closed = half_closed or _ended(peer, may_half_close_until)


def _ended(peer: Peer, may_half_close_until: float) -> bool:
    """True for a client that has half closed; ``PeerDisconnected`` for one that is away."""
    try:
        ended = peer.has_ended()
    except OSError as error:
        raise PeerDisconnected("the connection broke") from error
    if ended and time.monotonic() > may_half_close_until:
        raise PeerDisconnected("while its request waited")
    return ended


def _aligned(size: int) -> np.ndarray:
    """Memory that starts on a 64-byte boundary, not written to before it is used."""
    memory = np.empty(size + protocol.ALIGNMENT, np.uint8)
    at = -memory.ctypes.data % protocol.ALIGNMENT
    return memory[at : at + size]
