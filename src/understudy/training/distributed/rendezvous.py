"""How the processes of one training meet: what they tell each other before they compute, through a store of
named words that all of them see."""

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
    """The place of process ``rank`` in it. ``gone`` says in words which process has ended, as far as that
    can be seen from here, or nothing.

    ``where`` names what called the processes together. The store ends with this process where it
    ``keeps_for`` so many: it waits for them a moment when it leaves, ``lost`` ones excepted.
    """

    where = "--devices"
    processes_served = 1

    def __init__(self, rank: int, store: dist.Store, find_ended: Callable[[], str] = lambda: "") -> None:
        self.rank, self.store, self.find_ended = rank, store, find_ended
        self.lost: set[int] = set()
        self.departure_seconds = DEPARTURE_SECONDS
        self._published = self._started = False

    # -- process 0 -----------------------------------------------------------------------------------------

    def publish(self, **word: Any) -> None:
        """Tell the others what is to be done."""
        self._published = True
        self.store.set("job", json.dumps(word))

    def wait_for_workers(self, world_size: int, stop: Any, say: Callable[[str], None]) -> bool:
        """Whether all of the ``world`` are ready; no when a stop was asked for first. UnderstudyError when
        one cannot take part, or does not come."""
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
            told = self.find_ended()
            if told or waited > JOIN_SECONDS:
                found = told or f"process {min(waiting)} did not come in {waited:.0f} s"
                raise join_error(found, self.where)
            if waiting and not said and waited > REPORT_AFTER_SECONDS:
                said = True
                say(f"Waiting for {len(waiting)} of {world_size} processes to join.")
            time.sleep(POLL_SECONDS if waiting else 0)
        self._started = True
        self.store.set("go", json.dumps({"begin": True}))
        return True

    def received_error(self) -> UnderstudyError | None:
        """Why another process cannot take part, or could not go on, if one has said so."""
        if not self.store.check(["error"]):
            return None
        reported = json.loads(self.store.get("error"))
        return error_from(int(reported["rank"]), reported)

    def refuse(self, error: BaseException) -> None:
        """Nothing comes of it: the others need not wait, and hear why."""
        if not isinstance(error, Exception):
            self.departure_seconds = 0.0  # to be aborted at once
        refused = {"refused": error_parts(error)}
        self._release_workers(refused, refused)

    def leave(self) -> None:
        """Whoever still waits for a word of this process need not."""
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
        """Until the others have left: whoever has not heard the last word yet would never hear it."""
        wait_for_keys(
            self.store, "left", set(range(1, self.processes_served)) - self.lost, self.departure_seconds
        )

    # -- the others ----------------------------------------------------------------------------------------

    def receive_job(self, stop: Any) -> dict[str, Any]:
        """What process 0 wants done. The same refusal as there, when it was refused there; Stopped when
        ``stop`` becomes true first."""
        return self._wait_for_key("job", stop)

    def report_error(self, error: UnderstudyError) -> None:
        """Tell process 0 why this one cannot take part, or cannot go on."""
        with contextlib.suppress(RuntimeError):
            self.store.set("error", json.dumps({"rank": self.rank, **error_parts(error)}))

    def report_ready(self, stop: Any) -> bool:
        """Tell process 0 that this one can begin, and wait until all can; False when nothing comes of it.
        Raises what ``hear`` raises."""
        self.store.set(f"ready/{self.rank}", "")
        return bool(self._wait_for_key("go", stop)["begin"])

    def _wait_for_key(self, name: str, stop: Any) -> dict[str, Any]:
        """Asked for again and again, so that a signal is heard meanwhile, and a lost process 0 noticed."""
        until = time.monotonic() + JOIN_SECONDS
        try:
            while not self.store.check([name]):
                if stop:
                    raise Stopped
                if time.monotonic() > until:
                    raise join_error("nothing was heard from process 0", self.where)
                time.sleep(POLL_SECONDS)
            word: dict[str, Any] = json.loads(self.store.get(name))
        except RuntimeError as error:
            raise join_error(f"process 0 is gone ({first_line(error)})", self.where) from error
        if "refused" in word:
            raise error_from(0, word["refused"])
        return word
