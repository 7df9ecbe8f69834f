"""Loss curves, read from .summary files incrementally: only what was added since the last time."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from understudy.monitor.paths.run_files import is_plain_file

try:
    import orjson

    _loads: Any = orjson.loads
except ImportError:
    _loads = json.loads

CHUNK = 32_000_000  # bytes parsed at a time
LARGEST = 2_000_000_000  # a summary beyond this is no summary
LAST_STEP = 2**53
MOST_MATTES = 64


@dataclass(frozen=True)
class Curve:
    """``steps`` (int64, rising), ``losses`` (float64, NaN where there is none); ``held_out`` likewise, but
    only at the steps where the held-out pair was evaluated; ``held_out_of`` is that of each of several
    mattes, by its name, NaN where there is none; ``figures`` what else was measured there. ``parts``: what
    each term of the loss adds, at ``part_steps``. ``version`` changes whenever the curve does."""

    steps: np.ndarray
    losses: np.ndarray
    held_out_steps: np.ndarray
    held_out: np.ndarray
    seconds: float | None = None
    version: int = 0
    held_out_of: Mapping[str, np.ndarray] = field(default_factory=dict)
    figures: Mapping[str, np.ndarray] = field(default_factory=dict)
    part_steps: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    parts: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def last_step(self) -> int:
        return int(self.steps[-1]) if len(self.steps) else 0

    @property
    def last_loss(self) -> float | None:
        finite = self.losses[-1:][np.isfinite(self.losses[-1:])]
        return float(finite[0]) if len(finite) else None


@dataclass
class _SummaryReader:
    """How far one file was read. ``identity`` is (inode, device): it changes when the file is replaced."""

    identity: tuple[int, int] = (0, 0)
    offset: int = 0
    size: int = 0
    version: int = 0
    steps: _Column = field(default_factory=lambda: _Column(np.int64))
    losses: _Column = field(default_factory=lambda: _Column(np.float64))
    held_out_steps: list[int] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    held_out_of: list[dict[str, float]] = field(default_factory=list)
    figures: list[dict[str, float]] = field(default_factory=list)
    part_steps: _Column = field(default_factory=lambda: _Column(np.int64))
    parts: dict[str, _Column] = field(default_factory=dict)
    seconds: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        self.offset, self.size, self.seconds = 0, 0, None
        self.steps, self.losses = _Column(np.int64), _Column(np.float64)
        self.held_out_steps, self.held_out, self.held_out_of, self.figures = [], [], [], []
        self.part_steps, self.parts = _Column(np.int64), {}


class _Column:
    """An array that grows in place. Views returned before do not change."""

    def __init__(self, kind: Any) -> None:
        self._buffer = np.empty(1024, dtype=kind)
        self._count = 0

    def extend(self, values: np.ndarray) -> None:
        needed = self._count + len(values)
        if needed > len(self._buffer):
            buffer = np.empty(max(needed, 2 * len(self._buffer)), dtype=self._buffer.dtype)
            buffer[: self._count] = self._buffer[: self._count]
            self._buffer = buffer
        self._buffer[self._count : needed] = values
        self._count = needed

    @property
    def values(self) -> np.ndarray:
        return self._buffer[: self._count]


class CurveStore:
    """Reads summaries incrementally. Thread-safe."""

    def __init__(self) -> None:
        self._readers: dict[Path, _SummaryReader] = {}
        self._lock = threading.Lock()

    def read(self, path: Path) -> Curve:
        """The curve in the summary at ``path`` as it stands; empty when there is none."""
        with self._lock:
            reader = self._readers.setdefault(path, _SummaryReader())
        with reader.lock:
            _read_new(path, reader)
            return _curve(reader)

    def keep_only(self, paths: Iterable[Path]) -> None:
        """Drop every curve whose file is not among ``paths``."""
        with self._lock:
            for gone in set(self._readers) - set(paths):
                del self._readers[gone]


def _curve(reader: _SummaryReader) -> Curve:
    return Curve(
        reader.steps.values,
        reader.losses.values,
        np.array(reader.held_out_steps, dtype=np.int64),
        np.array(reader.held_out, dtype=np.float64),
        reader.seconds,
        reader.version,
        _by_name(reader.held_out_of),
        _by_name(reader.figures),
        reader.part_steps.values,
        {name: column.values for name, column in reader.parts.items()},
    )


def _by_name(rows: list[dict[str, float]]) -> dict[str, np.ndarray]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}


def _read_new(path: Path, reader: _SummaryReader) -> None:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            identity = (status.st_ino, status.st_dev)
            if identity == reader.identity and status.st_size == reader.size:
                return
            if not is_plain_file(path) or status.st_size > LARGEST:
                raise OSError(f"{path} is not a summary")
            if identity != reader.identity or status.st_size < reader.size:
                reader.reset()  # another file, or cut back: a resumed run does both
            reader.identity, reader.size = identity, status.st_size
            _read_lines(file, reader)
    except (OSError, ValueError):
        if reader.identity != (0, 0):
            reader.reset()
            reader.identity = (0, 0)
            reader.version += 1


def _read_lines(file: Any, reader: _SummaryReader) -> None:
    file.seek(reader.offset)
    left = b""
    while chunk := file.read(CHUNK):
        text = left + chunk
        whole = text[: text.rfind(b"\n") + 1]
        left = text[len(whole) :]
        reader.offset += len(whole)
        _add_rows(_rows(whole), reader)


def _rows(text: bytes) -> list[Any]:
    """The JSON of every line; the ones that are damaged are left out."""
    lines = text.splitlines()
    try:
        return _loads(b"[" + b",".join(lines) + b"]") if lines else []
    except ValueError:
        return [row for line in lines if (row := _row(line)) is not None]


def _row(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _add_rows(rows: list[Any], reader: _SummaryReader) -> None:
    try:
        steps = np.fromiter((row["step"] for row in rows), np.int64, len(rows))
        losses = np.fromiter((row["loss"] for row in rows), np.float64, len(rows))
    except (TypeError, KeyError, ValueError, OverflowError):
        rows = [row for row in rows if _is_row(row)]
        steps = np.array([row["step"] for row in rows], dtype=np.int64)
        losses = np.array([_number(row.get("loss")) for row in rows], dtype=np.float64)
    if not len(steps):
        return
    _append(steps, losses, reader)
    for row in rows:
        if "held_out" in row and np.isfinite(value := _number(row["held_out"])):
            reader.held_out_steps.append(row["step"])
            reader.held_out.append(value)
            of = row.get("held_out_of")
            named = list(of.items())[:MOST_MATTES] if isinstance(of, dict) else []
            reader.held_out_of.append({str(name)[:200]: _number(each) for name, each in named})
            reader.figures.append(_named_numbers(row.get("validation")))
    _add_parts(rows, reader)
    time = _number(rows[-1].get("time"))
    reader.seconds = time if np.isfinite(time) else reader.seconds
    reader.version += 1


def _add_parts(rows: list[Any], reader: _SummaryReader) -> None:
    """The terms of the loss. Which there are is told by the first row that has some."""
    told = [(row["step"], each) for row in rows if (each := _named_numbers(row.get("parts")))]
    if not told:
        return
    if not reader.parts:
        reader.parts = {name: _Column(np.float64) for name in told[0][1]}
    reader.part_steps.extend(np.array([step for step, _ in told], dtype=np.int64))
    for name, column in reader.parts.items():
        column.extend(np.array([each.get(name, np.nan) for _, each in told]))


def _named_numbers(value: Any) -> dict[str, float]:
    named = list(value.items())[:MOST_MATTES] if isinstance(value, dict) else []
    return {str(name)[:200]: _number(each) for name, each in named}


def _append(steps: np.ndarray, losses: np.ndarray, reader: _SummaryReader) -> None:
    """Add steps; a step that comes again (a writer that was killed) counts as it came last."""
    known = reader.steps.values
    if (len(known) and steps[0] <= known[-1]) or bool(np.any(np.diff(steps) <= 0)):
        every, all_losses = np.concatenate([known, steps]), np.concatenate([reader.losses.values, losses])
        kept, first = np.unique(every[::-1], return_index=True)
        reader.steps, reader.losses = _Column(np.int64), _Column(np.float64)
        steps, losses = kept, all_losses[::-1][first]
    reader.steps.extend(steps)
    reader.losses.extend(losses)


def _is_row(row: Any) -> bool:
    step = row.get("step") if isinstance(row, dict) else None
    return isinstance(step, int) and not isinstance(step, bool) and abs(step) < LAST_STEP


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e300 else float("nan")
