"""Finding runs."""

from __future__ import annotations

import os
from pathlib import Path

from understudy.errors import RunError
from understudy.runs.folder import RunFolder


def list_runs(data_directory: str | Path) -> list[RunFolder]:
    """Every run in ``data_directory``, by name (the default names begin with the date).

    Damaged and vanishing folders never raise; links are not followed. RunError when there is no such folder.
    """
    folder = Path(os.path.abspath(data_directory))
    try:
        with os.scandir(folder) as entries:
            found = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
    except OSError as error:
        raise RunError(
            "The data directory cannot be read.",
            expected="a folder that holds runs",
            found=error.strerror or str(error),
            where=str(folder),
            remedy="Give the folder that was --data-directory when training.",
        ) from error
    return [run for name in found if (run := _try_to_open(folder / name)) is not None]


def _try_to_open(path: Path) -> RunFolder | None:
    if path.name.startswith("."):
        return None
    try:
        return RunFolder.open(path)
    except (RunError, OSError):
        return None
