"""The folder of a job: it comes into its name whole, or there is none."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy import file_system
from understudy.cluster.farm.deadline import encoded
from understudy.cluster.farm.job import FarmJob
from understudy.errors import SettingError, WriteError
from understudy.runs.files import TEMPORARY, read_json, write_error

JOB = "job.json"
FORMAT = "understudy farm job 1"
FARM_FOLDER = "farm"
MOST_OF_ONE_NAME = 1000


def job_file(farm: str, job: FarmJob) -> str:
    """What ``farm submit`` needs to know of a job later."""
    values = {
        "format": FORMAT,
        "farm": farm,
        "name": job.name,
        "retries": job.retries,
        "priority": job.priority,
        "after": list(job.after),
        "steps": [{"name": step.name, "after": step.after, "tasks": step.count} for step in job.steps],
    }
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def read_job(folder: Path) -> dict[str, Any]:
    """The job in a folder. SettingError where there is none."""
    values = read_json(folder / JOB)
    if values is None or values.get("format") != FORMAT or not _is_whole(values):
        raise SettingError(
            "There is no job for a farm here.",
            expected=f"a folder that understudy farm has written, with {JOB}",
            where=str(folder),
            remedy="Write one with understudy farm apply, or farm train.",
        )
    return values


def _is_whole(values: dict[str, Any]) -> bool:
    steps, after = values.get("steps"), values.get("after")
    if not isinstance(steps, list) or not steps or not isinstance(after, list):
        return False
    known = [""]
    for step in steps:
        if not isinstance(step, dict) or step.get("after") not in known:
            return False
        if step.get("name") not in ("train", "apply"):
            return False
        known.append(step["name"])
    priority = values.get("priority")
    return isinstance(values.get("retries"), int) and (priority is None or isinstance(priority, int))


def check_folder(asked: Path | None) -> None:
    """SettingError where ``asked`` is there already and holds something."""
    if asked is None or not os.path.lexists(asked) or (asked.is_dir() and not os.listdir(asked)):
        return
    raise SettingError(
        "The job folder is there already.",
        expected="a new folder, or an empty one",
        found="a folder with files in it" if asked.is_dir() else "a file",
        where=str(asked),
        remedy="Name another with --job-folder, or remove it once the job is done.",
    )


def write_folder(asked: Path | None, name: str, files: Mapping[str, str]) -> Path:
    """Write ``files`` (name -> text) as the folder ``asked``, or as farm/NAME here, or the next free one of
    farm/NAME_2 and so on. WriteError, and nothing is left."""
    if asked is not None:
        return _written(asked.absolute(), files)
    plain = re.sub(r"[^\w.-]+", "_", name).strip("_.") or "job"
    parent = Path.cwd() / FARM_FOLDER
    for count in range(1, MOST_OF_ONE_NAME):
        path = parent / (plain if count == 1 else f"{plain}_{count}")
        if not os.path.lexists(path):
            return _written(path, files)
    raise SettingError("So many jobs have this name.", where=str(parent), remedy="Give --job-name.")


def _written(path: Path, files: Mapping[str, str]) -> Path:
    beside = path.with_name(f"{TEMPORARY}{secrets.token_hex(6)}")
    try:
        for name, text in files.items():
            file = beside / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(encoded(text) if name.endswith(".job") else text.encode())
        if path.is_dir():
            path.rmdir()
        file_system.rename(beside, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            shutil.rmtree(beside)
        raise write_error(path, error) from error
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return path


__all__ = ["FORMAT", "JOB", "WriteError", "check_folder", "job_file", "read_job", "write_folder"]
