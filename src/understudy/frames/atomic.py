"""A file that appears whole or not at all: written beside under a hidden name, flushed, then renamed."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from understudy import file_system
from understudy.errors import WriteError


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A hidden path in the same folder, with the same extension; renamed to ``path`` when the block succeeds.

    Parent folders are made. When the block raises, the hidden file goes and what stood at ``path`` stands.
    Raises WriteError when the folder or the file cannot be written.
    """
    make_folder(path.parent)
    beside = hidden_name(path)
    try:
        yield beside
        finish(beside, path)
    except OSError as error:
        raise cannot_write(path, error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            beside.unlink()


def hidden_name(path: Path) -> Path:
    """A name of this process's own beside ``path``."""
    short = path.stem[:80]
    return path.with_name(f".{short}.tmp-{os.getpid()}-{uuid.uuid4().hex[:8]}{path.suffix}")


def make_folder(folder: Path) -> None:
    """The folder and its parents; WriteError when they cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise cannot_write(folder, getattr(error, "strerror", None) or str(error)) from error


def reserve(beside: Path, count: int) -> None:
    """Make sure of room for ``count`` bytes by filling the hidden file with zeros. Raises OSError."""
    block = bytes(2**20)
    with open(beside, "wb") as file:
        while count > 0:
            count -= file.write(block[: min(count, len(block))])


def finish(beside: Path, path: Path) -> None:
    """Flush the hidden file to the disk and give it its name."""
    file_system.flush(beside)
    file_system.replace(beside, path)


def cannot_write(path: Path, reason: str) -> WriteError:
    return WriteError(
        "The file could not be written.",
        found=" ".join(reason.split())[:300] or "the library gave no reason",
        where=str(path),
        remedy="check that the folder can be written to and the disk has room",
    )
