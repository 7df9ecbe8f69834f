"""The ML-Server endpoint: listens, keeps one thread for each connection, and makes the list of models."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace

from understudy.models.description import ModelDescription
from understudy.server import protocol
from understudy.server.models.served import ServedModel
from understudy.server.pictures import model_message
from understudy.server.session import ENDPOINT, Session
from understudy.server.state import ServerState
from understudy.server.wire import Part, encode

BACKLOG = 512
MAX_SESSIONS = 1024
LISTENS_ON = 2.0  # seconds for the thread that listens to end
FEW_SESSIONS = 8  # so many of one address are no crowd
LIST_FRAME = 12 + 2 + 4 + 3 + 12  # header, what surrounds the models of a list, and what ends each answer
MODEL_FRAME = 3


class MLServerEndpoint:
    """Listens on the port that Nuke's plug-in connects to."""

    def __init__(self, state: ServerState) -> None:
        self.state = state
        self._sessions: dict[Session, threading.Thread] = {}
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._closed = False
        self._left_out: list[str] = []
        state.metrics.connections.labels(ENDPOINT).set_function(lambda: len(self._sessions))

    def open(self) -> int:
        """Start to listen; the port. ``OSError`` when it is taken."""
        self._socket = socket.create_server(
            (self.state.settings.host, self.state.settings.port), backlog=BACKLOG, family=_family(self.state)
        )
        self._accepting = threading.Thread(target=self._accept, name="ml-server", daemon=True)
        self._accepting.start()
        return self._socket.getsockname()[1]

    def close(self) -> None:
        """Listen no more. Sessions at work go on."""
        self._closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # closed alone, it goes on waiting for a client
        self._socket.close()
        self._accepting.join(LISTENS_ON)

    def busy(self) -> int:
        """How many sessions are between the first byte of a request and the last byte of its answer."""
        with self._lock:
            return sum(session.is_at_work for session in self._sessions)

    def list_answer(self) -> list[Part]:
        """The list of models, short enough that no network cuts it in two."""
        chosen, left_out = fitting([m.description for m in self.state.registry.listed() if is_listed(m)])
        names = [description.name for description in left_out]
        if names != self._left_out:
            self._left_out = names
            if names:
                self.state.log.warning(
                    "models left out of the ML-Server list, which must stay short", models=names
                )
        return protocol.info_answer([model_message(description) for description in chosen])

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection, address = self._socket.accept()
            except OSError:
                if not self._closed:
                    time.sleep(0.05)  # out of file handles, or a client that left already
                continue
            self._admit(Session(self.state, self.list_answer, connection, address[0]))

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
        """Let go the oldest unfinished upload of the client that has most of them; of one that has few, none
        that waits for its turn."""
        sending = [session for session in self._sessions if session.is_sending]
        counts = Counter(session.client for session in sending)
        droppable = [
            each for each in sending if counts[each.client] > FEW_SESSIONS or not each.waits_for_its_turn
        ]
        if droppable:
            min(droppable, key=lambda session: (-counts[session.client], session.born)).drop()

    def _run(self, session: Session) -> None:
        try:
            session.serve()
        except Exception as error:
            self.state.log.error("a session failed", error, client=session.client)
            session.peer.reset()
        finally:
            with self._room:
                del self._sessions[session]
                self._room.notify()


def is_listed(model: ServedModel) -> bool:
    """Whether a model belongs into Nuke's menu.

    Its label must not change there, since scripts save it: a model that has yet to say its label is left
    out, one that is down for the moment stays. So is one that enlarges, as Nuke takes no picture of another
    size.
    """
    return (
        model.description.scale == 1
        and model.state in ("ready", "waiting", "down")
        and getattr(model, "introduced", True)
    )


def fitting(descriptions: list[ModelDescription]) -> tuple[list[ModelDescription], list[ModelDescription]]:
    """The descriptions whose list fits into one network segment, in their order, and those left out. Spare
    options are in it as far as there is room for them beside all the models."""
    chosen: list[ModelDescription] = []
    left_out: list[ModelDescription] = []
    room = protocol.ONE_SEGMENT - LIST_FRAME
    for description in descriptions:
        size = _size(short := _without_spare(description))
        if size <= room:
            chosen.append(description)
            room -= size
        else:
            left_out.append(short)
    for place, description in enumerate(chosen):
        more = _size(description) - _size(_without_spare(description))
        if more <= room:
            room -= more
        else:
            chosen[place] = _without_spare(description)
    return chosen, left_out


def _size(description: ModelDescription) -> int:
    return encode(model_message(description))[1] + MODEL_FRAME


def _without_spare(description: ModelDescription) -> ModelDescription:
    return replace(description, options=tuple(each for each in description.options if not each.spare))


def _family(state: ServerState) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in state.settings.host else socket.AF_INET
