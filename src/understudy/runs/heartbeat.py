"""The sign of life of a training: state.json, rewritten every few seconds, and the claim on its run."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from understudy.errors import RunError, UnderstudyError, WriteError
from understudy.runs.files import read_json, write_atomically
from understudy.runs.folder import RunFolder
from understudy.runs.state import BUSY, FRESH_SECONDS, RunState, is_alive, this_host
from understudy.version import __version__

BEAT_SECONDS = 5.0


class Heartbeat:
    """Claims a run for this process and keeps its state.json fresh while the ``with`` block lasts.

        with Heartbeat(run, total=3000) as heartbeat:
            heartbeat.update(state="training", step=1, loss=0.1)   # cheap: written with the next beat
            heartbeat.finish("finished")                            # written at once

    ``check`` is called once the run is claimed, before anything is written; what it raises gives the run
    back.
    Left without ``finish`` the run counts as stopped, or after an exception as failed. ``taken_over`` tells
    that another process claimed the run (this one was asleep for long): stop without writing then.
    Raises RunError when another process is training the run.
    """

    def __init__(
        self,
        run: RunFolder,
        interval: float = BEAT_SECONDS,
        check: Callable[[], None] = lambda: None,
        **fields: Any,
    ) -> None:
        self.run = run
        self._check = check
        self.interval = interval
        self.taken_over = False
        self._fields = fields
        self._token = secrets.token_hex(8)
        self._state = RunState()
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self.run.refuse_when_busy("trained twice at a time")
        self._claim()
        self._state = self._first_state()
        try:
            self._check()
            self._write()
        except UnderstudyError:
            self._release()
            raise
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self.state.state in BUSY:
            self.finish(*_ending(error))
        self._release()

    @property
    def state(self) -> RunState:
        """A copy of the state as it stands."""
        with self._lock:
            return self._state.model_copy(deep=True)

    def update(self, **fields: Any) -> None:
        """Change fields of the state; a new ``state`` is written at once, all else with the next beat."""
        with self._lock:
            changed = fields.get("state", self._state.state) != self._state.state
            self._state = RunState(**{**self._state.model_dump(), **fields})
        if changed:
            self._try_to_write()

    def finish(self, state: str, reason: str = "") -> None:
        """Say how it ended ("stopped", "finished", "failed"). A full disk does not make this fail."""
        with self._lock:
            left = 0.0 if state == "finished" else self._state.time_left
            self._state = RunState(
                **{**self._state.model_dump(), "state": state, "reason": reason, "time_left": left}
            )
        self._try_to_write()

    def _first_state(self) -> RunState:
        old, now = self.run.read_state(), time.time()
        kept = old.model_dump() if old.state != "damaged" else {}
        mine = {"state": "starting", "reason": "", "host": this_host(), "process": os.getpid()}
        created = {"created": old.created or now, "version": __version__}
        return RunState(**{**kept, **mine, **created, **self._fields})

    def _beat(self) -> None:
        while not self._ended.wait(self.interval):
            if not self._is_mine():
                self.taken_over = True
                return
            self._try_to_write()

    def _try_to_write(self) -> None:
        """A disk that is full now may not be at the next beat."""
        with contextlib.suppress(WriteError):
            self._write()

    def _write(self) -> None:
        with self._lock:
            if self.taken_over:
                return
            self._state.heartbeat = self._state.updated = time.time()
            self.run.write_state(self._state)

    # -- the claim: two processes that resume the same run at the same moment -------------------------------

    def _claim(self) -> None:
        path = self.run.lock_path
        text = json.dumps({"host": this_host(), "process": os.getpid(), "token": self._token})
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            self._refuse_young_claim()
            write_atomically(path, text)
        except OSError as error:
            raise _cannot_claim(self.run, error.strerror or str(error)) from error
        else:
            with os.fdopen(handle, "w") as file:
                file.write(text)

    def _refuse_young_claim(self) -> None:
        """A claim of a process that lives, or may live, and has not yet had the time to write its state."""
        path = self.run.lock_path
        with contextlib.suppress(OSError):
            claim = read_json(path) or {}
            young = time.time() - path.stat().st_mtime < FRESH_SECONDS
            process = claim.get("process", 0)
            here = claim.get("host") == this_host() and isinstance(process, int)
            if young and not (here and (process == os.getpid() or not is_alive(process))):
                raise _cannot_claim(self.run, "another process is just about to train it")

    def _is_mine(self) -> bool:
        """Whether the claim is still ours. A claim that cannot be read (network trouble) counts as ours."""
        claim = read_json(self.run.lock_path)
        return claim is None or claim.get("token") == self._token

    def _release(self) -> None:
        if not self.taken_over and self._is_mine():
            with contextlib.suppress(OSError):
                self.run.lock_path.unlink(missing_ok=True)


def _ending(error: BaseException | None) -> tuple[str, str]:
    if error is None or isinstance(error, KeyboardInterrupt):
        return "stopped", "stopped on request"
    return "failed", str(error).partition("\n")[0] or type(error).__name__


def _cannot_claim(run: RunFolder, found: str) -> RunError:
    return RunError(
        f"{run.name} cannot be trained now.",
        found=found,
        where=str(run.path),
        remedy="Wait half a minute and try again, or correct the rights of the folder.",
    )
