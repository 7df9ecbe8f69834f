"""The headers that there was no time for before the first step, looked at while it learns."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue

from understudy.dataset.left_out import LeftOut
from understudy.dataset.sources import Source
from understudy.dataset.survey import look_at
from understudy.errors import UnderstudyError

SHARE = 0.1
"""Of one core, that the looking takes at most."""
AT_A_TIME = 16
PATIENCE = 2.0
"""Seconds that a header is waited for at the end: a disk may never answer."""


class LaterLook:
    """Looks at the headers of the pairs ``indices`` of ``sources`` in a thread of its own. What it finds is
    taken by the thread that trains."""

    def __init__(self, sources: Sequence[Source], indices: Sequence[int]) -> None:
        self._sources, self._coming = sources, list(reversed(indices))
        self._found: SimpleQueue[tuple[int, UnderstudyError]] = SimpleQueue()
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self._broken, self._said = 0, False

    def __len__(self) -> int:
        return len(self._coming)

    def begin(self) -> None:
        """Look, until all are looked at or ``end`` is called."""
        self._ends.clear()
        self._thread = threading.Thread(target=self._look, name="headers", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Look at no more."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def take(self, left_out: LeftOut) -> list[str]:
        """Leave out what was found since this was last asked; a sentence when all are looked at.
        TrainingError where more cannot be read than may be left out."""
        done = not self._coming  # before what is found is taken, so that nothing comes after the end is said
        while True:
            try:
                index, error = self._found.get_nowait()
            except Empty:
                break
            self._broken += 1
            left_out.add(index, self._sources[index].name, error)
        if not done or self._said:
            return []
        self._said = True
        cannot = f"{self._broken} cannot be read" if self._broken else "each can be read"
        return [f"The headers of the other pairs have been looked at now: {cannot}."]

    def _look(self) -> None:
        while self._coming and not self._ends.is_set():
            began = time.thread_time()
            for index in self._coming[: -AT_A_TIME - 1 : -1]:
                answer = look_at(self._sources[index])
                if isinstance(answer, UnderstudyError):
                    self._found.put((index, answer))
            del self._coming[-AT_A_TIME:]
            self._ends.wait((time.thread_time() - began) * (1 / SHARE - 1))
