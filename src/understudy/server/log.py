"""The server's log: one JSON object per line, on standard error unless told otherwise."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
import traceback
from typing import Any, TextIO

MAX_VALUE = 4000


class ServerLog:
    """Writes what happens as JSON lines: ``time``, ``level``, ``event``, and the facts of the event."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def info(self, event: str, **facts: Any) -> None:
        self._write("info", event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        self._write("warning", event, facts)

    def error(self, event: str, error: BaseException | None = None, **facts: Any) -> None:
        """An error; with ``error`` its trace, which no client ever sees."""
        if error is not None:
            facts["error"] = f"{type(error).__name__}: {error}"
            facts["trace"] = "".join(traceback.format_exception(error))[-MAX_VALUE:]
        self._write("error", event, facts)

    def _write(self, level: str, event: str, facts: dict[str, Any]) -> None:
        line = json.dumps({"time": stamp(), "level": level, "event": event, **facts}, default=_plain)
        with self._lock, contextlib.suppress(OSError, ValueError):  # a closed log must not stop the service
            print(line, file=self._stream or sys.stderr, flush=True)


def stamp() -> str:
    """Now, in UTC, to a thousandth of a second."""
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"


def _plain(value: Any) -> str:
    return str(value)[:MAX_VALUE]
