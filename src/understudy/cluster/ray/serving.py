"""Models of the server answered by replicas: processes on the nodes of a Ray cluster, as many as are asked
for at a time. The server itself stays one process, which keeps the doors, the queues and the words."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.cluster.ray.cluster import Cluster, Gone
from understudy.errors import ServerError, UnderstudyError
from understudy.models.description import ModelDescription
from understudy.server.log import ServerLog
from understudy.server.models.devices import EXECUTOR
from understudy.server.models.served import Answer, Call, ModelDown, ServedModel
from understudy.server.repository import make, stamp_of
from understudy.server.state import ServerSettings, ServerState

REPLICATED = ("cat", "run", "onnx", "torchscript", "tflite", "pt2", "spandrel", "openvino")
TRIES = 3
IDLE = 60.0
"""Seconds after which a replica that nobody needs ends."""
LOOK = 0.5
SEQUENCES = 1000


@dataclass(frozen=True)
class Place:
    """Where a model lies, and what kind it is; ``stamp`` changes with its files."""

    kind: str
    path: str
    stamp: Hashable


class Replica:
    """A process on a node that answers calls. Models are loaded when they are first asked for."""

    def __init__(self, devices: str) -> None:
        self._state = ServerState(ServerSettings(devices=devices))
        self._models: dict[tuple[str, str], tuple[Hashable, ServedModel, float]] = {}

    def hello(self) -> str:
        return "ready"

    def run(self, place: Place, calls: list[Call]) -> list[Answer] | Exception:
        """The answers, or what would be raised."""
        try:
            return self._model(place).run(calls)
        except UnderstudyError as error:
            return error
        except Exception as error:
            return ServerError(f"{type(error).__name__}: {error}")

    def _model(self, place: Place) -> ServedModel:
        key, now = (place.kind, place.path), time.monotonic()
        stamp, model, looked = self._models.get(key, (None, None, 0.0))
        if model is None or stamp != place.stamp:
            model = make(place.kind, Path(place.path), self._state)
        elif place.kind == "run" and now - looked > LOOK:
            model.refresh()
        self._models[key] = (place.stamp, model, now)
        return model


@dataclass(eq=False)
class _Process:
    actor: Any
    free_since: float = field(default_factory=time.monotonic)
    busy: bool = False


class ReplicaPool:
    """Between ``least`` and ``most`` replicas, each with a core and ``accelerators`` of its node: one more
    for every call that finds none free, one less for each that is idle for a minute. Thread-safe."""

    def __init__(
        self, cluster: Cluster, log: ServerLog, least: int, most: int, devices: str, accelerators: int
    ) -> None:
        self._cluster, self._log, self._least, self.most = cluster, log, least, most
        self._devices, self._accelerators = devices, accelerators
        self._all: list[_Process] = []
        self._starting = 0
        self._sticky: OrderedDict[Hashable, _Process] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False
        for _ in range(least):
            self._start()
        threading.Thread(target=self._shrink, name="replicas", daemon=True).start()

    def ask(self, place: Place, calls: list[Call], sequence: Hashable | None) -> list[Answer]:
        """The answers of some replica; of ``sequence`` always the same one, as long as it lives. A replica
        that dies costs nothing but time: another is asked. Raises what the model raises."""
        for _ in range(TRIES):
            process = self._lend(sequence)
            found = self._cluster.answer(process.actor.run.remote(place, calls))
            if isinstance(found, Gone):
                self._drop(process, found)
                continue
            self._give_back(process)
            if isinstance(found, Exception):
                raise found
            return found
        raise ModelDown(f"{TRIES} processes were lost over this request.")

    def close(self) -> None:
        with self._changed:
            self._closed = True
            for process in self._all:
                self._cluster.end(process.actor)
            self._all.clear()
            self._changed.notify_all()

    def _lend(self, sequence: Hashable | None) -> _Process:
        with self._changed:
            while True:
                if self._closed:
                    raise ModelDown("The server is shutting down.")
                process = self._free(sequence)
                if process is not None:
                    process.busy = True
                    return process
                if len(self._all) + self._starting < self.most and not self._held(sequence):
                    self._start()
                self._changed.wait(1.0)

    def _held(self, sequence: Hashable | None) -> bool:
        return sequence is not None and self._sticky.get(sequence) in self._all

    def _free(self, sequence: Hashable | None) -> _Process | None:
        """A replica that is free; for a sequence the one that had its last frame."""
        if self._held(sequence):
            own = self._sticky[sequence]
            return None if own.busy else own
        free = next((process for process in self._all if not process.busy), None)
        if free is not None and sequence is not None:
            self._sticky[sequence] = free
            while len(self._sticky) > SEQUENCES:
                self._sticky.popitem(last=False)
        return free

    def _start(self) -> None:
        """One more, in a thread of its own, as its node may take a while."""
        self._starting += 1
        threading.Thread(target=self._started, name="replica", daemon=True).start()

    def _started(self) -> None:
        actor = self._cluster.anywhere(Replica, 1, self._accelerators, 1, self._devices)
        found = self._cluster.answer(actor.hello.remote())
        with self._changed:
            self._starting -= 1
            if isinstance(found, Gone):
                self._log.warning("a replica could not begin", why=found.reason)
            elif self._closed:
                self._cluster.end(actor)
            else:
                self._all.append(_Process(actor))
                self._log.info("a replica begins", replicas=len(self._all))
            self._changed.notify_all()

    def _give_back(self, process: _Process) -> None:
        with self._changed:
            process.busy, process.free_since = False, time.monotonic()
            self._changed.notify_all()

    def _drop(self, process: _Process, why: Gone) -> None:
        with self._changed:
            self._all = [each for each in self._all if each is not process]
            self._log.warning("a replica is gone", why=why.reason, replicas=len(self._all))
            if len(self._all) + self._starting < self._least:
                self._start()
            self._changed.notify_all()

    def _shrink(self) -> None:
        while not self._closed:
            time.sleep(LOOK)
            with self._changed:
                idle = [p for p in self._all if not p.busy and time.monotonic() - p.free_since > IDLE]
                if idle and len(self._all) > self._least:
                    self._all.remove(idle[0])
                    self._cluster.end(idle[0].actor)
                    self._log.info("an idle replica ends", replicas=len(self._all))


class ReplicatedModel:
    """A model of the server whose calls replicas answer. All else is that of ``inner``."""

    executor = EXECUTOR

    def __init__(self, inner: ServedModel, kind: str, path: Path, pool: ReplicaPool) -> None:
        self._inner, self._kind, self._path, self._pool = inner, kind, path, pool
        self.workers, self.max_batch = pool.most, inner.max_batch

    @property
    def description(self) -> ModelDescription:
        return self._inner.description

    @description.setter
    def description(self, value: ModelDescription) -> None:
        self._inner.description = value

    @property
    def state(self) -> str:
        return self._inner.state

    @state.setter
    def state(self, value: str) -> None:
        self._inner.state = value

    @property
    def trouble(self) -> str:
        return self._inner.trouble

    @trouble.setter
    def trouble(self, value: str) -> None:
        self._inner.trouble = value

    def run(self, calls: list[Call]) -> list[Answer]:
        place = Place(self._kind, str(self._path), stamp_of(self._path, self._kind))
        return self._pool.ask(place, calls, self._sequence(calls[0]))

    def _sequence(self, call: Call) -> Hashable | None:
        """What is remembered from frame to frame is remembered by one process."""
        named = call.options.get("sequence")
        if not (named or call.options.get("stabilise") or self.description.state):
            return None
        return self.description.name, call.client, named

    def refresh(self) -> None:
        if self._kind == "run":
            self._inner.refresh()

    def close(self) -> None:
        self._inner.close()


def replicate(pool: ReplicaPool) -> Callable[[ServedModel, str, Path], ServedModel]:
    """What puts replicas in the place of models that one process answers."""

    def wrapped(model: ServedModel, kind: str, path: Path) -> ServedModel:
        if kind not in REPLICATED or model.executor != EXECUTOR:
            return model
        return ReplicatedModel(model, kind, path, pool)

    return wrapped
