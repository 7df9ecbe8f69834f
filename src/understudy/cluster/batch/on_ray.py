"""Jobs on the nodes of a Ray cluster, each with the cores and accelerators that it wants."""

from __future__ import annotations

import platform
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from understudy.cluster.batch.jobs import Job
from understudy.cluster.batch.process import Ended, Process
from understudy.cluster.ray.cluster import Cluster, Gone

TRIES = 3
"""So often a job is begun again whose node went away."""
PAUSE = 25.0
"""Seconds before it is: until then its run counts as at work, by its last sign of life."""


class JobRunner:
    """One job in a process of a node."""

    def __init__(self, job: Job, base: str, cores: int) -> None:
        self._job, self._base, self._cores = job, Path(base), cores
        self._process: Process | None = None
        self._lock, self._stopped = threading.Lock(), False

    def place(self) -> str:
        """The name of the node that has room for it."""
        return platform.node()

    def run(self) -> Ended:
        with self._lock:
            if self._stopped:
                return _not_begun()
            try:
                self._process = Process(self._job, self._base, {"OMP_NUM_THREADS": str(self._cores)})
            except OSError as error:
                return Ended(1, f"this node could not begin it: {error}")
        return self._process.run(lambda event: None)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.stop()


class RayCluster:
    """Hands every job to Ray, which begins it where there is room."""

    def __init__(self, base: Path, cluster: Cluster) -> None:
        self._base, self._cluster = base, cluster
        self._runners: dict[str, Any] = {}
        self._refs: dict[Any, Job] = {}
        self._waiting: dict[Any, Job] = {}
        self._ended: list[tuple[Job, Any]] = []
        self._tries: Counter[str] = Counter()
        self._again: list[tuple[float, Job]] = []

    def has_room(self, job: Job) -> bool:
        return True

    def start(self, job: Job) -> None:
        cores = job.cores or 1
        runner = self._cluster.anywhere(JobRunner, cores, job.gpus, 2, job, str(self._base), cores)
        self._runners[job.name] = runner
        self._waiting[runner.place.remote()] = job
        self._refs[runner.run.remote()] = job

    def wait(self, seconds: float) -> list[tuple[Job, Any]]:
        """Where jobs began, and how they ended (``Ended``), as soon as one did. One whose node went is begun
        again, after a pause."""
        for due, job in list(self._again):
            if time.monotonic() >= due:
                self._again.remove((due, job))
                self.start(job)
        found, self._ended = self._ended, []
        if not self._refs and not found:
            time.sleep(seconds)
        for ref in self._cluster.wait((*self._waiting, *self._refs), 0 if found else seconds):
            job, answer = self._waiting.get(ref) or self._refs[ref], self._cluster.answer(ref)
            if self._waiting.pop(ref, None) is None:
                found.append((job, self._over(ref, answer)))
            elif isinstance(answer, str):
                found.append((job, {"event": "batch_said", "text": f"begins on {answer}"}))
        return found

    def _over(self, ref: Any, ended: Any) -> Any:
        job = self._refs.pop(ref)
        self._cluster.end(self._runners.pop(job.name))
        return self._gone(job, ended) if isinstance(ended, Gone) else ended

    def _gone(self, job: Job, why: Gone) -> Any:
        self._tries[job.name] += 1
        if self._tries[job.name] >= TRIES:
            return Ended(1, f"lost with its node {TRIES} times: {why.reason}")
        self._again.append((time.monotonic() + PAUSE, job))
        return {"event": "batch_said", "text": f"lost with its node, and begun again: {why.reason}"}

    def stop(self) -> None:
        """Jobs that are at work keep what they have, and end; those that wait for room do not begin."""
        self._tries.update(dict.fromkeys(self._runners, TRIES))
        placed = set(self._cluster.there(tuple(self._waiting)))
        waiting = {job.name for ref, job in self._waiting.items() if ref not in placed}
        self._waiting.clear()
        for ref, job in list(self._refs.items()):
            if job.name in waiting:
                del self._refs[ref]
                self._cluster.end(self._runners.pop(job.name))
                self._ended.append((job, _not_begun()))
        self._ended += [(job, _not_begun()) for _, job in self._again]
        self._again.clear()
        for runner in self._runners.values():
            runner.stop.remote()

    def close(self) -> None:
        for runner in self._runners.values():
            self._cluster.end(runner)


def _not_begun() -> Ended:
    return Ended(130, "stopped before it began")
