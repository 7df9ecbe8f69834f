"""Stopping: Ctrl-C, SIGTERM, a terminal that is closed and ``understudy stop`` all mean "after this step,
keep everything"."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

from understudy.runs.folder import RunFolder

LOOK_SECONDS = 0.5  # how often the disk is asked for a stop request
REPEAT_SECONDS = 2.0  # wrappers such as uv run, torchrun and docker send a Ctrl-C once more


def _signals() -> list[signal.Signals]:
    """Those that ask for a stop. SIGHUP, of a terminal that is closed, only where nobody has said with nohup
    that it is to go on; Windows has none."""
    asking = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        asking.append(hangup)
    return asking


class StopFlag:
    """Tells a loop whether to stop.

        with StopFlag() as stop:      # signals reach it while the block lasts (main thread only)
            stop.watch(run)           # and the run's stop file
            while not stop: ...

    The first Ctrl-C, SIGTERM or SIGHUP raises the flag. Others within two seconds are the same request:
    wrappers pass a signal on that the process has received already. A later one aborts at once with
    KeyboardInterrupt.
    Without ``with`` no signal handler is touched, so that a Python caller can raise it with ``request``.
    ``ends_process``: nothing but the end of the process comes after the block. A signal that was received in
    it is then ignored until the end, so that one that is passed on late does not change the exit code.
    """

    def __init__(self, run: RunFolder | None = None, *, ends_process: bool = False) -> None:
        self._run = run
        self._ends_process = ends_process
        self._reason = ""
        self._looked = 0.0
        self._first_signal: float | None = None
        self._former: dict[int, Any] = {}

    def __bool__(self) -> bool:
        if not self._reason:
            self._look()
        return bool(self._reason)

    @property
    def reason(self) -> str:
        """Who asked: "Ctrl-C", "SIGTERM", "SIGHUP", "understudy stop", what ``request`` was given; "" when
        nobody has."""
        return self._reason

    def request(self, reason: str = "stopped on request") -> None:
        """Raise the flag."""
        self._reason = self._reason or reason

    def watch(self, run: RunFolder) -> None:
        """Also stop when the stop file of ``run`` appears."""
        self._run = run

    def _look(self) -> None:
        now = time.monotonic()
        if self._run is None or now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        if self._run.stop_requested():
            self.request("understudy stop")

    def __enter__(self) -> StopFlag:
        if threading.current_thread() is threading.main_thread():
            self._former = {s: signal.signal(s, self._on_signal) for s in _signals()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        over = self._ends_process and kind is None and self._first_signal is not None
        for number, handler in self._former.items():
            signal.signal(number, signal.SIG_IGN if over else handler)
        self._former = {}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first_signal is None:
            self._first_signal = now
        elif now - self._first_signal > REPEAT_SECONDS:
            raise KeyboardInterrupt
        self.request("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)
