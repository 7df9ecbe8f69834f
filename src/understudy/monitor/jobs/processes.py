"""Starts the program's own commands as processes that outlive the monitor, and reports their status.

Every job has a folder under ``DATA_DIR/.understudy/jobs`` with its command (job.json), its output
and its errors, so that a monitor started later still knows it.
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
from understudy.monitor.jobs.output import JobOutput
from understudy.monitor.paths.run_files import NotFound, is_plain_file
from understudy.runs import write_atomically
from understudy.runs.files import read_json
from understudy.runs.state import is_alive, this_host

FOLDER = Path(".understudy") / "jobs"
KEPT = 40  # finished jobs beyond these are deleted, oldest first
Kind = Literal["train", "resume", "apply", "export", "correct"]


class JobRecord(BaseModel):
    """What was started; the content of job.json."""

    id: str
    kind: Kind
    title: str
    run: str = ""
    plate: str = ""
    output: str = ""
    command: list[str] = []
    host: str = ""
    process: int = 0
    birth: str = ""  # when the process started: tells it from a later one with the same number
    started: float = 0.0


class FailedFrame(BaseModel):
    """A frame that could not be made."""

    number: int
    error: str


class Job(JobRecord):
    """A job and its status. ``message`` is its last line, or why it failed; ``warnings``: the lines of its
    errors that are no failure, the last few; ``waiting``: it keeps a run open for corrections, and has
    nothing to do now.

    For apply: ``done`` of ``total`` frames, the ``numbers`` written so far, and those that ``failed``.
    """

    state: Literal["running", "finished", "failed", "stopped"] = "running"
    message: str = ""
    warnings: list[str] = []
    waiting: bool = False
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
        self._outputs: dict[str, JobOutput] = {}
        self._ended: dict[str, Job] = {}
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
        record = JobRecord(
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
        folder = self._make_folder(record.id)
        process = _spawn(record.command, self.data_directory, folder)
        record.process, record.birth = process.pid, _start_time(process.pid)
        with self._lock:
            self._running[record.id] = process
        write_atomically(folder / "job.json", record.model_dump_json())
        self._prune()
        return self.get(record.id)

    def all(self) -> list[Job]:
        """Every job, newest first. Never raises: damaged folders are skipped."""
        jobs = []
        for name in sorted(_folder_names(self.folder), reverse=True):
            with contextlib.suppress(UnderstudyError):
                jobs.append(self.get(name))
        return jobs

    def get(self, name: str) -> Job:
        """The job called ``name``; NotFound when there is none."""
        with self._lock:
            if name in self._ended:
                return self._ended[name]
            record = self._read(name)
            job = self._job(record)
            if job.state != "running":
                self._ended[name] = job
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

    def _read(self, name: str) -> JobRecord:
        path = self.folder / name / "job.json"
        values = read_json(path) if _is_name(name) and is_plain_file(path) else None
        try:
            record = JobRecord(**values) if values else None
        except (ValidationError, TypeError):
            record = None
        if record is None or record.id != name:
            raise NotFound("There is no such job.", found=repr(name[:80]), where=str(self.folder))
        return record

    def _job(self, record: JobRecord) -> Job:
        alive, code = self._process_status(record)
        output = self._outputs.setdefault(record.id, JobOutput(self.folder / record.id))
        output.read_new()
        return Job(**record.model_dump(), **output.status(alive, code))

    def _process_status(self, record: JobRecord) -> tuple[bool, int | None]:
        """Whether it runs, and its exit code when that is known: only the parent ever learns it."""
        process = self._running.get(record.id)
        if process is not None:
            code = process.poll()
            return code is None, code
        if record.host != this_host():
            return time.time() - record.started < 86_400, None
        return is_alive(record.process) and _start_time(record.process) == record.birth, None

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

    def _prune(self) -> None:
        for job in self.all()[KEPT:]:
            if job.state != "running":
                shutil.rmtree(self.folder / job.id, ignore_errors=True)
                with self._lock:
                    self._ended.pop(job.id, None)
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


def _start_time(process: int) -> str:
    """When the process began, in the system's own count; "" where that is not known."""
    try:
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _folder_names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _is_name(name: str) -> bool:
    return name.replace("_", "").isalnum() and name.isascii() and len(name) < 80
