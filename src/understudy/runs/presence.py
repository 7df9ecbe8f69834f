"""teacher.json: a process keeps a run open for corrections. It claims nothing: others may use the run."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
import time
from pathlib import Path
from types import TracebackType

from understudy.errors import WriteError
from understudy.runs.contents import TEACHER_FILE
from understudy.runs.files import read_json, write_atomically
from understudy.runs.folder import RunFolder
from understudy.runs.state import is_at_work, this_host

BEAT_SECONDS = 5.0


class Presence:
    """Says, while the ``with`` block lasts, that this process takes up corrections of ``run`` at once.

    ``is_mine``: False where another process does already, or this one does not want to. Then nothing is
    written. A folder that takes nothing makes it False, too.
    """

    def __init__(self, run: RunFolder, wanted: bool = True, interval: float = BEAT_SECONDS) -> None:
        self.run, self.wanted = run, wanted
        self.interval = interval
        self.is_mine = False
        self._token = secrets.token_hex(8)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="presence", daemon=True)

    def __enter__(self) -> Presence:
        self.is_mine = self.wanted and not is_kept_open(self.run) and self._write()
        if self.is_mine:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Say so no more. What comes from now on is for others, what has come is still for this process."""
        if not self.is_mine:
            return
        self._ended.set()
        self._thread.join()
        self.is_mine = False
        if (read_json(self._path) or {}).get("token") == self._token:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    @property
    def _path(self) -> Path:
        return self.run.path / TEACHER_FILE

    def _beat(self) -> None:
        while not self._ended.wait(self.interval):
            if (read_json(self._path) or {}).get("token") == self._token:
                self._write()

    def _write(self) -> bool:
        said = {"host": this_host(), "process": os.getpid(), "heartbeat": time.time(), "token": self._token}
        with contextlib.suppress(WriteError):
            write_atomically(self._path, json.dumps(said))
            return True
        return False


def is_kept_open(run: RunFolder) -> bool:
    """Whether a process takes up corrections of ``run`` at once: it said so lately, and, on this host, is
    alive. That of another host counts by the file's own time, too, as clocks differ."""
    path = run.path / TEACHER_FILE
    try:
        said, written = read_json(path), path.stat().st_mtime
    except OSError:
        return False
    if said is None:
        return False
    host, process, heartbeat = said.get("host"), said.get("process"), said.get("heartbeat")
    if not isinstance(process, int) or not isinstance(heartbeat, int | float):
        return False
    return is_at_work(str(host), process, heartbeat, written)
