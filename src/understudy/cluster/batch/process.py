"""One job as a process: the program's own command, with a file of its settings."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.cluster.batch.jobs import Job
from understudy.cluster.command import LONGEST, Command, event_of, refusal_in
from understudy.runs import RunFolder
from understudy.runs.contents import is_run
from understudy.settings import TrainSettings, to_toml


@dataclass(frozen=True)
class Ended:
    """``code``: the exit code; ``last``: the last words of the job, or why it failed."""

    code: int
    last: str


class Process:
    """A job's process, in a session of its own, so that a Ctrl-C on the terminal reaches it once, by us."""

    def __init__(self, job: Job, base: Path, env: Mapping[str, str]) -> None:
        self._process = command_of(job, base).start(base, env, own_session=True)

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
                refused = refusal_in(event) or refused
                say(event)
            return Ended(self._process.wait(), refused or last)
        finally:
            self._process.stdout.close()

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


def command_of(job: Job, base: Path) -> Command:
    """The command of a job. A training whose run is there goes on."""
    if (run := run_of(job, base)) is not None:
        return Command(["resume", str(run.path)])
    return Command([job.command], to_toml(job.settings))


def run_of(job: Job, base: Path) -> RunFolder | None:
    """The run of a training that was begun before, by its name. Relative folders are those of ``base``."""
    settings = job.settings
    if not isinstance(settings, TrainSettings) or not settings.run.name:
        return None
    path = base / settings.run.data_directory / settings.run.name
    return RunFolder.open(path) if is_run(path) else None
