"""Which processes still run. Asked when a connection is lost: torch reports that, but not which one ended."""

from __future__ import annotations

import contextlib
import threading
import time

import torch.distributed as dist

POLL_SECONDS = 0.5
CHECK_SECONDS = 0.05
ANSWER_SECONDS = 5.0


def wait_for_keys(store: dist.Store, key: str, ranks: set[int], seconds: float) -> set[int]:
    """Wait up to ``seconds`` for the key ``KEY/RANK`` of each rank; returns the ranks that have not set
    it."""
    until = time.monotonic() + seconds
    while ranks and time.monotonic() < until:
        ranks = {rank for rank in ranks if not store.check([f"{key}/{rank}"])}
        time.sleep(CHECK_SECONDS if ranks else 0)
    return ranks


class LivenessCheck:
    """The liveness check of process ``rank``. A thread answers for it, as its main thread may be waiting for
    the gradients of the others."""

    def __init__(self, rank: int, store: dist.Store) -> None:
        self.rank, self.store = rank, store
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Answer liveness checks from now on."""
        self._thread = threading.Thread(target=self._answer, name="liveness", daemon=True)
        self._thread.start()

    def _answer(self) -> None:
        with contextlib.suppress(RuntimeError):
            while not self._ended.wait(POLL_SECONDS):
                if self.store.check(["liveness"]):
                    self.store.set(f"alive/{self.rank}", "")
                    return

    def missing(self, world_size: int) -> set[int]:
        """The ranks of ``world_size`` processes that do not answer; empty where this check was not started.
        RuntimeError when the store does not answer either."""
        if self._thread is None:
            return set()
        self.store.set("liveness", "")
        return wait_for_keys(self.store, "alive", set(range(world_size)) - {self.rank}, ANSWER_SECONDS)

    def end(self) -> None:
        """Stop answering."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(ANSWER_SECONDS)
