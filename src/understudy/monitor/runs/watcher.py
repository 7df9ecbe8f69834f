"""Looks at the data directory again and again, and tells who listens what has changed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from understudy.errors import UnderstudyError
from understudy.monitor.jobs.processes import Job, Jobs
from understudy.monitor.paths.allowed import is_plain_file
from understudy.monitor.runs.curves import CurveStore
from understudy.monitor.runs.rows import RunRow, row_of
from understudy.runs import RunFolder, RunState, list_runs
from understudy.runs.state import read_state_file

SECONDS = 0.7


class Changes(BaseModel):
    """What became different between two looks. ``curves`` and ``pictures`` are names of runs whose summary
    grew, or that have new contact sheets, previews or checkpoints. ``fault``: why nothing can be seen."""

    runs: list[RunRow] = []
    removed: list[str] = []
    curves: list[str] = []
    pictures: list[str] = []
    jobs: list[Job] = []
    fault: str | None = None

    def __bool__(self) -> bool:
        return bool(self.runs or self.removed or self.curves or self.pictures or self.jobs) or (
            self.fault is not None
        )


@dataclass(frozen=True)
class _Seen:
    """A run as it was found. ``stamp``: dates of folder, state and summary; unchanged ones are not read."""

    stamp: tuple[int, ...]
    row: RunRow
    curve_version: int


Listener = Callable[[Changes], None]


class Watcher:
    """``rows`` is what was seen last. ``look`` may be called at any time; ``watch`` calls it for ever."""

    def __init__(self, data_directory: Path, curves: CurveStore, jobs: Jobs) -> None:
        self.data_directory = data_directory
        self.fault = ""
        self._curves = curves
        self._jobs = jobs
        self._seen: dict[str, _Seen] = {}
        self._seen_jobs: dict[str, Job] = {}
        self._listeners: list[Listener] = []
        self._looking = asyncio.Lock()

    @property
    def rows(self) -> list[RunRow]:
        """Every run, newest first."""
        rows = [seen.row for seen in self._seen.values()]
        return sorted(rows, key=lambda row: (row.created, row.name), reverse=True)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with all Changes from now on; what is returned ends that."""
        self._listeners.append(listener)

        def leave() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return leave

    async def watch(self) -> None:
        """Look, tell, wait, for ever."""
        while True:
            await self.refresh()
            await asyncio.sleep(SECONDS)

    async def refresh(self) -> None:
        """Look once, and tell."""
        async with self._looking:
            changes = await run_in_threadpool(self.look)
        if changes:
            for listener in list(self._listeners):
                listener(changes)

    def look(self) -> Changes:
        """What has changed since the last look."""
        before, fault = self._seen, self.fault
        self._seen = now = self._all_seen()
        changes = _compare(before, now)
        changes.fault = self.fault if self.fault != fault else None
        jobs = {job.id: job for job in self._jobs.all()}
        changes.jobs = [job for job in jobs.values() if job != self._seen_jobs.get(job.id)]
        self._seen_jobs = jobs
        return changes

    def _all_seen(self) -> dict[str, _Seen]:
        try:
            runs = list_runs(self.data_directory)
        except UnderstudyError as error:
            self.fault = f"{error.message} {error.found}".strip()
            return {}
        self.fault = ""
        self._curves.keep_only(run.summary_path for run in runs)
        return {run.name: self._see(run) for run in runs}

    def _see(self, run: RunFolder) -> _Seen:
        stamp = (*_dates(run.path), *_dates(run.state_path), *_dates(run.summary_path))
        known = self._seen.get(run.name)
        if known is not None and known.stamp == stamp and not _may_be_lost(known.row):
            return known
        curve = self._curves.read(run.summary_path)
        return _Seen(stamp, row_of(run, _state(run), stamp[2] / 1e9, curve), curve.version)


def _state(run: RunFolder) -> RunState:
    if os.path.lexists(run.state_path) and not is_plain_file(run.state_path):
        return RunState(state="damaged", reason="state.json is a link or no file")
    return read_state_file(run.state_path)


def _may_be_lost(row: RunRow) -> bool:
    """A run whose process may die without changing a file."""
    return row.busy


def _dates(path: Path) -> tuple[int, int]:
    """When it was written (ns), and its size."""
    try:
        status = path.lstat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size if stat.S_ISREG(status.st_mode) else 0


def _compare(before: dict[str, _Seen], now: dict[str, _Seen]) -> Changes:
    changes = Changes(removed=sorted(set(before) - set(now)))
    for name, seen in now.items():
        old = before.get(name)
        if old is seen:
            continue
        if old is None or old.row != seen.row:
            changes.runs.append(seen.row)
        if old is None or old.curve_version != seen.curve_version:
            changes.curves.append(name)
        if old is None or _pictures(old.row) != _pictures(seen.row):
            changes.pictures.append(name)
    return changes


def _pictures(row: RunRow) -> tuple[int, ...]:
    return row.contact_sheets, row.previews, row.checkpoints, row.last_checkpoint
