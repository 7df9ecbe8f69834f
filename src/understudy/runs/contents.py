"""What lies in the folder of a run, and which of it belongs to the run."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from understudy.runs import cache_folder, corrections, names, renaming
from understudy.runs.files import TEMPORARY
from understudy.runs.making import cannot

STATE_FILE, SETTINGS_FILE, LOG_FILE = "state.json", "settings.toml", "run.log"
STOP_FILE, LOCK_FILE, TEACHER_FILE = "stop", "lock", "teacher.json"
FIXED_FILES = (SETTINGS_FILE, LOG_FILE, STOP_FILE, LOCK_FILE, TEACHER_FILE, renaming.PLAN_FILE, STATE_FILE)


def is_run(path: Path) -> bool:
    """Whether the folder ``path`` holds a run: a state.json, or settings.toml beside a .summary or .cat."""
    if not path.is_dir():
        return False
    if (path / STATE_FILE).is_file():
        return True
    found = {file.suffix for file in files_in(path)}
    return (path / SETTINGS_FILE).is_file() and bool(found & {".summary", ".cat", ".ost"})


def files_in(folder: Path) -> list[Path]:
    """The plain files in ``folder``; no links, nothing when it went away."""
    try:
        with os.scandir(folder) as entries:
            return [folder / e.name for e in entries if e.is_file(follow_symlinks=False)]
    except OSError:
        return []


def size_of(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def prefix_of(folder: Path) -> str:
    """What the files of the run in ``folder`` begin with."""
    if (folder / f"{folder.name}.summary").exists():
        return folder.name
    stems = [path.stem for path in files_in(folder) if path.suffix == ".summary" and path.stem[:1] != "."]
    return stems[0] if len(stems) == 1 else folder.name


def matching(folder: Path, prefix: str, pattern: re.Pattern[str]) -> Iterator[tuple[Path, re.Match[str]]]:
    """The files whose names are ``prefix`` and an ending that is like ``pattern``."""
    for path in files_in(folder):
        found = pattern.fullmatch(path.name.removeprefix(prefix))
        if found and path.name.startswith(prefix):
            yield path, found


def own_files(folder: Path, prefix: str) -> list[Path]:
    """Every file that belongs to the run, the state last. Links, folders and foreign files do not."""
    fixed = [folder / name for name in FIXED_FILES]
    present = set(files_in(folder))
    own = [*corrections.own_files(folder), *cache_folder.own_files(folder)]
    own += [*(p for p in sorted(present) if _is_own(p, prefix))]
    return own + [p for p in fixed if p in present]


def _is_own(path: Path, prefix: str) -> bool:
    if path.name.startswith(TEMPORARY):
        return True
    ending = path.name.removeprefix(prefix)
    return ending != path.name and any(pattern.fullmatch(ending) for pattern in names.OWN_FILES)


def remove_files(folder: Path, prefix: str) -> int:
    """Remove what belongs to the run, and the folder when nothing else is in it; bytes freed. RunError when
    a file cannot be removed."""
    freed = 0
    for path in own_files(folder, prefix):
        size = size_of(path)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot(f"{path.name} cannot be deleted.", folder, error) from error
        freed += size
    corrections.remove_empty_folders(folder)
    cache_folder.remove_empty_folder(folder)
    with contextlib.suppress(OSError):
        folder.rmdir()
    return freed
