"""A line for each request: who asked what of which model, and what came of it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from understudy.errors import SettingError
from understudy.server.log import ServerLog, stamp


class Audit:
    """Appends JSON lines to a file, which is opened for each, so that it may be moved away at any time.
    Thread-safe. A line that cannot be written is said in the server's log, with what it was to say."""

    def __init__(self, path: Path, log: ServerLog) -> None:
        self._path, self._log, self._lock = path, log, threading.Lock()
        try:
            with path.open("a", encoding="utf-8"):
                pass
        except OSError as error:
            raise SettingError(
                "The audit cannot be written.", found=str(error), where=f"--audit {path}"
            ) from error

    def note(self, **facts: Any) -> None:
        """One line: ``time``, and the facts."""
        line = json.dumps({"time": stamp(), **facts}, default=str)
        try:
            with self._lock, self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            self._log.error("the audit cannot be written", why=str(error), **facts)
