"""The ML-Server door: one thread and one request per connection, deadlines on all of it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotYet

import numpy as np

from understudy.server import protocol
from understudy.server.fair import Reservation
from understudy.server.house import UNKNOWN, House
from understudy.server.messages import FieldValuePairAttrib, RequestInference, RequestWrapper
from understudy.server.models.card import Answer, Call, Card, ModelDown, RequestError, ServedModel
from understudy.server.pace import Pace
from understudy.server.peer import Peer, PeerEnded, PeerGone, PeerSlow
from understudy.server.pictures import buttons_of, gather, image_of, model_message, options_of, planes_of
from understudy.server.wire import Part, WireError, decode_into, encode

DOOR = "ml-server"
BACKLOG = 512
MAX_SESSIONS = 512
FREE_SIZE = 256 * 1024  # requests up to this size need no place in the memory
HALF_CLOSE = 0.25  # a client that closes its sending side within this time after its request still listens
LOOK = 0.1
OBJECT_LIMIT = 1 << 20
LIST_FRAME = 12 + 2 + 4 + 3  # header, and what surrounds the models of a list
MODEL_FRAME = 3


class MLServerDoor:
    """Listens on the port that Nuke's plug-in connects to."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._sessions: dict[Session, threading.Thread] = {}
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._closed = False
        self._left_out: list[str] = []
        house.metrics.connections.labels(DOOR).set_function(lambda: len(self._sessions))

    def open(self) -> int:
        """Start to listen; the port. ``OSError`` when it is taken."""
        self._socket = socket.create_server(
            (self.house.settings.host, self.house.settings.port), backlog=BACKLOG, family=_family(self.house)
        )
        threading.Thread(target=self._accept, name="ml-server", daemon=True).start()
        return self._socket.getsockname()[1]

    def close(self) -> None:
        """Listen no more. Sessions at work go on."""
        self._closed = True
        self._socket.close()

    def at_work(self) -> int:
        """How many sessions are between the first byte of a request and the last byte of its answer."""
        with self._lock:
            return sum(session.is_at_work for session in self._sessions)

    def list_answer(self) -> list[Part]:
        """The list of models, short enough that no network cuts it in two."""
        chosen, left_out = fitting([m.card for m in self.house.registry.listed() if is_listed(m)])
        names = [card.name for card in left_out]
        if names != self._left_out:
            self._left_out = names
            if names:
                self.house.log.warning(
                    "models left out of the ML-Server list, which must stay short", models=names
                )
        return protocol.info_answer([model_message(card) for card in chosen])

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection, address = self._socket.accept()
            except OSError:
                if not self._closed:
                    time.sleep(0.05)  # out of file handles, or a client that left already
                continue
            self._admit(Session(self, connection, address[0]))

    def _admit(self, session: Session) -> None:
        """Run a session in a thread of its own; when too many are there, one that is still sending must
        go.
        """
        with self._room:
            while len(self._sessions) >= MAX_SESSIONS and not self._closed:
                self._evict()
                self._room.wait(0.1)
            thread = threading.Thread(target=self._run, args=(session,), name="session", daemon=True)
            self._sessions[session] = thread
        thread.start()

    def _evict(self) -> None:
        """Let go the oldest unfinished upload of the client that has most of them."""
        sending = [session for session in self._sessions if session.is_sending]
        if sending:
            counts = Counter(session.client for session in sending)
            min(sending, key=lambda session: (-counts[session.client], session.born)).drop()

    def _run(self, session: Session) -> None:
        try:
            session.serve()
        except Exception as error:
            self.house.log.error("a session failed", error, client=session.client)
            session.peer.reset()
        finally:
            with self._room:
                del self._sessions[session]
                self._room.notify()


