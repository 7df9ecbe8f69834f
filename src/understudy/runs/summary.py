"""NAME.summary: one JSON object per line for every step."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from understudy.runs.files import write_atomically, write_error

Row = dict[str, Any]


def append(path: Path, rows: Iterable[Row]) -> None:
    """Add one line per row. WriteError when the disk is full; then no part of them is left in the file."""
    text = "".join(_line(row) for row in rows).encode()
    if not text:
        return
    try:
        with path.open("ab+", buffering=0) as file:
            _append_whole(file.fileno(), text)
    except OSError as error:
        raise write_error(path, error) from error


def _append_whole(file: int, text: bytes) -> None:
    size = os.fstat(file).st_size
    if size and _last_byte(file, size) != b"\n":
        text = b"\n" + text  # a writer was killed within a line: readers skip it, and ours starts afresh
    try:
        written = os.write(file, text)
        while written < len(text):
            written += os.write(file, text[written:])
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(file, size)
        raise


def _last_byte(file: int, size: int) -> bytes:
    os.lseek(file, size - 1, os.SEEK_SET)
    return os.read(file, 1)


def _line(row: Row) -> str:
    """JSON has no word for NaN and infinity: null."""
    return json.dumps(_finite(row), separators=(",", ":"), allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read(path: Path) -> list[Row]:
    """Every row that makes sense; damaged and half-written lines are skipped. Empty without a file."""
    return read_from(path, 0)[0]


def read_from(path: Path, offset: int) -> tuple[list[Row], int]:
    """The rows of the whole lines from byte ``offset`` on, and the offset to go on from next time.

    A file that has become shorter than ``offset`` (a resumed run cuts it back) gives all its rows again:
    compare the first row's step with the last one known.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < offset:
                offset = 0
            file.seek(offset)
            text = file.read()
    except OSError:
        return [], 0
    whole = text[: text.rfind(b"\n") + 1]
    return list(_rows(whole)), offset + len(whole)


def _rows(text: bytes) -> Iterator[Row]:
    for line in text.splitlines():
        row = _row(line)
        if row is not None:
            yield row


def _row(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    step = row.get("step") if isinstance(row, dict) else None
    return row if isinstance(step, int) and not isinstance(step, bool) else None


def truncate(path: Path, after_step: int) -> None:
    """Drop every row later than ``after_step``, and what is damaged."""
    if path.exists():
        rows = [row for row in read(path) if row["step"] <= after_step]
        write_atomically(path, "".join(_line(row) for row in rows))
