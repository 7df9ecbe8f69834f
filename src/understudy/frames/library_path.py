"""File names that are no UTF-8, for a library that takes nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def library_path(path: Path) -> Iterator[Path]:
    """The path itself, or, where its name holds other bytes than UTF-8, a link to it that can be written in
    any encoding and lasts as long as the block."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory(prefix="understudy-") as folder:
            link = Path(folder) / f"frame{path.suffix if path.suffix.isascii() else ''}"
            link.symlink_to(path.absolute())
            yield link
        return
    yield path
