"""THE JOB: all jobs of a file, each as soon as those that it comes after are done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from understudy.cluster.batch.jobs import Batch, Job
from understudy.cluster.batch.order import Order, State
from understudy.cluster.batch.process import Ended, is_done

WAIT = 0.5


class Machine(Protocol):
    """What jobs run on."""

    def has_room(self, job: Job) -> bool: ...

    def start(self, job: Job) -> None: ...

    def wait(self, seconds: float) -> list[tuple[Job, Any]]: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class BatchPlanned:
    """All ``jobs`` by name, in the order in which they would be done one after the other."""

    jobs: tuple[str, ...]


@dataclass(frozen=True)
class JobBegun:
    job: str
    command: str


@dataclass(frozen=True)
class JobSaid:
    """What a job reports of itself: one of the events of its command."""

    job: str
    said: dict[str, Any]


@dataclass(frozen=True)
class JobEnded:
    """``state``: done, failed, left out (with ``text``, the job that it would have come after) or stopped."""

    job: str
    state: State
    text: str
    done: int
    total: int


Report = Callable[[Any], None]


def run_batch(batch: Batch, machine: Machine, report: Report, stop: Any) -> dict[str, State]:
    """What became of each job. ``stop``: anything that becomes true when jobs are to keep what they have, and
    end. A job that fails is named, those that come after it are left out, the others go on."""
    work = _Work(batch, machine, report)
    report(BatchPlanned(tuple(batch.jobs)))
    try:
        while not work.order.is_over:
            if stop and not work.stopping:
                work.stop()
            work.begin()
            for job, message in machine.wait(WAIT):
                work.heard(job, message)
    finally:
        machine.close()
    return work.order.states


class _Work:
    def __init__(self, batch: Batch, machine: Machine, report: Report) -> None:
        self.order, self.stopping = Order(batch), False
        self._may_begin = True
        self._machine, self._report, self._base = machine, report, batch.path.absolute().parent

    def stop(self) -> None:
        self.stopping = True
        self.order.stop()
        self._machine.stop()

    def begin(self) -> None:
        """Begin what may begin, as far as there is room: there is more of both only once a job has ended."""
        while self._may_begin and not self.stopping:
            self._may_begin = False
            for job in list(self.order.next()):
                if is_done(job, self._base):
                    self._ended(job, "done", "was there already")
                elif self._machine.has_room(job):
                    self.order.begun(job)
                    self._report(JobBegun(job.name, job.command))
                    self._machine.start(job)

    def heard(self, job: Job, message: Any) -> None:
        """A job reports something, or its end."""
        if not isinstance(message, Ended):
            self._report(JobSaid(job.name, message))
        elif self.stopping:
            self._ended(job, "stopped", message.last)
        else:
            self._ended(job, "done" if message.code == 0 else "failed", message.last)

    def _ended(self, job: Job, state: State, text: str) -> None:
        self._may_begin = True
        left = self.order.ended(job, state)
        done = sum(each not in ("waiting", "running") for each in self.order.states.values())
        self._report(JobEnded(job.name, state, text, done - len(left), len(self.order.states)))
        for place, (name, by) in enumerate(left, done - len(left) + 1):
            self._report(JobEnded(name, "left out", by, place, len(self.order.states)))
