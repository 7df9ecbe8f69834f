"""The loss of every step of every run, read once and then only what was added."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from understudy.monitor.paths.allowed import is_plain_file

try:
    import orjson

    _loads: Any = orjson.loads
except ImportError:
    _loads = json.loads

CHUNK = 32_000_000  # bytes parsed at a time
LARGEST = 2_000_000_000  # a summary beyond this is no summary
LAST_STEP = 2**53


@dataclass(frozen=True)
class Curve:
    """``steps`` (int64, rising), ``losses`` (float64, NaN where there is none); ``held_out`` likewise, but
    only where the held-out pair was looked at. ``version`` changes whenever the curve does."""

    steps: np.ndarray
    losses: np.ndarray
    held_out_steps: np.ndarray
    held_out: np.ndarray
    seconds: float | None = None
    version: int = 0

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
class _Reading:
    """How far one file was read. ``identity`` tells when another file took its place."""

    identity: tuple[int, int] = (0, 0)
    offset: int = 0
    size: int = 0
    version: int = 0
    steps: _Column = field(default_factory=lambda: _Column(np.int64))
    losses: _Column = field(default_factory=lambda: _Column(np.float64))
    held_steps: list[int] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    seconds: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def forget(self) -> None:
        self.offset, self.size, self.seconds = 0, 0, None
        self.steps, self.losses = _Column(np.int64), _Column(np.float64)
        self.held_steps, self.held = [], []


class _Column:
    """An array that grows in place. Views handed out before stay as they were."""

    def __init__(self, kind: Any) -> None:
        self._room = np.empty(1024, dtype=kind)
        self._count = 0

    def extend(self, values: np.ndarray) -> None:
        wanted = self._count + len(values)
        if wanted > len(self._room):
            room = np.empty(max(wanted, 2 * len(self._room)), dtype=self._room.dtype)
            room[: self._count] = self._room[: self._count]
            self._room = room
        self._room[self._count : wanted] = values
        self._count = wanted

    @property
    def values(self) -> np.ndarray:
        return self._room[: self._count]


class CurveStore:
    """Reads summaries on, from where they were left. May be asked from several threads at once."""

    def __init__(self) -> None:
        self._readings: dict[Path, _Reading] = {}
        self._lock = threading.Lock()

    def read(self, path: Path) -> Curve:
        """The curve in the summary at ``path`` as it stands; empty when there is none."""
        with self._lock:
            reading = self._readings.setdefault(path, _Reading())
        with reading.lock:
            _read_on(path, reading)
            return _curve(reading)

    def keep_only(self, paths: Iterable[Path]) -> None:
        """Forget the files that are gone."""
        with self._lock:
            for gone in set(self._readings) - set(paths):
                del self._readings[gone]


def _curve(reading: _Reading) -> Curve:
    return Curve(
        reading.steps.values,
        reading.losses.values,
        np.array(reading.held_steps, dtype=np.int64),
        np.array(reading.held, dtype=np.float64),
        reading.seconds,
        reading.version,
    )


def _read_on(path: Path, reading: _Reading) -> None:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            identity = (status.st_ino, status.st_dev)
            if identity == reading.identity and status.st_size == reading.size:
                return
            if not is_plain_file(path) or status.st_size > LARGEST:
                raise OSError(f"{path} is not a summary")
            if identity != reading.identity or status.st_size < reading.size:
                reading.forget()  # another file, or cut back: a resumed run does both
            reading.identity, reading.size = identity, status.st_size
            _take_all(file, reading)
    except (OSError, ValueError):
        if reading.identity != (0, 0):
            reading.forget()
            reading.identity = (0, 0)
            reading.version += 1


def _take_all(file: Any, reading: _Reading) -> None:
    file.seek(reading.offset)
    left = b""
    while chunk := file.read(CHUNK):
        text = left + chunk
        whole = text[: text.rfind(b"\n") + 1]
        left = text[len(whole) :]
        reading.offset += len(whole)
        _take(_rows(whole), reading)


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


def _take(rows: list[Any], reading: _Reading) -> None:
    try:
        steps = np.fromiter((row["step"] for row in rows), np.int64, len(rows))
        losses = np.fromiter((row["loss"] for row in rows), np.float64, len(rows))
    except (TypeError, KeyError, ValueError, OverflowError):
        rows = [row for row in rows if _is_row(row)]
        steps = np.array([row["step"] for row in rows], dtype=np.int64)
        losses = np.array([_number(row.get("loss")) for row in rows], dtype=np.float64)
    if not len(steps):
        return
    _append(steps, losses, reading)
    for row in rows:
        if "held_out" in row and np.isfinite(value := _number(row["held_out"])):
            reading.held_steps.append(row["step"])
            reading.held.append(value)
    time = _number(rows[-1].get("time"))
    reading.seconds = time if np.isfinite(time) else reading.seconds
    reading.version += 1


def _append(steps: np.ndarray, losses: np.ndarray, reading: _Reading) -> None:
    """Add steps; a step that comes again (a writer that was killed) counts as it came last."""
    known = reading.steps.values
    if (len(known) and steps[0] <= known[-1]) or bool(np.any(np.diff(steps) <= 0)):
        every, all_losses = np.concatenate([known, steps]), np.concatenate([reading.losses.values, losses])
        kept, first = np.unique(every[::-1], return_index=True)
        reading.steps, reading.losses = _Column(np.int64), _Column(np.float64)
        steps, losses = kept, all_losses[::-1][first]
    reading.steps.extend(steps)
    reading.losses.extend(losses)


def _is_row(row: Any) -> bool:
    step = row.get("step") if isinstance(row, dict) else None
    return isinstance(step, int) and not isinstance(step, bool) and abs(step) < LAST_STEP


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e300 else float("nan")
