"""The rendezvous of the processes of one training: what they exchange through the store before the first
step."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import torch.distributed as dist

from understudy.errors import UnderstudyError
from understudy.training.distributed.liveness import wait_for_keys
from understudy.training.distributed.lost_worker import (
    Stopped,
    error_from,
    error_parts,
    first_line,
    join_error,
)

JOIN_SECONDS = 900.0
REPORT_AFTER_SECONDS = 5.0
POLL_SECONDS = 0.05
DEPARTURE_SECONDS = 6.0
DEPARTURE_WHEN_STOPPED_SECONDS = 1.0


class Rendezvous:
    """Process ``rank`` at the rendezvous. ``find_ended`` describes a process of this machine that has ended,
    "" while all run.

    ``where`` names the setting or the variables that started the processes; it goes into errors. Where this
    process hosts the store for ``processes_served`` processes, it waits for them for a moment before it
    leaves, except for those in ``lost``.
    """

    where = "--devices"
    processes_served = 1

    def __init__(self, rank: int, store: dist.Store, find_ended: Callable[[], str] = lambda: "") -> None:
        self.rank, self.store, self.find_ended = rank, store, find_ended
        self.lost: set[int] = set()
        self.departure_seconds = DEPARTURE_SECONDS
        self._published = self._started = False

    # -- process 0 -----------------------------------------------------------------------------------------

    def publish(self, **job: Any) -> None:
        """Publish the job for the workers."""
        self._published = True
        self.store.set("job", json.dumps(job))

    def wait_for_workers(self, world_size: int, stop: Any, say: Callable[[str], None]) -> bool:
        """Wait until all ``world_size`` processes are ready; False when ``stop`` became true first.
        UnderstudyError when a process cannot take part or does not join in time."""
        began, said = time.monotonic(), False
        waiting = set(range(1, world_size))
        while waiting:
            reported = self.received_error()
            if reported:
                raise reported
            waiting = {rank for rank in waiting if not self.store.check([f"ready/{rank}"])}
            waited = time.monotonic() - began
            if waiting and stop:
                self.departure_seconds = DEPARTURE_WHEN_STOPPED_SECONDS
                return False
            ended = self.find_ended()
            if ended or waited > JOIN_SECONDS:
                found = ended or f"process {min(waiting)} did not come in {waited:.0f} s"
                raise join_error(found, self.where)
            if waiting and not said and waited > REPORT_AFTER_SECONDS:
                said = True
                say(f"Waiting for {len(waiting)} of {world_size} processes to join.")
            time.sleep(POLL_SECONDS if waiting else 0)
        self._started = True
        self.store.set("go", json.dumps({"begin": True}))
        return True

    def received_error(self) -> UnderstudyError | None:
        """The error that another process has reported, or None."""
        if not self.store.check(["error"]):
            return None
        reported = json.loads(self.store.get("error"))
        return error_from(int(reported["rank"]), reported)

    def refuse(self, error: BaseException) -> None:
        """Tell the waiting workers that the training does not start, and why."""
        if not isinstance(error, Exception):
            self.departure_seconds = 0.0  # aborted by the user: leave at once
        refused = {"refused": error_parts(error)}
        self._release_workers(refused, refused)

    def leave(self) -> None:
        """Release workers that still wait for this process, then leave."""
        self._release_workers({"world_size": 0, "run": ""}, {"begin": False})
        with contextlib.suppress(RuntimeError):
            if self.rank:
                self.store.set(f"left/{self.rank}", "")
            else:
                self._wait_for_departures()

    def _release_workers(self, job: dict[str, Any], go: dict[str, Any]) -> None:
        if self.rank:
            return
        with contextlib.suppress(RuntimeError):
            if not self._published:
                self.publish(**job)
            if not self._started:
                self._started = True
                self.store.set("go", json.dumps(go))

    def _wait_for_departures(self) -> None:
        """Wait until the workers have left: the store, and the last message in it, end with this process."""
        wait_for_keys(
            self.store, "left", set(range(1, self.processes_served)) - self.lost, self.departure_seconds
        )

    # -- the others ----------------------------------------------------------------------------------------

    def receive_job(self, stop: Any) -> dict[str, Any]:
        """The job that process 0 has published. Raises the error that process 0 was refused with, and Stopped
        when ``stop`` becomes true first."""
        return self._wait_for_key("job", stop)

    def report_error(self, error: UnderstudyError) -> None:
        """Report to process 0 why this process cannot take part or cannot continue."""
        with contextlib.suppress(RuntimeError):
            self.store.set("error", json.dumps({"rank": self.rank, **error_parts(error)}))

    def report_ready(self, stop: Any) -> bool:
        """Report that this process is ready and wait until all are; False when the training does not start.
        Raises what ``receive_job`` raises."""
        self.store.set(f"ready/{self.rank}", "")
        return bool(self._wait_for_key("go", stop)["begin"])

    def _wait_for_key(self, name: str, stop: Any) -> dict[str, Any]:
        """The JSON value of a key. The store is polled, so that signals and the loss of process 0 are
        noticed."""
        until = time.monotonic() + JOIN_SECONDS
        try:
            while not self.store.check([name]):
                if stop:
                    raise Stopped
                if time.monotonic() > until:
                    raise join_error("nothing was heard from process 0", self.where)
                time.sleep(POLL_SECONDS)
            value: dict[str, Any] = json.loads(self.store.get(name))
        except RuntimeError as error:
            raise join_error(f"process 0 is gone ({first_line(error)})", self.where) from error
        if "refused" in value:
            raise error_from(0, value["refused"])
        return value
