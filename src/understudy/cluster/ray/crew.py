"""The workers of one job: one on each node, or one for each accelerator; started again where they are
lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from understudy.cluster.ray.cluster import Cluster, Gone, Node
from understudy.cluster.ray.worker import MOST, Asked, FrameWorker
from understudy.inference.findings import Findings

LOOK = 2.0
"""Seconds between looks at which nodes there are."""
WAIT = 0.5
DEATHS = 3
"""So many workers in a row may be lost on a node before one of them has made a frame; then it has no more."""


@dataclass(eq=False)
class Worker:
    """A process on a node. ``room``: how many frames it takes at a time, 0 until it is ready."""

    name: int
    node: str
    place: tuple[str, int]
    actor: Any
    room: int = 0
    has: int = 0

    @property
    def has_room(self) -> bool:
        return self.has < self.room

    def begin(self, room: int) -> None:
        """It is ready, for so many frames at a time."""
        self.room = max(1, room)


class Crew:
    """``most``: how many workers there are at the most, None for as many as the cluster has room for."""

    def __init__(self, cluster: Cluster, asked: Asked, most: int | None) -> None:
        self._cluster, self._asked, self._most = cluster, asked, most
        self._workers: dict[tuple[str, int], Worker] = {}
        self._refs: dict[Any, tuple[Worker, int | None]] = {}
        self._deaths: Counter[tuple[str, int]] = Counter()
        self._out: set[tuple[str, int]] = set()
        self._names, self._looked = count(), 0.0
        self.any_nodes = True

    @property
    def ready(self) -> list[Worker]:
        return [worker for worker in self._workers.values() if worker.room]

    def recruit(self) -> None:
        """A worker for every place that has none: nodes may come and go."""
        if time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        places = {(node.id, index): node for node in self._cluster.nodes() for index in range(node.workers)}
        open_places = {place: node for place, node in places.items() if place not in self._out}
        self.any_nodes = bool(open_places)
        for place, node in open_places.items():
            if place not in self._workers and (self._most is None or len(self._workers) < self._most):
                self._start(place, node)

    def _start(self, place: tuple[str, int], node: Node) -> None:
        """Ray starts it as soon as the node has that much to spare."""
        accelerators = min(1, node.accelerators)
        actor = self._cluster.actor(FrameWorker, node, node.cores_each, accelerators, MOST, self._asked)
        self._workers[place] = worker = Worker(next(self._names), node.name, place, actor)
        self._refs[actor.set_up.remote()] = worker, None

    def ask(self, worker: Worker, method: str, number: int) -> None:
        self._refs[getattr(worker.actor, method).remote(number)] = worker, number
        worker.has += 1

    def wait(self) -> Iterator[tuple[Worker, int | None, Any]]:
        """What was answered meanwhile: by whom, of which frame (None: that it is ready), and what."""
        for ref in self._cluster.wait(tuple(self._refs), WAIT):
            worker, number = self._refs.pop(ref)
            if self._workers.get(worker.place) is not worker:
                continue  # of one that is dropped already
            found = self._cluster.answer(ref)
            if number is not None and not isinstance(found, Gone):
                worker.has -= 1
                self._deaths[worker.place] = 0
            yield worker, number, found
        if not self._refs:
            time.sleep(WAIT)

    def may_still_come(self, worker: Worker) -> bool:
        """Leave this worker's place empty, as it cannot do the job; whether there are others."""
        self._out.add(worker.place)
        self._end(worker)
        return bool(self._workers)

    def drop(self, worker: Worker) -> bool:
        """A worker is gone; whether its place gets another."""
        self._end(worker)
        self._deaths[worker.place] += 1
        if self._deaths[worker.place] >= DEATHS:
            self._out.add(worker.place)
        self._looked = 0.0
        return worker.place not in self._out

    def findings(self) -> list[Findings]:
        """What the workers that are there know of the frames that they have made."""
        refs = [worker.actor.findings.remote() for worker in self.ready]
        found = [self._cluster.answer(ref) for ref in refs]
        return [each for each in found if isinstance(each, Findings)]

    def close(self) -> None:
        for worker in list(self._workers.values()):
            self._end(worker)

    def _end(self, worker: Worker) -> None:
        self._workers.pop(worker.place, None)
        with suppress(Exception):  # gone already
            self._cluster.end(worker.actor)
