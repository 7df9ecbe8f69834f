"""Files that the server goes by, read again when they change: tokens, and the certificate of TLS."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import UnderstudyError
from understudy.server.log import ServerLog

INTERVAL = 1.0

Stamps = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True)
class Reloaded:
    """What is read again with ``read`` when one of ``files`` has changed, and its name in the log."""

    what: str
    files: Sequence[Path]
    read: Callable[[], None]


class Reloader:
    """Looks once a second, in a thread of its own. What cannot be read leaves everything as it was, and the
    log says so; it is tried again when it changes again."""

    def __init__(self, all_of_it: Sequence[Reloaded], log: ServerLog) -> None:
        self._all, self._log, self._end = all_of_it, log, threading.Event()
        self._known = {each.what: _stamps(each.files) for each in all_of_it}

    def start(self) -> None:
        if self._all:
            threading.Thread(target=self._run, name="reloading", daemon=True).start()

    def close(self) -> None:
        self._end.set()

    def look(self) -> None:
        """Read again what has changed since it was last looked at."""
        for each in self._all:
            stamps = _stamps(each.files)
            if stamps != self._known[each.what]:
                self._known[each.what] = stamps
                self._read(each)

    def _run(self) -> None:
        while not self._end.wait(INTERVAL):
            self.look()

    def _read(self, each: Reloaded) -> None:
        try:
            each.read()
        except (UnderstudyError, OSError) as error:
            self._log.error(f"{each.what} could not be read again; what was known goes on", why=str(error))
        else:
            self._log.info(f"{each.what} read again", files=[str(file) for file in each.files])


def _stamps(files: Sequence[Path]) -> Stamps:
    found: list[tuple[int, int, int] | None] = []
    for file in files:
        known = None
        with contextlib.suppress(OSError):
            stat = os.stat(file)
            known = stat.st_mtime_ns, stat.st_size, stat.st_ino
        found.append(known)
    return tuple(found)
