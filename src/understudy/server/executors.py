"""Executors, one per kind of device and per Python model: a fair queue, worker threads, dynamic batching."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field

from understudy.server.log import ServerLog
from understudy.server.models.served import Answer, Call, ModelDown, ServedModel
from understudy.server.scheduling import FairQueue


@dataclass(eq=False)
class Job:
    """A call on its way: whose it is, for which model, and the future that its answer arrives in."""

    client: str
    model: ServedModel
    call: Call
    future: Future[Answer] = field(default_factory=Future)
    queued: float = field(default_factory=time.monotonic)

    def can_batch_with(self, other: Job) -> bool:
        return self.model is other.model and self.call.batch_key() == other.call.batch_key()


class Executor:
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
        """The next job and those that may run with it; empty when the executor is closed."""
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
                batch += self._queue.take(job.can_batch_with, job.model.max_batch - 1)
            self._busy += 1
        return batch

    def _run(self, batch: list[Job]) -> None:
        jobs = [job for job in batch if job.future.set_running_or_notify_cancel()]
        if not jobs:
            return
        try:
            answers = jobs[0].model.run([job.call for job in jobs])
        except Exception as error:
            self._run_one_by_one(jobs, error)
            return
        for job, answer in zip(jobs, answers, strict=True):
            job.future.set_result(answer)

    def _run_one_by_one(self, jobs: list[Job], error: Exception) -> None:
        """A batch that failed runs again one by one, so that one bad request fails alone."""
        if len(jobs) == 1:
            jobs[0].future.set_exception(error)
            return
        for job in jobs:
            try:
                job.future.set_result(job.model.run([job.call])[0])
            except Exception as alone:
                job.future.set_exception(alone)


class ExecutorPool:
    """All executors by name, made when a model first needs one."""

    def __init__(self, log: ServerLog) -> None:
        self._log = log
        self._executors: dict[str, Executor] = {}
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, job: Job) -> Future[Answer]:
        with self._lock:
            if self._closed:
                raise ModelDown("The server is shutting down.")
            executor = self._executors.get(job.model.executor)
            if executor is None:
                executor = self._executors[job.model.executor] = Executor(
                    job.model.executor, job.model.workers, self._log
                )
        return executor.submit(job)

    def waiting(self) -> dict[str, int]:
        """How many jobs wait in each executor."""
        with self._lock:
            return {name: len(executor) for name, executor in self._executors.items()}

    def busy(self) -> int:
        with self._lock:
            return sum(executor.busy for executor in self._executors.values())

    def has_work(self, name: str) -> bool:
        """Whether anything waits or runs in an executor."""
        with self._lock:
            executor = self._executors.get(name)
        return executor is not None and bool(len(executor) or executor.busy)

    def remove(self, name: str) -> None:
        """Close the executor of a model that is gone."""
        with self._lock:
            executor = self._executors.pop(name, None)
        if executor is not None:
            executor.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            executors = list(self._executors.values())
        for executor in executors:
            executor.close()


__all__ = ["CancelledError", "Executor", "ExecutorPool", "Job"]
