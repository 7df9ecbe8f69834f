"""The files of a run that may be read: found by plain names, never through a link."""

from __future__ import annotations

import stat
from pathlib import Path

from understudy.errors import RunError
from understudy.runs import RunFolder


class NotFound(RunError):
    """A run, file or job that is not there."""


def find_run(data_directory: Path, name: str) -> RunFolder:
    """The run called ``name``. NotFound when there is none, or when the name is no plain folder name."""
    path = data_directory / name
    if not _is_plain_name(name) or not _is_real_folder(path):
        raise _no_run(data_directory, name)
    try:
        return RunFolder.open(path)
    except (RunError, OSError, ValueError):
        raise _no_run(data_directory, name) from None


def own_file(run: RunFolder, name: str) -> Path:
    """The file called ``name`` that belongs to ``run``; NotFound for anything else."""
    path = next((path for path in run.own_files() if path.name == name), None)
    if path is None or name.startswith("."):
        raise NotFound("The run has no such file.", found=repr(name[:200]), where=str(run.path))
    return path


def is_plain_file(path: Path) -> bool:
    """A file that is a file: no link, pipe or device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _is_plain_name(name: str) -> bool:
    return 0 < len(name) < 256 and name[0] != "." and not any(sign in name for sign in "/\\\0")


def _is_real_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _no_run(data_directory: Path, name: str) -> NotFound:
    return NotFound(
        f"There is no run called {name[:200]!r}.",
        where=str(data_directory),
        remedy="It may have been renamed or deleted; refresh the list.",
    )
