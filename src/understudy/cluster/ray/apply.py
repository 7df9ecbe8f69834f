"""The frames of a job made by the nodes of a Ray cluster: what makes a frame is opened once on each, and a
node that goes costs its frames under way and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch

from understudy.cluster.ray.cluster import Cluster, Gone, connected
from understudy.cluster.ray.crew import Crew, Worker
from understudy.cluster.ray.deal import TRIES, Deal
from understudy.cluster.ray.shipping import unpack
from understudy.cluster.ray.worker import Asked, Composed
from understudy.device import free_memory
from understudy.errors import ApplyError, SettingError, UnderstudyError
from understudy.inference.events import ApplyMessage, Report
from understudy.inference.findings import add_findings
from understudy.inference.job import Job
from understudy.inference.pipeline import AHEAD
from understudy.inference.results import Outcome
from understudy.inference.work import followed, write
from understudy.version import __version__

BESIDE = 4
STEADIED = 16
"""How many frames that follow each other one worker has, where they share what is read, or made, beside
them."""
PATIENCE = 60.0
"""Seconds without any node before the work ends."""


def work_on_ray(job: Job, report: Report, stop: Any, address: str | None = None) -> Iterator[Outcome]:
    """Make all frames that are to do on the cluster at ``address``, and report each: what
    ``inference.work.work`` does on one machine. ``address``: None for the one that this machine belongs to.

    Raises MissingPackageError, and ApplyError where there is no cluster, or no node is left.
    """
    if job.sink.is_movie and job.composer.header.finds_instances:
        raise SettingError(
            "The tables of instances are not made for a movie on a cluster.",
            expected="frames as files of their own, such as out.####.exr",
            found=job.sink.spec,
            where="--on",
        )
    with connected(address) as cluster:
        yield from followed(job, _Work(job, cluster, report, stop).outcomes(), report)


class _Work:
    """One job on one cluster."""

    def __init__(self, job: Job, cluster: Cluster, report: Report, stop: Any) -> None:
        self._job, self._report, self._stop = job, report, stop
        self._deal = Deal(job.to_do, run_of(job))
        asked = Asked(job.settings.anchored(), job.to_do, __version__, dict(job.provenance))
        self._crew = Crew(cluster, asked, 1 if job.is_in_order else None)
        self._most_waiting = _waiting_frames(job)
        self._planned, self._alone_since = False, time.monotonic()
        self._findings: list[Any] = []

    def outcomes(self) -> Iterator[Outcome]:
        """As frames are done with, in any order."""
        try:
            while not self._is_over():
                self._crew.recruit()
                self._check_alone()
                self._give()
                for worker, number, found in self._crew.wait():
                    yield from self._took(worker, number, found)
            add_findings(self._job, self._crew.findings())
        finally:
            self._crew.close()

    def _is_over(self) -> bool:
        return self._deal.is_over or bool(self._stop and not self._deal.under_way)

    def _give(self) -> None:
        if self._job.sink.is_movie:
            wanted = AHEAD * sum(worker.room for worker in self._crew.ready) * run_of(self._job)
            self._deal.ahead = min(wanted, self._most_waiting)
        for worker in self._crew.ready:
            while worker.has_room and not self._stop:
                number = self._deal.give(worker.name)
                if number is None:
                    break
                method = "compose" if self._job.sink.is_movie else "make"
                self._crew.ask(worker, method, number)

    def _took(self, worker: Worker, number: int | None, found: Any) -> Iterator[Outcome]:
        if isinstance(found, Gone):
            yield from self._lost(worker, found)
        elif number is None:
            self._ready(worker, found)
        else:
            self._deal.done(worker.name, number)
            yield self._outcome(number, found)

    def _ready(self, worker: Worker, found: Any) -> None:
        """A worker that can begin, or cannot take part."""
        if isinstance(found, UnderstudyError):
            if not self._crew.may_still_come(worker):
                raise found
            self._report(ApplyMessage(f"The node {worker.node} takes no part: {found}"))
            return
        worker.begin(found.frames)
        if not self._planned:
            self._planned = True
            self._report(found.plan)

    def _lost(self, worker: Worker, why: Gone) -> Iterator[Outcome]:
        failed = self._deal.lost(worker.name)
        back = self._crew.drop(worker)
        words = f", and is started again: {why.reason}" if back else f": {why.reason}"
        self._report(ApplyMessage(f"A worker on the node {worker.node} is gone{words}"))
        for number in failed:
            self._job.sink.skip(number)
            yield Outcome(number, None, _deadly(number))

    def _outcome(self, number: int, found: Any) -> Outcome:
        if not isinstance(found, Composed):
            error = found if isinstance(found, UnderstudyError) else None
            if error is not None or found.error is not None:
                self._job.sink.skip(number)
            return Outcome(number, None, error) if error else found
        try:
            return write(self._job, number, unpack(found.frame), found.made_from)
        except UnderstudyError as error:
            self._job.sink.skip(number)
            return Outcome(number, None, error)

    def _check_alone(self) -> None:
        """ApplyError when the cluster has had no node for a while."""
        if self._crew.any_nodes:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > PATIENCE:
            raise ApplyError(
                "No node of the cluster is left that can make frames.",
                expected="at least one node with a free core",
                found="none",
                remedy="Start nodes (ray start --address=...); the same command goes on where it stopped.",
            )


def run_of(job: Job) -> int:
    """How many frames that follow each other one worker has."""
    if job.is_in_order:
        return max(1, len(job.to_do))
    if job.is_steady:
        return STEADIED
    return BESIDE if job.about else 1


def _waiting_frames(job: Job) -> int:
    """How many frames of a movie fit into this machine's memory while its writer waits for an earlier one."""
    if job.sample is None:
        return 1
    held = 2 * job.sample.nbytes * job.composer.header.scale**2  # as floats, where the file may hold halves
    return max(1, int(free_memory(torch.device("cpu")) / 4 / max(held, 1)))


def _deadly(number: int) -> ApplyError:
    return ApplyError(
        f"Frame {number} took down the process that makes it, {TRIES} times.",
        found="workers that ended without a word, such as for want of memory",
        remedy="Apply this frame on one machine (--frames), to see why.",
    )
