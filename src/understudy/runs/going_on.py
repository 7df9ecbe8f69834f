"""A training that is asked for again where it was begun before, as a farm does with a task that was lost."""

from __future__ import annotations

import time
from pathlib import Path

from understudy.errors import RunError, SettingError
from understudy.runs.asked import settings_of_run
from understudy.runs.contents import is_run
from understudy.runs.folder import RunFolder
from understudy.runs.state import FRESH_SECONDS
from understudy.settings import TrainSettings

WAIT_SECONDS = 2 * FRESH_SECONDS
"""A process that was killed on another machine counts as at work until its heartbeat is old."""
LOOK_SECONDS = 0.5
CHANGEABLE = ("schedule", "devices")
"""Sections that ``understudy resume`` may have been given anew."""


def run_to_go_on_with(settings: TrainSettings, wait: float = WAIT_SECONDS) -> RunFolder | None:
    """The run that ``settings`` asked for before, None where there is none yet. Waits so many seconds for a
    process that may be at work on it, or dead.

    SettingError without a name, RunError where the run of that name was asked for otherwise.
    """
    if settings.run.name is None:
        raise SettingError(
            "Which run is to be gone on with is not said.",
            expected="--name with --resume",
            where="--resume",
            remedy="Give --name, or resume the run by its folder: understudy resume.",
        )
    path = Path(settings.run.data_directory) / settings.run.name
    if not is_run(path):
        return None
    run = RunFolder.open(path)
    _check_same(run, settings)
    end = time.monotonic() + wait
    while run.is_busy() and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
    return run


def _check_same(run: RunFolder, settings: TrainSettings) -> None:
    asked, before = settings.anchored().sections(), settings_of_run(run).sections()
    other = [
        f"--{name.replace('_', '-')}"
        for section, values in asked.items()
        if section not in CHANGEABLE
        for name, value in values
        if value != getattr(before[section], name)
    ]
    if other:
        raise RunError(
            f"A run called {run.name} exists already, and was asked for otherwise.",
            expected="the same settings as it was begun with",
            found="other values of " + ", ".join(other[:5]) + (" ..." if len(other) > 5 else ""),
            where=str(run.path),
            remedy="Choose another --name.",
        )
