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
from understudy.training.lost import Stopped, as_told_by, did_not_join, first_line, parts_of
from understudy.training.roll_call import wait_for_signs

JOIN_SECONDS = 900.0
SAY_AFTER_SECONDS = 5.0
LOOK_SECONDS = 0.05
LINGER_SECONDS = 6.0
LINGER_WHEN_STOPPED_SECONDS = 1.0


class Meeting:
    """The place of process ``rank`` in it. ``gone`` says in words which process has ended, as far as that
    can be seen from here, or nothing.

    ``where`` names what called the processes together. The store ends with this process where it
    ``keeps_for`` so many: it waits for them a moment when it leaves, ``lost`` ones excepted.
    """

    where = "--devices"
    keeps_for = 1

    def __init__(self, rank: int, store: dist.Store, gone: Callable[[], str] = lambda: "") -> None:
        self.rank, self.store, self.gone = rank, store, gone
        self.lost: set[int] = set()
        self.linger_seconds = LINGER_SECONDS
        self._published = self._went = False

    # -- process 0 -----------------------------------------------------------------------------------------

    def publish(self, **word: Any) -> None:
        """Tell the others what is to be done."""
        self._published = True
        self.store.set("job", json.dumps(word))

    def wait_for_others(self, world: int, stop: Any, say: Callable[[str], None]) -> bool:
        """Whether all of the ``world`` are ready; no when a stop was asked for first. UnderstudyError when
        one cannot take part, or does not come."""
        began, said = time.monotonic(), False
        waiting = set(range(1, world))
        while waiting:
            excuse = self.heard_excuse()
            if excuse:
                raise excuse
            waiting = {rank for rank in waiting if not self.store.check([f"ready/{rank}"])}
            waited = time.monotonic() - began
            if waiting and stop:
                self.linger_seconds = LINGER_WHEN_STOPPED_SECONDS
                return False
            told = self.gone()
            if told or waited > JOIN_SECONDS:
                found = told or f"process {min(waiting)} did not come in {waited:.0f} s"
                raise did_not_join(found, self.where)
            if waiting and not said and waited > SAY_AFTER_SECONDS:
                said = True
                say(f"Waiting for {len(waiting)} of {world} processes to join.")
            time.sleep(LOOK_SECONDS if waiting else 0)
        self._went = True
        self.store.set("go", json.dumps({"begin": True}))
        return True

    def heard_excuse(self) -> UnderstudyError | None:
        """Why another process cannot take part, or could not go on, if one has said so."""
        if not self.store.check(["excuse"]):
            return None
        excuse = json.loads(self.store.get("excuse"))
        return as_told_by(int(excuse["rank"]), excuse)

    def refuse(self, error: BaseException) -> None:
        """Nothing comes of it: the others need not wait, and hear why."""
        if not isinstance(error, Exception):
            self.linger_seconds = 0.0  # to be aborted at once
        refused = {"refused": parts_of(error)}
        self._dismiss(refused, refused)

    def leave(self) -> None:
        """Whoever still waits for a word of this process need not."""
        self._dismiss({"world": 0, "run": ""}, {"begin": False})
        with contextlib.suppress(RuntimeError):
            if self.rank:
                self.store.set(f"left/{self.rank}", "")
            else:
                self._linger()

    def _dismiss(self, job: dict[str, Any], go: dict[str, Any]) -> None:
        if self.rank:
            return
        with contextlib.suppress(RuntimeError):
            if not self._published:
                self.publish(**job)
            if not self._went:
                self._went = True
                self.store.set("go", json.dumps(go))

    def _linger(self) -> None:
        """Until the others have left: whoever has not heard the last word yet would never hear it."""
        wait_for_signs(self.store, "left", set(range(1, self.keeps_for)) - self.lost, self.linger_seconds)

    # -- the others ----------------------------------------------------------------------------------------

    def hear(self, stop: Any) -> dict[str, Any]:
        """What process 0 wants done. The same refusal as there, when it was refused there; Stopped when
        ``stop`` becomes true first."""
        return self._wait_for_word("job", stop)

    def excuse(self, error: UnderstudyError) -> None:
        """Tell process 0 why this one cannot take part, or cannot go on."""
        with contextlib.suppress(RuntimeError):
            self.store.set("excuse", json.dumps({"rank": self.rank, **parts_of(error)}))

    def report_ready(self, stop: Any) -> bool:
        """Tell process 0 that this one can begin, and wait until all can; False when nothing comes of it.
        Raises what ``hear`` raises."""
        self.store.set(f"ready/{self.rank}", "")
        return bool(self._wait_for_word("go", stop)["begin"])

    def _wait_for_word(self, name: str, stop: Any) -> dict[str, Any]:
        """Asked for again and again, so that a signal is heard meanwhile, and a lost process 0 noticed."""
        until = time.monotonic() + JOIN_SECONDS
        try:
            while not self.store.check([name]):
                if stop:
                    raise Stopped
                if time.monotonic() > until:
                    raise did_not_join("nothing was heard from process 0", self.where)
                time.sleep(LOOK_SECONDS)
            word: dict[str, Any] = json.loads(self.store.get(name))
        except RuntimeError as error:
            raise did_not_join(f"process 0 is gone ({first_line(error)})", self.where) from error
        if "refused" in word:
            raise as_told_by(0, word["refused"])
        return word
