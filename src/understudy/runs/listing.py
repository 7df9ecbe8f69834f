"""Finding runs, and the model that a user means."""

from __future__ import annotations

import os
from pathlib import Path

from understudy.errors import ModelFileError, RunError
from understudy.runs.contents import is_run
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


def resolve_model(spec: str | Path) -> Path:
    """The .cat that ``spec`` means: the file itself, or of a run the best checkpoint, else the newest.

    ModelFileError when there is none.
    """
    path = Path(os.path.abspath(spec))
    if path.is_file():
        return path
    if is_run(path):
        return RunFolder.open(path).best_or_newest()
    raise ModelFileError(
        "There is no trained network here.",
        expected="a .cat file, the folder of a run, or an imported network (.onnx, .pt)",
        found=_what(path),
        where=str(path),
        remedy="Give a .cat or a run: understudy runs DATA_DIR lists the runs.",
    )


def _what(path: Path) -> str:
    if not path.is_dir():
        return "something else" if path.exists() else "nothing"
    names = [run.name for run in list_runs(path)] if os.access(path, os.R_OK | os.X_OK) else []
    return f"a folder with the runs {', '.join(names[:5])}" if names else "a folder that is not a run"
