"""The sheet on which the stages of a training lie side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from understudy.training.contact_sheet import BACKGROUND, GAP, LEGEND

CELL = 240
"""Pixels of the longer side of a picture on the sheet."""
MOST_STAGES = 12
PARTS = 3
INK = (220, 220, 220)

Strips = Mapping[int, Mapping[int, np.ndarray]]
"""Of each picture, by its number, the strips of its stages, by their steps; 8-bit RGB."""


def shrunk_to(picture: np.ndarray, side: int) -> np.ndarray:
    """An 8-bit picture (H, W, 3) with a longer side of at most so many pixels."""
    height, width = picture.shape[:2]
    if max(height, width) <= side:
        return picture
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def boxed(picture: np.ndarray, side: int) -> np.ndarray:
    """An 8-bit picture in the middle of a square of so many pixels, as large as it fits."""
    small = shrunk_to(picture, side)
    box = _paper(side, side)
    top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    box[top : top + small.shape[0], left : left + small.shape[1]] = small
    return box


def read_strip(path: Path) -> np.ndarray | None:
    """The 8-bit RGB of a strip; None where the file is none that can be read."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except (OSError, cv2.error):
        return None
    return None if picture is None else np.ascontiguousarray(picture[..., ::-1])


def parts_of(strip: np.ndarray) -> list[np.ndarray]:
    """The three pictures of a strip."""
    width = (strip.shape[1] - GAP) // PARTS - GAP
    lefts = (GAP + index * (width + GAP) for index in range(PARTS))
    return [strip[GAP:-GAP, left : left + width] for left in lefts]


def make_stage_sheet(strips: Strips, matte: bool) -> np.ndarray:
    """8-bit RGB. A row for each picture: the picture, then its result at each stage, on black where it is
    cut out; below the results of mattes the mattes. Above the columns stands which step they are."""
    steps = _few(sorted({step for stages in strips.values() for step in stages}))
    head = _head(["picture", *(f"step {step}" for step in steps)])
    rows = [_rows(stages, steps, matte) for _, stages in sorted(strips.items())]
    return np.concatenate([head, *(row for pair in rows for row in pair)])


def _few(steps: list[int]) -> list[int]:
    """All, or so many evenly spread ones, with the first and the last."""
    if len(steps) <= MOST_STAGES:
        return steps
    places = np.unique(np.linspace(0, len(steps) - 1, MOST_STAGES).round().astype(int))
    return [steps[place] for place in places]


def _rows(stages: Mapping[int, np.ndarray], steps: list[int], matte: bool) -> list[np.ndarray]:
    """The rows of one picture: its results, and its mattes."""
    known = {step: parts_of(stages[step]) for step in steps if step in stages}
    if not known:
        return []
    plate = next(iter(known.values()))[0]
    rows = [_row([plate, *(known[step][1] if step in known else None for step in steps)])]
    if matte:
        rows.append(_row([None, *(known[step][2] if step in known else None for step in steps)]))
    return rows


def _row(cells: list[np.ndarray | None]) -> np.ndarray:
    small = [None if cell is None else shrunk_to(cell, CELL) for cell in cells]
    height = max(cell.shape[0] for cell in small if cell is not None)
    row = _paper(height + GAP, GAP + len(cells) * (CELL + GAP))
    for index, cell in enumerate(small):
        if cell is not None:
            left = GAP + index * (CELL + GAP) + (CELL - cell.shape[1]) // 2
            row[: cell.shape[0], left : left + cell.shape[1]] = cell
    return row


def _head(words: list[str]) -> np.ndarray:
    strip = _paper(LEGEND + GAP, GAP + len(words) * (CELL + GAP))
    for index, word in enumerate(words):
        at = (GAP + index * (CELL + GAP) + GAP, LEGEND - 4)
        cv2.putText(strip, word, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    return strip


def _paper(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), round(BACKGROUND * 255), np.uint8)