class Session:
    """One connection: reads one request, answers it, closes."""

    def __init__(self, door: MLServerDoor, connection: socket.socket, client: str) -> None:
        self.door = door
        self.house = door.house
        self.client = client
        self.peer = Peer(connection)
        self.born = time.monotonic()
        self.is_sending = True
        self.is_at_work = False
        self._patience = self.house.settings.patience
        self._model: ServedModel | None = None
        self._reservation: Reservation | None = None

    def drop(self) -> None:
        """Give up on a client that says nothing."""
        with contextlib.suppress(OSError):
            self.peer.connection.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        """The whole life of the connection."""
        try:
            answer = self._answer()
            self.peer.send(answer, self._shared_pace())
            del answer
        except PeerGone as gone:
            self._note("gone")
            self.house.log.info("a client went away", client=self.client, why=str(gone), model=self._name())
            self.peer.reset()
        else:
            self._release()
            self.is_at_work = False
            self.peer.finish(self._patience)
        finally:
            self._release()

    def _answer(self) -> list[Part]:
        """Read the request and make its answer, an error if need be."""
        started = time.monotonic()
        try:
            request = self._read()
            started = time.monotonic()
            if self.house.draining.is_set():
                raise ModelDown("The server is shutting down.")
            if request.r1 is not None:
                return self.door.list_answer()
            if request.r2 is None:
                raise RequestError("The request asks neither for the list of models nor for a picture.")
            answer = self._infer(request.r2)
        except PeerGone:
            raise
        except CancelledError:
            raise PeerGone("while its request waited") from None
        except protocol.ProtocolError as error:
            return self._refuse(RequestError(str(error)))
        except Exception as error:
            return self._refuse(error)
        self._note("ok", time.monotonic() - started)
        return answer

    def _read(self) -> RequestWrapper:
        reader = protocol.RequestReader(self.house.settings.max_request)
        try:
            self._fill(reader, Pace(self._patience))
        except PeerSlow:
            raise protocol.ProtocolError("The request did not arrive in time.") from None
        except PeerEnded:
            if not reader.received:
                raise
            raise protocol.ProtocolError(f"The request ended early, after {reader.received} bytes.") from None
        return reader.request()

    def _fill(self, reader: protocol.RequestReader, pace: Pace) -> None:
        while reader.state != "complete":
            if reader.state == "buffer":
                self._make_room(reader)
                pace = self._shared_pace()
            reader.took(self.peer.read_into(reader.room(), pace))
            self.is_at_work = True
        self.is_sending = False

    def _shared_pace(self) -> Pace:
        """The patience with a client whose request holds memory that others may wait for."""
        return Pace(self._patience, lambda: self._reservation is not None and self.house.gate.waiting > 0)

    def _make_room(self, reader: protocol.RequestReader) -> None:
        """Wait for a place in the memory, for what comes and what goes out, then take it."""
        wanted = reader.memory_wanted()
        if wanted > FREE_SIZE:
            self._reservation = self.house.gate.reserve(self.client, 2 * wanted)
            _wait(self._reservation.granted, self.peer)
        reader.use(memoryview(_aligned(wanted)))

    def _infer(self, request: RequestInference) -> list[Part]:
        asked = request.model.name if request.model else None
        self._model = model = self.house.registry.get(asked or "")
        call = call_of(model.card, request)
        future = self.house.submit(model, call, self.client)
        try:
            answer = _wait(future, self.peer, time.monotonic() + HALF_CLOSE)
        except PeerGone:
            self._leave(future)
            raise
        return answer_of(model.card, answer, call)

    def _leave(self, future: Future[Answer]) -> None:
        """The client is gone: out of the queue, or, when in work already, let it end and keep its memory
        until then.
        """
        if not future.cancel() and self._reservation is not None:
            kept, self._reservation = self._reservation, None
            future.add_done_callback(lambda _: kept.release())

    def _refuse(self, error: Exception) -> list[Part]:
        self._note(self.house.outcome(error))
        text = self.house.explain(error, self._model)
        self.house.log.warning("a request was not answered with a picture", client=self.client, said=text)
        return protocol.error_answer(text)

    def _note(self, outcome: str, seconds: float | None = None) -> None:
        self.house.metrics.observe(DOOR, self._name(), outcome, seconds)

    def _name(self) -> str:
        return self._model.card.name if self._model else UNKNOWN

    def _release(self) -> None:
        if self._reservation is not None:
            self._reservation.release()


def is_listed(model: ServedModel) -> bool:
    """Whether a model belongs into Nuke's menu.

    Its label must not change there, since scripts save it: a model that has yet to say its label is left
    out, one that is down for the moment stays.
    """
    return model.state in ("ready", "waiting", "down") and getattr(model, "introduced", True)


def fitting(cards: list[Card]) -> tuple[list[Card], list[Card]]:
    """The cards whose list fits into one network segment, in their order, and those left out."""
    chosen: list[Card] = []
    left_out: list[Card] = []
    room = protocol.ONE_SEGMENT - LIST_FRAME
    for card in cards:
        size = encode(model_message(card))[1] + MODEL_FRAME
        if size <= room:
            chosen.append(card)
            room -= size
        else:
            left_out.append(card)
    return chosen, left_out


def call_of(card: Card, request: RequestInference) -> Call:
    """A request as a call to the model; ``RequestError`` when it does not fit."""
    options = options_of(request.model)
    return Call(
        pictures=gather(card, [planes_of(image) for image in request.images]),
        options=card.read_options(options, gentle=True),
        buttons=card.read_buttons(buttons_of(request.model)),
        linear=True,
    )


def answer_of(card: Card, answer: Answer, call: Call) -> list[Part]:
    """The model's answer as it travels."""
    objects = [_object(each) for each in answer.objects]
    if not answer.pictures and not objects:
        raise RequestError(f'The model "{card.label}" made no picture.')
    size = call.pictures[0].shape[1:]
    if answer.pictures and answer.pictures[0].shape[1:] != size and not any(call.buttons.values()):
        height, width = answer.pictures[0].shape[1:]
        raise RequestError(
            f'"{card.label}" makes a picture of another size ({width} x {height}); Nuke does not take that.'
        )
    return protocol.inference_answer([image_of(planes) for planes in answer.pictures], objects)


def _object(raw: bytes) -> FieldValuePairAttrib:
    try:
        return decode_into(FieldValuePairAttrib(), raw[:OBJECT_LIMIT])
    except WireError:
        raise RequestError("The model's attributes cannot be sent.") from None


def _wait(future: Future, peer: Peer, may_half_close_until: float = 0.0) -> object:
    """The future's result. ``PeerGone`` when the client goes away first.

    A client that closes its sending side right after its request still waits for the answer; one whose
    connection ends later has gone away.
    """
    half_closed = False
    while True:
        try:
            return future.result(LOOK)
        except NotYet:
            if future.done():
                raise
        half_closed = half_closed or _ended(peer, may_half_close_until)


def _ended(peer: Peer, may_half_close_until: float) -> bool:
    """True for a client that has half closed; ``PeerGone`` for one that is away."""
    try:
        ended = peer.has_ended()
    except OSError as error:
        raise PeerGone("the connection broke") from error
    if ended and time.monotonic() > may_half_close_until:
        raise PeerGone("while its request waited")
    return ended


def _aligned(size: int) -> np.ndarray:
    """Memory that starts on a 64-byte boundary, not written to before it is used."""
    memory = np.empty(size + protocol.ALIGNMENT, np.uint8)
    at = -memory.ctypes.data % protocol.ALIGNMENT
    return memory[at : at + size]


def _family(house: House) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in house.settings.host else socket.AF_INET
