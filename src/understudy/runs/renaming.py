"""Renaming a run: its folder and every file in it, so that a crash in between can be mended.

A plan is written into the folder first; the folder changes its name in one stroke, then its files one by one,
and the plan goes last. Whoever opens a folder with a plan in it finishes the work.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from understudy import file_system
from understudy.errors import RunError, UnderstudyError
from understudy.runs.files import read_json, write_atomically
from understudy.runs.names import OWN_FILES, check_name

PLAN_FILE = ".rename.json"


def rename(folder: Path, prefix: str, new: str) -> Path:
    """Rename the run in ``folder``, whose files begin with ``prefix``; its new path. RunError when taken."""
    target = folder.with_name(new)
    if os.path.lexists(target) and not _same(folder, target):
        raise RunError(
            f"{new} exists already.", where=str(target.parent), remedy="Choose another name for the run."
        )
    write_atomically(folder / PLAN_FILE, json.dumps({"from": prefix, "to": new}))
    try:
        file_system.rename(folder, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            (folder / PLAN_FILE).unlink()
        raise _failed(folder, error) from error
    finish(target)
    return target


def _same(one: Path, other: Path) -> bool:
    """The same folder under another spelling, where the disk does not tell capitals apart."""
    try:
        return os.path.samefile(one, other) and one.name != other.name
    except OSError:
        return False


def finish(folder: Path) -> None:
    """Finish a renaming that was cut short, if there was one. Never raises: readers may lack rights."""
    if not (folder / PLAN_FILE).exists():
        return
    plan = read_json(folder / PLAN_FILE) or {}
    with contextlib.suppress(OSError, UnderstudyError):
        if _agreed(plan.get("from"), plan.get("to"), folder):
            _rename_files(folder, plan["from"], plan["to"])
        (folder / PLAN_FILE).unlink()


def _agreed(old: object, new: object, folder: Path) -> bool:
    if not (isinstance(old, str) and isinstance(new, str) and new == folder.name):
        return False
    return check_name(old) == old and check_name(new) == new


def _rename_files(folder: Path, old: str, new: str) -> None:
    for name in sorted(os.listdir(folder)):
        ending = name.removeprefix(old)
        if ending != name and any(pattern.fullmatch(ending) for pattern in OWN_FILES):
            with contextlib.suppress(FileNotFoundError):  # another reader is finishing the same plan
                file_system.rename(folder / name, folder / f"{new}{ending}")


def _failed(folder: Path, error: OSError) -> RunError:
    return RunError(
        "The run cannot be renamed.",
        found=error.strerror or str(error),
        where=str(folder),
        remedy="Correct the rights of the data directory; close what has files of the run open.",
    )
