"""One job as a process: the program's own command, with a file of its settings."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.cluster.batch.jobs import Job
from understudy.cluster.command import event_of, start_command
from understudy.runs import RunFolder
from understudy.settings import TrainSettings, to_toml

LONGEST = 500


@dataclass(frozen=True)
class Ended:
    """``code``: the exit code; ``last``: the last words of the job, or why it failed."""

    code: int
    last: str


class Process:
    """A job's process, in a session of its own, so that a Ctrl-C on the terminal reaches it once, by us."""

    def __init__(self, job: Job, base: Path, env: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="understudy-")
        words = command_words(job, base, Path(self._folder.name))
        self._process = start_command(words, base, env, own_session=True)

    def run(self, say: Callable[[dict[str, Any]], None]) -> Ended:
        """Wait for its end; ``say`` is given each event that it reports."""
        last, refused = "", ""
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                event = event_of(line)
                if event is None:
                    last = line.strip()[:LONGEST] or last
                    continue
                last = str(event.get("text") or last)[:LONGEST]
                refused = _refused(event) or refused
                say(event)
            return Ended(self._process.wait(), refused or last)
        finally:
            self._process.stdout.close()
            self._folder.cleanup()

    def stop(self) -> None:
        """Ask it to keep everything and end; a second time it ends at once."""
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def is_done(job: Job, base: Path) -> bool:
    """Whether it is a training whose run is there, and finished."""
    run = run_of(job, base)
    return run is not None and run.read_state().state == "finished"


def command_words(job: Job, base: Path, folder: Path) -> list[str]:
    """The words of a job's command; its settings lie in ``folder``. A training whose run is there goes on."""
    if (run := run_of(job, base)) is not None:
        return ["resume", str(run.path)]
    path = folder / "settings.toml"
    path.write_text(to_toml(job.settings), "utf-8")
    return [job.command, "--settings", str(path)]


def run_of(job: Job, base: Path) -> RunFolder | None:
    """The run of a training that was begun before, by its name. Relative folders are those of ``base``."""
    settings = job.settings
    if not isinstance(settings, TrainSettings) or not settings.run.name:
        return None
    path = base / settings.run.data_directory / settings.run.name
    return RunFolder.open(path) if path.is_dir() else None


def _refused(event: Mapping[str, Any]) -> str:
    """Why it failed, in a line, where an event says that."""
    if event["event"] != "refused":
        return ""
    parts = (event.get(name) for name in ("message", "found", "where"))
    return " ".join(str(part) for part in parts if part)[:LONGEST]
