"""Polls the data directory and calls listeners with what has changed."""

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
from understudy.monitor.paths.run_files import is_plain_file
from understudy.monitor.runs.curves import CurveStore
from understudy.monitor.runs.rows import RunRow, row_of
from understudy.runs import RunFolder, RunState, list_runs
from understudy.runs.state import read_state_file

SECONDS = 0.7


class Changes(BaseModel):
    """What changed between two scans. ``curves`` and ``pictures`` are names of runs whose summary
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
class _Snapshot:
    """A run as the last scan found it. ``stamp``: modification times and sizes of its folder, state.json and
    summary; a run whose stamp is the same is not read again."""

    stamp: tuple[int, ...]
    row: RunRow
    curve_version: int


Listener = Callable[[Changes], None]


class Watcher:
    """``rows`` is the result of the last scan. ``scan`` may be called at any time; ``watch`` polls."""

    def __init__(self, data_directory: Path, curves: CurveStore, jobs: Jobs) -> None:
        self.data_directory = data_directory
        self.fault = ""
        self._curves = curves
        self._jobs = jobs
        self._seen: dict[str, _Snapshot] = {}
        self._seen_jobs: dict[str, Job] = {}
        self._listeners: list[Listener] = []
        self._scan_lock = asyncio.Lock()

    @property
    def rows(self) -> list[RunRow]:
        """Every run, newest first."""
        rows = [seen.row for seen in self._seen.values()]
        return sorted(rows, key=lambda row: (row.created, row.name), reverse=True)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with all Changes from now on. Returns a function that removes it again."""
        self._listeners.append(listener)

        def remove() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return remove

    async def watch(self) -> None:
        """Scan and notify the listeners, every ``SECONDS``, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(SECONDS)

    async def refresh(self) -> None:
        """Scan once, and notify the listeners."""
        async with self._scan_lock:
            changes = await run_in_threadpool(self.scan)
        if changes:
            for listener in list(self._listeners):
                listener(changes)

    def scan(self) -> Changes:
        """What has changed since the last scan."""
        before, fault = self._seen, self.fault
        self._seen = now = self._scan_runs()
        changes = _compare(before, now)
        changes.fault = self.fault if self.fault != fault else None
        jobs = {job.id: job for job in self._jobs.all()}
        changes.jobs = [job for job in jobs.values() if job != self._seen_jobs.get(job.id)]
        self._seen_jobs = jobs
        return changes

    def _scan_runs(self) -> dict[str, _Snapshot]:
        try:
            runs = list_runs(self.data_directory)
        except UnderstudyError as error:
            self.fault = f"{error.message} {error.found}".strip()
            return {}
        self.fault = ""
        self._curves.keep_only(run.summary_path for run in runs)
        return {run.name: self._scan_run(run) for run in runs}

    def _scan_run(self, run: RunFolder) -> _Snapshot:
        stamp = (*_stamp(run.path), *_stamp(run.state_path), *_stamp(run.summary_path))
        known = self._seen.get(run.name)
        if known is not None and known.stamp == stamp and not _may_have_died(known.row):
            return known
        curve = self._curves.read(run.summary_path)
        return _Snapshot(stamp, row_of(run, _state(run), stamp[2] / 1e9, curve), curve.version)


def _state(run: RunFolder) -> RunState:
    if os.path.lexists(run.state_path) and not is_plain_file(run.state_path):
        return RunState(state="damaged", reason="state.json is a link or no file")
    return read_state_file(run.state_path)


def _may_have_died(row: RunRow) -> bool:
    """A run whose process may die without changing a file."""
    return row.busy


def _stamp(path: Path) -> tuple[int, int]:
    """Modification time in ns, and size in bytes; zeros when it is not there."""
    try:
        status = path.lstat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size if stat.S_ISREG(status.st_mode) else 0


def _compare(before: dict[str, _Snapshot], now: dict[str, _Snapshot]) -> Changes:
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
    shown = row.contact_sheets, row.previews, row.validation_sheets, row.stages
    return *shown, row.checkpoints, row.last_checkpoint
