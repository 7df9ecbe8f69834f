"""Who is still there: asked when a connection is lost. Torch tells that it is, but not who has ended."""

from __future__ import annotations

import contextlib
import threading
import time

import torch.distributed as dist

POLL_SECONDS = 0.5
CHECK_SECONDS = 0.05
ANSWER_SECONDS = 5.0


def wait_for_keys(store: dist.Store, sign: str, ranks: set[int], seconds: float) -> set[int]:
    """Until each of ``ranks`` has set its ``sign``, for so many seconds at most; those that have not."""
    until = time.monotonic() + seconds
    while ranks and time.monotonic() < until:
        ranks = {rank for rank in ranks if not store.check([f"{sign}/{rank}"])}
        time.sleep(CHECK_SECONDS if ranks else 0)
    return ranks


class LivenessCheck:
    """The part of process ``rank`` in it. A thread answers, since a process that has not noticed yet waits
    for the gradients of the others and hears nothing."""

    def __init__(self, rank: int, store: dist.Store) -> None:
        self.rank, self.store = rank, store
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Answer from now on."""
        self._thread = threading.Thread(target=self._answer, name="roll call", daemon=True)
        self._thread.start()

    def _answer(self) -> None:
        with contextlib.suppress(RuntimeError):
            while not self._ended.wait(POLL_SECONDS):
                if self.store.check(["call"]):
                    self.store.set(f"here/{self.rank}", "")
                    return

    def missing(self, world_size: int) -> set[int]:
        """Those of the ``world`` that do not answer; none where this one was not started, and nothing can be
        told. RuntimeError when the store does not answer either."""
        if self._thread is None:
            return set()
        self.store.set("call", "")
        return wait_for_keys(self.store, "here", set(range(world_size)) - {self.rank}, ANSWER_SECONDS)

    def end(self) -> None:
        """Answer no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(ANSWER_SECONDS)
