"""What every job has: its name, its needs, its environment."""

from __future__ import annotations

import os
from collections.abc import Iterable

from understudy.cluster.farm.job import VARIABLE, FarmJob, Needs, Step
from understudy.cluster.farm.places import local_notes
from understudy.errors import SettingError
from understudy.settings import FarmSettings

USUAL = {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "NO_COLOR": "1"}
PASSED_ON = ("OCIO",)
"""Variables of this environment that change results, and go with the job."""
LONGEST_NAME = 100


def job_of(name: str, steps: tuple[Step, ...], farm: FarmSettings, notes: Iterable[str]) -> FarmJob:
    """The job ``name`` of ``steps`` for the farm that ``farm`` says. SettingError for a name, or a word of
    the farm's, that no file can hold."""
    for flag, value in _texts(name, farm):
        _check(flag, value)
    environment = {VARIABLE: farm.to, **USUAL}
    environment |= {each: os.environ[each] for each in PASSED_ON if os.environ.get(each)}
    return FarmJob(
        name,
        farm.program,
        steps,
        Needs(farm.needs_gpu, farm.memory, farm.task_timeout),
        farm.retries,
        farm.priority,
        farm.pool or "",
        farm.group or "",
        farm.after,
        environment,
        (*notes, *local_notes(steps, environment)),
    )


def _texts(name: str, farm: FarmSettings) -> list[tuple[str, str]]:
    after = [("--after", each) for each in farm.after]
    others = [("--program", farm.program), ("--pool", farm.pool or "any"), ("--group", farm.group or "any")]
    return [("--job-name", name), *others, *after]


def _check(flag: str, value: str) -> None:
    if not value.isprintable() or not value.strip() or len(value) > LONGEST_NAME * 10 or "{{" in value:
        raise SettingError(
            "This cannot be written into a job for a farm.",
            expected="one line of text that can be printed, without {{",
            found=repr(value)[:200],
            where=flag,
        )
    if flag == "--job-name" and len(value) > LONGEST_NAME:
        raise SettingError(
            "The name of the job is too long.",
            expected=f"at most {LONGEST_NAME} letters",
            found=f"{len(value)}",
            where=flag,
        )
