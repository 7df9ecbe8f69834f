"""The folder of a report: made whole in a hidden one beside it, then put in its place."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from understudy import file_system
from understudy.errors import SettingError
from understudy.runs.files import what_is_there, write_error

PAGE, FIGURES = "index.html", "report.json"
OWN = re.compile(
    r"index\.html|report\.json|strip\.jpg|before_after\.mp4|pair_\d{3}\.jpg|"
    r"worst_-?\d{1,12}_(?:plate|result|difference)\.jpg",
    re.ASCII,
)


def refuse_occupied(folder: Path, overwrite: bool) -> None:
    """SettingError where the folder holds anything and it was not allowed to write over it."""
    if os.path.lexists(folder) and not folder.is_dir():
        raise SettingError(
            "The report cannot go there.",
            expected="a folder",
            found="a file",
            where=str(folder),
            remedy="Choose another --output.",
        )
    if overwrite or not folder.is_dir() or not any(folder.iterdir()):
        return
    there = "a report" if (folder / FIGURES).is_file() else "other files"
    raise SettingError(
        "The folder for the report is not empty.",
        expected="none yet, or an empty one",
        found=f"{there} in it",
        where=str(folder),
        remedy="Choose another --output, or write over it with --overwrite.",
    )


@contextlib.contextmanager
def hidden_beside(folder: Path) -> Iterator[Path]:
    """A new folder beside ``folder``, which is gone afterwards with all that is still in it. SettingError
    where there can be none."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        hidden = tempfile.TemporaryDirectory(prefix=".tmp-", dir=folder.parent)
    except OSError as error:
        raise SettingError(
            "The folder for the report cannot be made.",
            expected="a folder in one that may be written to",
            found=what_is_there(error),
            where=str(folder),
            remedy="Choose another --output, or correct the rights of the folder above it.",
        ) from error
    with hidden as path:
        yield Path(path)


def put_in_place(made: Path, folder: Path) -> tuple[Path, ...]:
    """Move the files of ``made`` into ``folder``, the page last, and remove those of an older report that
    this one has not; foreign files stay. The new files. WriteError."""
    names = sorted((each.name for each in made.iterdir()), key=lambda name: (name == PAGE, name))
    try:
        folder.mkdir(exist_ok=True)
        for name in names:
            file_system.replace(made / name, folder / name)
        for old in folder.iterdir():
            if old.name not in names and OWN.fullmatch(old.name) and not old.is_dir():
                old.unlink()
    except OSError as error:
        raise write_error(folder / PAGE, error) from error
    return tuple(folder / name for name in names)
