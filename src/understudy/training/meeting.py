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
from understudy.training.lost import did_not_join, first_line

JOIN_SECONDS = 900.0
SAY_AFTER_SECONDS = 5.0
LOOK_SECONDS = 0.05


class Meeting:
    """The place of process ``rank`` in it. ``gone`` says in words which process has ended, as far as that
    can be seen from here, or nothing."""

    def __init__(self, rank: int, store: dist.Store, gone: Callable[[], str] = lambda: "") -> None:
        self.rank, self.store, self.gone = rank, store, gone
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
            waiting = {rank for rank in waiting if not self._is_ready(rank)}
            waited = time.monotonic() - began
            if waiting and stop:
                return False
            told = self.gone()
            if told or waited > JOIN_SECONDS:
                raise did_not_join(told or f"process {min(waiting)} did not come in {waited:.0f} s")
            if waiting and not said and waited > SAY_AFTER_SECONDS:
                said = True
                say(f"Waiting for {len(waiting)} of {world} processes to join.")
            time.sleep(LOOK_SECONDS if waiting else 0)
        self._went = True
        self.store.set("go", "yes")
        return True

    def _is_ready(self, rank: int) -> bool:
        if self.store.check([f"excuse/{rank}"]):
            raise did_not_join(f"process {rank}: {self.store.get(f'excuse/{rank}').decode()}")
        return bool(self.store.check([f"ready/{rank}"]))

    def refuse(self, error: BaseException) -> None:
        """Nothing comes of it: the others need not wait."""
        self._dismiss(refused=getattr(error, "text", "") or "process 0 ended before the start")

    def leave(self) -> None:
        """Whoever still waits for a word of this process need not."""
        self._dismiss(world=0, run="")
        if self.rank == 0 and not self._went:
            with contextlib.suppress(RuntimeError):
                self.store.set("go", "no")

    def _dismiss(self, **word: Any) -> None:
        if self.rank == 0 and not self._published:
            with contextlib.suppress(RuntimeError):
                self.publish(**word)

    # -- the others ----------------------------------------------------------------------------------------

    def hear(self, stop: Any) -> dict[str, Any]:
        """What process 0 wants done. The same refusal as there, when it was refused there."""
        word: dict[str, Any] = json.loads(self._wait_for_word("job", stop))
        if "refused" in word:
            raise UnderstudyError(str(word["refused"]))
        return word

    def excuse(self, error: UnderstudyError) -> None:
        """Tell process 0 why this one cannot take part."""
        self.store.set(f"excuse/{self.rank}", error.text)

    def report_ready(self, stop: Any) -> bool:
        """Tell process 0 that this one can begin, and wait until all can; False when nothing comes of it."""
        self.store.set(f"ready/{self.rank}", "")
        return self._wait_for_word("go", stop) == b"yes"

    def _wait_for_word(self, name: str, stop: Any) -> bytes:
        """Asked for again and again, so that a signal is heard meanwhile, and a lost process 0 noticed."""
        until = time.monotonic() + JOIN_SECONDS
        try:
            while not self.store.check([name]):
                if stop or time.monotonic() > until:
                    raise did_not_join("a request to stop" if stop else "nothing was heard from process 0")
                time.sleep(LOOK_SECONDS)
            return bytes(self.store.get(name))
        except RuntimeError as error:
            raise did_not_join(f"process 0 is gone ({first_line(error)})") from error
