"""The queues, one per kind of device and per Python model: clients take turns, like requests run together."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field

from understudy.server.fair import FairQueue
from understudy.server.log import ServerLog
from understudy.server.models.card import Answer, Call, ModelDown, ServedModel


@dataclass(eq=False)
class Job:
    """A call on its way: whose it is, for which model, and the future that its answer arrives in."""

    client: str
    model: ServedModel
    call: Call
    future: Future[Answer] = field(default_factory=Future)
    queued: float = field(default_factory=time.monotonic)

    def is_like(self, other: Job) -> bool:
        return self.model is other.model and self.call.likeness() == other.call.likeness()


class Lane:
    """The queue of one device and the threads that serve it."""

    def __init__(self, name: str, workers: int, log: ServerLog) -> None:
        self.name = name
        self._log = log
        self._queue: FairQueue[Job] = FairQueue()
        self._ready = threading.Condition()
        self._closed = False
        self._busy = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{n}", daemon=True) for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def busy(self) -> int:
        """How many workers are at work."""
        return self._busy

    def submit(self, job: Job) -> Future[Answer]:
        """Queue a job. A future that is cancelled before its turn is never run."""
        with self._ready:
            if self._closed:
                raise ModelDown("The server is shutting down.")
            self._queue.push(job.client, job)
            self._ready.notify()
        return job.future

    def close(self) -> None:
        """Take no more; what waits is refused politely, what is in work is finished."""
        with self._ready:
            self._closed = True
            waiting = list(self._queue)
            self._queue = FairQueue()
            self._ready.notify_all()
        for job in waiting:
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(ModelDown("The server is shutting down."))

    def _work(self) -> None:
        while batch := self._next():
            try:
                self._run(batch)
            except Exception as error:  # a worker must outlive anything
                self._log.error("a worker failed", error, lane=self.name)
            with self._ready:
                self._busy -= 1
            del batch  # its pictures go now, not when the next job comes

    def _next(self) -> list[Job]:
        """The next job and those that may run with it; empty when the lane is closed."""
        with self._ready:
            while True:
                self._queue.discard(lambda job: job.future.cancelled())
                if len(self._queue):
                    break
                if self._closed:
                    return []
                self._ready.wait()
            job = self._queue.pop()
            batch = [job]
            if job.model.max_batch > 1:
                batch += self._queue.take(job.is_like, job.model.max_batch - 1)
            self._busy += 1
        return batch

    def _run(self, batch: list[Job]) -> None:
        jobs = [job for job in batch if job.future.set_running_or_notify_cancel()]
        if not jobs:
            return
        try:
            answers = jobs[0].model.run([job.call for job in jobs])
        except Exception as error:
            self._run_apart(jobs, error)
            return
        for job, answer in zip(jobs, answers, strict=True):
            job.future.set_result(answer)

    def _run_apart(self, jobs: list[Job], error: Exception) -> None:
        """A batch that failed runs again one by one, so that one bad request fails alone."""
        if len(jobs) == 1:
            jobs[0].future.set_exception(error)
            return
        for job in jobs:
            try:
                job.future.set_result(job.model.run([job.call])[0])
            except Exception as alone:
                job.future.set_exception(alone)


class Lanes:
    """All lanes by name, made when a model first needs one."""

    def __init__(self, log: ServerLog) -> None:
        self._log = log
        self._lanes: dict[str, Lane] = {}
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, job: Job) -> Future[Answer]:
        with self._lock:
            if self._closed:
                raise ModelDown("The server is shutting down.")
            lane = self._lanes.get(job.model.lane)
            if lane is None:
                lane = self._lanes[job.model.lane] = Lane(job.model.lane, job.model.workers, self._log)
        return lane.submit(job)

    def waiting(self) -> dict[str, int]:
        """How many jobs wait in each lane."""
        with self._lock:
            return {name: len(lane) for name, lane in self._lanes.items()}

    def busy(self) -> int:
        with self._lock:
            return sum(lane.busy for lane in self._lanes.values())

    def has_work(self, name: str) -> bool:
        """Whether anything waits or runs in a lane."""
        with self._lock:
            lane = self._lanes.get(name)
        return lane is not None and bool(len(lane) or lane.busy)

    def retire(self, name: str) -> None:
        """Close the lane of a model that is gone."""
        with self._lock:
            lane = self._lanes.pop(name, None)
        if lane is not None:
            lane.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            lanes = list(self._lanes.values())
        for lane in lanes:
            lane.close()


__all__ = ["CancelledError", "Job", "Lane", "Lanes"]
