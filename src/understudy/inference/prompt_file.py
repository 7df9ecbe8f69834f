"""--prompts FILE: points and boxes by frame, as lines of JSON or of CSV."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.errors import RequestError, SettingError
from understudy.models.prompts import MOST_POINTS, Prompts, prompts_of

LARGEST = 16 << 20
STROKE_POINTS = 16
"""A stroke becomes so many points at the most, evenly along it."""
HOW = (
    "lines such as 1001,640.5,360,1 (frame,x,y,label: 1 the subject, 0 not, 2 and 3 corners of a box), or "
    '{"frame": 1001, "points": [[640.5, 360, 1]], "box": [600, 300, 700, 420], "strokes": [[[610, 320], '
    "[620, 330]]]}"
)
CORNERS = (2, 3)


@dataclass
class _Rows:
    points: list[list[float]] = field(default_factory=list)
    box: list[float] = field(default_factory=list)


def read_prompt_file(path: Path) -> dict[int, Prompts]:
    """The prompts of each frame that has any. SettingError, with the line, for what is none."""
    rows: dict[int, _Rows] = {}
    for number, line in _lines(path):
        try:
            _take(line, rows)
        except (ValueError, TypeError, KeyError, RecursionError, RequestError) as error:
            said = error.message if isinstance(error, RequestError) else f'"{line[:60]}"'
            raise _wrong(path, f"line {number}: {said}") from error
    made = {}
    for frame, row in sorted(rows.items()):
        try:
            made[frame] = prompts_of(row.points, row.box or None)
        except RequestError as error:
            raise _wrong(path, f"frame {frame}: {error.message}") from error
    if not any(made.values()):
        raise _wrong(path, "no prompts")
    return {frame: each for frame, each in made.items() if each}


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        if path.stat().st_size > LARGEST:
            raise _wrong(path, f"more than {LARGEST >> 20} MB")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _wrong(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise _wrong(path, "no text in UTF-8") from error
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.strip()
        head = number == 1 and plain.lower().replace(" ", "").startswith("frame,")
        if plain and not plain.startswith("#") and not head:
            yield number, plain


def _take(line: str, rows: dict[int, _Rows]) -> None:
    """Put what one line says to its frame."""
    if line.startswith("{"):
        found = json.loads(line)
        row = _row(rows, found.pop("frame"))
        _take_object(found, row)
        return
    frame, *numbers = (float(each) for each in line.split(","))
    row = _row(rows, frame)
    if len(numbers) == 3 and numbers[2] in CORNERS:
        row.box = [*row.box, *_finite(numbers[:2])]
    else:
        row.points.append(_finite(numbers))


def _take_object(found: Mapping[str, Any], row: _Rows) -> None:
    for name, value in found.items():
        if name == "points":
            row.points += [_finite(each) for each in value]
        elif name == "box":
            row.box = _finite(value)
        elif name == "strokes":
            row.points += [point for stroke in value for point in _along(stroke)]
        else:
            raise KeyError(name)


def _row(rows: dict[int, _Rows], frame: Any) -> _Rows:
    if isinstance(frame, bool) or not math.isfinite(frame) or int(frame) != frame:
        raise ValueError(frame)
    row = rows.setdefault(int(frame), _Rows())
    if len(row.points) > MOST_POINTS:
        raise RequestError(f"There are too many points for one frame; {MOST_POINTS} are the most.")
    return row


def _finite(numbers: Any) -> list[float]:
    made = [float(each) for each in numbers]
    if not all(map(math.isfinite, made)):
        raise RequestError("A coordinate is no number.")
    return made


def _along(stroke: Any) -> list[list[float]]:
    """Points along a stroke of the subject: those it is drawn by, or fewer of them."""
    made = [_finite(each) for each in stroke]
    step = max(1.0, len(made) / STROKE_POINTS)
    return [made[int(index * step)] for index in range(min(len(made), STROKE_POINTS))]


def _wrong(path: Path, found: str) -> SettingError:
    return SettingError(
        "The prompts cannot be read.",
        expected=HOW,
        found=found,
        where=f"--prompts {path}",
        remedy="Correct the file.",
    )
