"""JOBS.toml -> jobs, each checked before the first begins."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.errors import SettingError
from understudy.settings import (
    ApplySettings,
    CheckSettings,
    CorrectSettings,
    ReportSettings,
    Settings,
    SuggestSettings,
    TrainSettings,
    flattened,
)

COMMANDS: dict[str, type[Settings]] = {
    "train": TrainSettings,
    "apply": ApplySettings,
    "report": ReportSettings,
    "check": CheckSettings,
    "suggest": SuggestSettings,
    "correct": CorrectSettings,
}
OWN = ("after", "cores", "gpus")
NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
MOST = 10_000
FILE_LIMIT = 16 << 20


@dataclass(frozen=True)
class Job:
    """One command with its ``settings``, all paths whole; ``after``: the jobs that have to be done before it;
    ``cores`` and ``gpus``: what it has to itself, 0 cores for a fair share."""

    name: str
    command: str
    settings: Settings
    after: tuple[str, ...] = ()
    cores: int = 0
    gpus: int = 0


@dataclass(frozen=True)
class Batch:
    """All jobs of a file, by name, each behind those that it comes after."""

    path: Path
    jobs: Mapping[str, Job] = field(default_factory=dict)


def read_batch(path: Path) -> Batch:
    """The jobs of a file of such tables:

        [defaults.train]                      # for every job of this command, unless it says otherwise
        data_directory = "runs"

        [jobs.hero]
        train = { input = "plate.####.exr", ground_truth = "truth.####.exr", name = "hero" }

        [jobs.hero-frames]
        after = "hero"                        # or a list of names
        cores = 4                             # or gpus = 1: what it has to itself
        apply = { model = "runs/hero", plate = "plate.####.exr", output = "out/out.####.exr" }

    Paths are relative to the folder of the file. SettingError for what cannot be read, does not fit, names a
    job that does not exist, or waits for itself.
    """
    top = _read(path)
    unknown = sorted(set(top) - {"jobs", "defaults"})
    tables, defaults = top.get("jobs"), top.get("defaults", {})
    if unknown or not isinstance(tables, Mapping) or not tables or len(tables) > MOST:
        found = ", ".join(unknown) if unknown else f"{len(tables) if isinstance(tables, Mapping) else 0} jobs"
        raise _wrong(path, f"[jobs.NAME] tables, 1 to {MOST}, and [defaults.COMMAND]", found)
    if not isinstance(defaults, Mapping) or not set(defaults) <= set(COMMANDS):
        raise _wrong(path, f"defaults for {', '.join(COMMANDS)}", f"{', '.join(map(str, defaults))}"[:200])
    jobs = [_job(name, table, defaults, path) for name, table in tables.items()]
    return Batch(path, {job.name: job for job in _in_order(jobs, path)})


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise _wrong(path, f"at most {FILE_LIMIT} bytes", "more")
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingError("The file of jobs cannot be read.", found=str(error), where=str(path)) from error


def _job(name: str, table: Any, defaults: Mapping[str, Any], path: Path) -> Job:
    where = f"{path}, [jobs.{name[:80]}]"
    if not NAME.fullmatch(name) or not isinstance(table, Mapping):
        raise _wrong(where, "jobs whose names are letters, digits and _.-", name[:100])
    commands = [key for key in table if key in COMMANDS]
    others = sorted(set(table) - set(COMMANDS) - set(OWN))
    if len(commands) != 1 or others or not isinstance(table[commands[0]], Mapping):
        raise _wrong(
            where, f"one of {', '.join(COMMANDS)} as a table, and {', '.join(OWN)}", ", ".join(table)[:200]
        )
    _check_own(table, where)
    command = commands[0]
    model, given = COMMANDS[command], defaults.get(command, {})
    values = {
        **flattened(given, model, f"{path}, [defaults.{command}]"),
        **flattened(table[command], model, where),
    }
    settings = model(**values).anchored(path.absolute().parent)
    after = table.get("after", ())
    names = (after,) if isinstance(after, str) else tuple(after)
    return Job(name, command, settings, names, table.get("cores", 0), table.get("gpus", 0))


def _check_own(table: Mapping[str, Any], where: str) -> None:
    after = table.get("after", "")
    names = [after] if isinstance(after, str) else after
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _wrong(where, "after as the name of a job, or a list of names", str(after)[:200])
    for name in ("cores", "gpus"):
        value = table.get(name, 0)
        if type(value) is not int or not 0 <= value <= 1024:
            raise _wrong(where, f"{name} as a whole number from 0 to 1024", str(value)[:100])


def _in_order(jobs: list[Job], path: Path) -> list[Job]:
    """Each behind those that it comes after; otherwise as they are in the file."""
    names, placed, left = {job.name for job in jobs}, dict[str, Job](), list(jobs)
    for job in jobs:
        missing = [name for name in job.after if name not in names]
        if missing:
            raise _wrong(f"{path}, [jobs.{job.name}]", "after as jobs of this file", ", ".join(missing)[:200])
    while left:
        ready = [job for job in left if all(name in placed for name in job.after)]
        if not ready:
            circle = ", ".join(job.name for job in left[:10])
            raise _wrong(path, "jobs that wait for others, and not for themselves", f"a circle in {circle}")
        placed |= {job.name: job for job in ready}
        left = [job for job in left if job.name not in placed]
    return list(placed.values())


def _wrong(where: object, expected: str, found: str) -> SettingError:
    return SettingError(
        "The file of jobs does not say what is to be done.", expected=expected, found=found, where=str(where)
    )
