"""The folder of a run in which pairs lie decoded while it learns from many."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

CACHE = "cache"
OWN_FILE = re.compile(r"\d{8,12}\.pair", re.ASCII)


def cache_of(run: Path) -> Path:
    """The folder, whether it is there or not."""
    return run / CACHE


def own_files(run: Path) -> list[Path]:
    """The pairs in it: what we named so, and no links."""
    folder = cache_of(run)
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if e.is_file(follow_symlinks=False)]
    except OSError:
        return []
    return [folder / name for name in names if OWN_FILE.fullmatch(name) or name.startswith(".tmp-")]


def remove_cache(run: Path) -> None:
    """Remove what is in it, and the folder where nothing else is."""
    for path in own_files(run):
        with contextlib.suppress(OSError):
            path.unlink()
    remove_empty_folder(run)


def remove_empty_folder(run: Path) -> None:
    """Remove the folder where nothing is in it."""
    with contextlib.suppress(OSError):
        cache_of(run).rmdir()
