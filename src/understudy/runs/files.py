"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from understudy import file_system
from understudy.errors import WriteError

TEMPORARY = ".tmp-"
LARGEST_JSON = 4_000_000  # bytes; what we write is a hundredth of it


def write_atomically(path: str | Path, content: bytes | str | Callable[[Path], object]) -> None:
    """Write ``path`` so that a reader, and a crash, find the whole file, the one before it, or none.

    ``content`` is the file's bytes or text (UTF-8), or a function that writes a file at the path it is given:
    a hidden name in the same folder with the same ending. WriteError when it cannot be written; what stood
    there before still stands.
    """
    path = Path(path)
    beside = path.with_name(f"{TEMPORARY}{secrets.token_hex(6)}{path.suffix}")
    try:
        _write(beside, content)
        file_system.flush(beside)
        file_system.replace(beside, path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    _flush_folder(path.parent)


def _write(path: Path, content: bytes | str | Callable[[Path], object]) -> None:
    if callable(content):
        content(path)
    else:
        path.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)


def _flush_folder(folder: Path) -> None:
    """Make the new name durable too, where the system allows it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def what_is_there(error: OSError) -> str:
    """What the system says of a folder that cannot be made; "File exists" helps nobody."""
    if isinstance(error, FileExistsError):
        if os.path.islink(error.filename) and not os.path.exists(error.filename):
            return f"{error.filename}, a link to {os.readlink(error.filename)}, which is not there"
        return f"{error.filename}, which is a file"
    if isinstance(error, NotADirectoryError):
        return "a file in the place of one of its folders"
    return error.strerror or str(error)


def write_error(path: Path, error: OSError) -> WriteError:
    """``error`` while writing ``path``, for people."""
    return WriteError(
        f"{path.name} could not be written.",
        found=error.strerror or str(error),
        where=str(path.parent),
        remedy="Free some space on the disk, or correct the rights of the folder, and try again.",
    )


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in ``path``, or None when there is none that can be read."""
    try:
        if path.stat().st_size > LARGEST_JSON:
            return None
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def remove_leftovers(folder: Path, older_than: float = 3600.0) -> None:
    """Remove what a killed writer left in ``folder``, unless it is younger than ``older_than`` seconds."""
    with contextlib.suppress(OSError):
        for path in folder.glob(TEMPORARY + "*"):
            if time.time() - path.lstat().st_mtime > older_than:
                path.unlink()
