"""Starts, watches and ends the process of a Python model."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import BinaryIO

from understudy.server.log import ServerLog
from understudy.server.models.pipe import Pipe
from understudy.version import SOURCE

WORKER = "understudy.server.models.python_worker"
MAX_LINE = 2000
MAX_LINES = 2000


class PythonProcess:
    """A running worker: its pipe, its memory, its end. ``reason``: why it was ended, if somebody did."""

    def __init__(self, folder: Path, memory_limit: int, log: ServerLog) -> None:
        self._log = log
        self._name = folder.name
        self._ended = False
        self.reason = ""
        self._ending = threading.Lock()
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", WORKER, str(theirs.fileno()), str(folder), str(memory_limit)],
                cwd=self._working_directory(folder),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=_environment(),
            )
        self.pipe = Pipe(ours)
        threading.Thread(target=self._read_prints, args=(self._process.stdout,), daemon=True).start()

    def _working_directory(self, folder: Path) -> str:
        """Where ``models/NAME`` leads to the model's folder, since such models read files relative to it."""
        if folder.parent.name == "models":
            return str(folder.parent.parent)
        self._scratch = tempfile.TemporaryDirectory(prefix="understudy-model-")
        os.symlink(folder.parent, Path(self._scratch.name) / "models")
        return self._scratch.name

    def _read_prints(self, stream: BinaryIO) -> None:
        """What the model prints goes to the log, within limits; beyond them it is read and dropped."""
        with stream:
            for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE), b"")):
                if number < MAX_LINES:
                    self._log.info(
                        "a model printed", folder=self._name, line=line.decode("utf-8", "replace").rstrip()
                    )

    def is_alive(self) -> bool:
        """Whether the process runs. One that has ended keeps its number until ``end``, so that no other
        gets it.
        """
        if self._ended:
            return False
        if not hasattr(os, "waitid"):
            return self._process.poll() is None
        state = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return state is None

    @property
    def code(self) -> int | None:
        """The exit code after the end, negative for a signal."""
        return self._process.returncode

    def memory(self) -> int:
        """Bytes of memory in use, 0 where the system does not say."""
        try:
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, IndexError):
            return 0

    def end(self, reason: str = "") -> None:
        """Kill the process and whatever it started. May be called twice, and from several threads: the first
        reason counts."""
        with self._ending:
            if self._ended:
                return
            self.reason = reason
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._ended = True
        self.pipe.close()
        if self._scratch is not None:
            self._scratch.cleanup()


def _environment() -> dict[str, str]:
    """The server's environment, with this package found wherever the server itself found it."""
    paths = [str(SOURCE), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "PYTHONUNBUFFERED": "1"}
