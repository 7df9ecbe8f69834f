"""Starts the program's own commands as processes that outlive the page, and tells how they are doing.

Every job has a folder under ``DATA_DIR/.understudy/jobs`` with its command, what it printed, and what it
complained about, so that a monitor started later still knows it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from understudy.errors import RunError, UnderstudyError, WriteError
from understudy.monitor.jobs.output import Output
from understudy.monitor.paths.allowed import Missing, is_plain_file
from understudy.runs import write_atomically
from understudy.runs.files import read_json
from understudy.runs.state import is_alive, this_host

FOLDER = Path(".understudy") / "jobs"
KEPT = 40  # finished jobs beyond these are forgotten, oldest first
Kind = Literal["train", "resume", "apply", "export"]


class Order(BaseModel):
    """What was started: written beside its output."""

    id: str
    kind: Kind
    title: str
    run: str = ""
    plate: str = ""
    output: str = ""
    command: list[str] = []
    host: str = ""
    process: int = 0
    birth: str = ""  # tells one process from a later one with the same number
    started: float = 0.0


class FailedFrame(BaseModel):
    """A frame that could not be made."""

    number: int
    error: str


class Job(Order):
    """How it is doing. ``state``: running, finished, failed or stopped; ``message`` is what it said last.

    ``done`` of ``total`` frames, ``numbers`` those written so far, and ``failed``, are for apply.
    """

    state: Literal["running", "finished", "failed", "stopped"] = "running"
    message: str = ""
    done: int = 0
    total: int = 0
    numbers: str = ""
    frames_per_second: float | None = None
    seconds_left: float | None = None
    failed: list[FailedFrame] = []


class Jobs:
    """The jobs of one data directory."""

    def __init__(self, data_directory: Path) -> None:
        self.data_directory = data_directory
        self.folder = data_directory / FOLDER
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._outputs: dict[str, Output] = {}
        self._settled: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(
        self,
        kind: Kind,
        arguments: Sequence[str],
        *,
        title: str,
        run: str = "",
        plate: str = "",
        output: str = "",
    ) -> Job:
        """Run ``understudy KIND ARGUMENTS`` in a session of its own. WriteError when its folder cannot be
        made, RunError when the process cannot be started."""
        order = Order(
            id=f"{time.strftime('%y%m%d_%H%M%S')}_{secrets.token_hex(3)}",
            kind=kind,
            command=[sys.executable, "-m", "understudy", kind, *arguments],
            host=this_host(),
            started=time.time(),
            title=title,
            run=run,
            plate=plate,
            output=output,
        )
        folder = self._make_folder(order.id)
        process = _spawn(order.command, self.data_directory, folder)
        order.process, order.birth = process.pid, _birth(process.pid)
        with self._lock:
            self._running[order.id] = process
        write_atomically(folder / "job.json", order.model_dump_json())
        self._forget_old()
        return self.get(order.id)

    def all(self) -> list[Job]:
        """Every job, newest first. Never raises: folders that make no sense are passed over."""
        jobs = []
        for name in sorted(_names(self.folder), reverse=True):
            with contextlib.suppress(UnderstudyError):
                jobs.append(self.get(name))
        return jobs

    def get(self, name: str) -> Job:
        """The job called ``name``; Missing when there is none."""
        with self._lock:
            if name in self._settled:
                return self._settled[name]
            order = self._read(name)
            job = self._job(order)
            if job.state != "running":
                self._settled[name] = job
            return job

    def stop(self, name: str) -> Job:
        """Ask the job to stop after what it is at, as Ctrl-C would. RunError when it is on another host."""
        job = self.get(name)
        if job.state == "running":
            if job.host != this_host():
                raise RunError(f"This job runs on {job.host}.", remedy="Stop it there.")
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(job.process, signal.SIGTERM)
        return self.get(name)

    def _read(self, name: str) -> Order:
        path = self.folder / name / "job.json"
        values = read_json(path) if _is_name(name) and is_plain_file(path) else None
        try:
            order = Order(**values) if values else None
        except (ValidationError, TypeError):
            order = None
        if order is None or order.id != name:
            raise Missing("There is no such job.", found=repr(name[:80]), where=str(self.folder))
        return order

    def _job(self, order: Order) -> Job:
        alive, code = self._life(order)
        output = self._outputs.setdefault(order.id, Output(self.folder / order.id))
        output.read_on()
        return Job(**order.model_dump(), **output.verdict(alive, code))

    def _life(self, order: Order) -> tuple[bool, int | None]:
        """Whether it runs, and its exit code when that is known: only the parent ever learns it."""
        process = self._running.get(order.id)
        if process is not None:
            code = process.poll()
            return code is None, code
        if order.host != this_host():
            return time.time() - order.started < 86_400, None
        return is_alive(order.process) and _birth(order.process) == order.birth, None

    def _make_folder(self, name: str) -> Path:
        folder = self.folder / name
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise WriteError(
                "The job cannot be written down.",
                expected="a data directory that may be written to",
                found=error.strerror or str(error),
                where=str(self.folder),
                remedy="Correct the rights of the data directory, or free some space.",
            ) from error
        return folder

    def _forget_old(self) -> None:
        for job in self.all()[KEPT:]:
            if job.state != "running":
                shutil.rmtree(self.folder / job.id, ignore_errors=True)
                with self._lock:
                    self._settled.pop(job.id, None)
                    self._outputs.pop(job.id, None)


def _spawn(command: list[str], cwd: Path, folder: Path) -> subprocess.Popen[bytes]:
    """A process of its own session: closing the page, the monitor or the terminal does not end it."""
    environment = {**os.environ, "PYTHONUTF8": "1", "NO_COLOR": "1", "TERM": "dumb"}
    try:
        with (folder / "output").open("wb") as out, (folder / "errors").open("wb") as errors:
            return subprocess.Popen(
                command,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                start_new_session=True,
            )
    except OSError as error:
        raise RunError("The process cannot be started.", found=error.strerror or str(error)) from error


def _birth(process: int) -> str:
    """When the process began, in the system's own count; "" where that is not known."""
    try:
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _is_name(name: str) -> bool:
    return name.replace("_", "").isalnum() and name.isascii() and len(name) < 80
