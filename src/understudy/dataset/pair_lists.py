"""A list of pairs: CSV with a header, or an object of JSON on each line.

Columns: ``input`` and ``truth``, paths relative to the list; ``weight``, how often the pair comes in an epoch
(1 where it says nothing, 0.5 every other time, 0 never); ``split``: train, validation or test.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import PairingError

LARGEST_LIST = 1 << 30
LARGEST_LINE = 1 << 16
MOST_ROWS = 5_000_000
MOST_WEIGHT = 100.0
INPUT = ("input", "image", "plate")
TRUTH = ("truth", "ground_truth", "target", "mask", "matte", "output")
WEIGHT = ("weight",)
SPLIT = ("split", "subset")
SPLITS = {
    "": "train",
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Listed:
    """One row that names a pair."""

    input: str
    truth: str
    weight: float
    split: str


@dataclass(frozen=True)
class PairList:
    """``rows`` in their order; ``lonely``: inputs whose row names no truth."""

    rows: tuple[Listed, ...]
    lonely: tuple[str, ...]


def read_pair_list(spec: str) -> PairList:
    """The rows of a list. PairingError for one that cannot be read or makes no sense, which says in which
    line."""
    path = Path(os.path.expanduser(spec))
    rows: list[Listed] = []
    lonely: list[str] = []
    for number, row in _rows(path):
        if len(rows) + len(lonely) >= MOST_ROWS:
            raise _wrong(path, number, f"more than {MOST_ROWS} rows", "a shorter list")
        values = {str(key).strip().lower(): value for key, value in row.items() if key is not None}
        given = _text(path, number, values, INPUT)
        if not given:
            raise _wrong(path, number, f"columns {', '.join(values) or 'none'}", "an input in each row")
        truth = _text(path, number, values, TRUTH)
        weight, split = _weight(path, number, values), _split(path, number, values)
        if truth:
            rows.append(Listed(_beside(path, given), _beside(path, truth), weight, split))
        else:
            lonely.append(given)
    if not rows:
        raise _wrong(path, 1, "no row with both", "rows with an input and a truth")
    return PairList(tuple(rows), tuple(lonely))


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        if path.stat().st_size > LARGEST_LIST:
            raise _wrong(path, 1, f"{path.stat().st_size} bytes", f"at most {LARGEST_LIST}")
        with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            yield from (_csv_rows if path.suffix.lower() == ".csv" else _json_rows)(path, file)
    except OSError as error:
        raise PairingError(
            "The list of pairs cannot be read.", found=error.strerror or str(error), where=str(path)
        ) from error


def _csv_rows(path: Path, file: Any) -> Iterator[tuple[int, Row]]:
    reader = csv.DictReader(file)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise _wrong(path, reader.line_num, str(error), "a line of CSV") from error


def _json_rows(path: Path, file: Any) -> Iterator[tuple[int, Row]]:
    number = 0
    while line := file.readline(LARGEST_LINE):
        number += 1
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _wrong(path, number, str(error)[:200], "an object of JSON on each line") from error
        if not isinstance(row, dict):
            raise _wrong(path, number, type(row).__name__, "an object of JSON on each line")
        yield number, row


def _value(values: Row, names: tuple[str, ...]) -> Any:
    return next((values[name] for name in names if values.get(name) not in (None, "")), None)


def _text(path: Path, number: int, values: Row, names: tuple[str, ...]) -> str:
    value = _value(values, names)
    if value is None:
        return ""
    if isinstance(value, str) and "\0" not in value and len(value) <= 4096:
        return value.strip()
    raise _wrong(path, number, f"{names[0]} {str(value)[:80]!r}", "the path of a file")


def _weight(path: Path, number: int, values: Row) -> float:
    value = _value(values, WEIGHT)
    try:
        weight = 1.0 if value is None else float(value)
    except (TypeError, ValueError):
        weight = math.nan
    if 0 <= weight <= MOST_WEIGHT:
        return weight
    raise _wrong(path, number, f"weight {str(value)[:80]!r}", f"a weight from 0 to {MOST_WEIGHT:g}")


def _split(path: Path, number: int, values: Row) -> str:
    value = str(_value(values, SPLIT) or "").strip().lower()
    if value in SPLITS:
        return SPLITS[value]
    raise _wrong(path, number, f"split {value[:80]!r}", "train, validation or test")


def _beside(path: Path, name: str) -> str:
    return os.path.join(path.parent, os.path.expanduser(name))


def _wrong(path: Path, line: int, found: str, expected: str) -> PairingError:
    return PairingError(
        "The list of pairs makes no sense.",
        expected=expected,
        found=found,
        where=f"{path}, line {line}",
        remedy="Columns: input, truth, and, where wanted, weight and split (train, validation, test).",
    )
