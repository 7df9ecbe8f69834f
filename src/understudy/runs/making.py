"""Making the folder of a run: it comes into its name whole, with its first state and settings in it.

The folder is filled under a hidden name and then renamed, so that a process that is killed on the way leaves
nothing that takes the name, and whoever finds the name finds a run.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from understudy import file_system
from understudy.errors import RunError, WriteError
from understudy.runs.files import TEMPORARY, what_is_there, write_atomically

OLD_SECONDS = 3600.0
MOST_OF_ONE_SECOND = 1000


def make_folder(parent: Path, wanted: str, only: bool, files: Mapping[str, str]) -> Path:
    """The new folder ``wanted`` in ``parent`` with ``files`` (name -> text) in it; where that is taken and
    not the ``only`` name, the next free one of wanted_2, wanted_3 ...

    RunError when the name is taken, or the folder cannot be made. An empty folder takes no name.
    """
    _clear_up(parent, files)
    beside = parent / f"{TEMPORARY}{secrets.token_hex(6)}"
    try:
        beside.mkdir()
        for name, text in files.items():
            write_atomically(beside / name, text)
        return _into_its_name(beside, parent, wanted, only)
    except WriteError as error:
        raise RunError(error.message, found=error.found, where=str(parent), remedy=error.remedy) from error
    except OSError as error:
        raise cannot("The data directory cannot be written to.", parent, error) from error
    finally:
        _remove(beside, files)


def _into_its_name(beside: Path, parent: Path, wanted: str, only: bool) -> Path:
    for count in range(1, MOST_OF_ONE_SECOND):
        path = parent / (wanted if count == 1 else f"{wanted}_{count}")
        if _rename(beside, path):
            return path
        if only:
            break
    raise _exists(path)


def _rename(beside: Path, path: Path) -> bool:
    """Whether ``beside`` could take the name. The system decides: of two processes one succeeds."""
    try:
        file_system.rename(beside, path)
    except OSError:
        if os.path.lexists(path):
            return False
        raise
    return True


def _clear_up(parent: Path, names: Iterable[str]) -> None:
    """Remove what one that was killed while making a folder left here, once it is old."""
    with contextlib.suppress(OSError):
        for path in parent.glob(TEMPORARY + "*"):
            if path.is_dir() and time.time() - path.lstat().st_mtime > OLD_SECONDS:
                _remove(path, names)


def _remove(beside: Path, names: Iterable[str]) -> None:
    """Remove a folder that never got its name; one that has more in it than our files stays."""
    with contextlib.suppress(OSError):
        for path in (*(beside / name for name in names), *beside.glob(TEMPORARY + "*")):
            path.unlink(missing_ok=True)
        beside.rmdir()


def make_parents(folder: Path) -> tuple[Path, ...]:
    """Make ``folder`` and what is missing above it; the folders made, deepest first. RunError if not."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remove_empty(missing)
        raise cannot("The data directory cannot be made.", folder, error) from error
    return tuple(missing)


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove ``folders``, deepest first, up to the first that is not empty."""
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def cannot(message: str, where: Path, error: OSError) -> RunError:
    """``error`` of the system while something was done to ``where``, for people."""
    return RunError(
        message,
        expected="a folder that may be written to",
        found=what_is_there(error),
        where=str(where),
        remedy="Correct the rights of the folder, or choose another.",
    )


def _exists(path: Path) -> RunError:
    if (path / "state.json").exists():
        return RunError(
            f"A run called {path.name} exists already.",
            where=str(path),
            remedy=f"Choose another --name, or go on with it: understudy resume {path}",
        )
    return RunError(
        f"{path.name} exists already, and is no run.",
        expected="a name that is free in the data directory, or an empty folder",
        found="a folder with other files" if path.is_dir() else "a file",
        where=str(path),
        remedy="Choose another --name, or move what is there out of the way.",
    )
