"""A contact sheet of the suggested frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from understudy.artist.suggest.looks import LONGEST
from understudy.artist.suggest.result import Suggestion
from understudy.errors import SettingError, WriteError
from understudy.runs.files import write_atomically

COLUMNS, GAP, LINE = 4, 8, 16
INK = (230, 230, 230)
GROUND = 40
SCALE = 0.4


def check_sheet(path: str) -> None:
    """SettingError unless a sheet can be written there."""
    target = Path(path)
    if target.suffix.lower() != ".png" or target.is_dir():
        raise SettingError(
            "A contact sheet is a PNG file.",
            expected="a name that ends in .png",
            found=path,
            where="--sheet",
            remedy="Give a name such as frames.png.",
        )
    if not target.absolute().parent.is_dir():
        raise SettingError(
            "There is no such folder for the contact sheet.",
            expected="a folder that is there",
            found=f"no {target.absolute().parent}",
            where=f"--sheet {path}",
            remedy="Make the folder first, or name a file in another one.",
        )


def write_sheet(path: str, cells: Sequence[tuple[np.ndarray, str]]) -> None:
    """Pictures, uint8 (height, width, 3) of one size, each with its words below, as PNG. WriteError."""
    data = cv2.imencode(".png", cv2.cvtColor(draw_sheet(cells), cv2.COLOR_RGB2BGR))[1].tobytes()
    try:
        write_atomically(Path(path), data)
    except OSError as error:
        raise WriteError(
            "The contact sheet cannot be written.", found=error.strerror or str(error), where=path
        ) from error


def draw_sheet(cells: Sequence[tuple[np.ndarray, str]]) -> np.ndarray:
    """uint8 (height, width, 3): rows of up to four cells."""
    drawn = [_cell(picture, words) for picture, words in cells]
    tallest = max(cell.shape[0] for cell in drawn)
    drawn = [_padded(cell, tallest) for cell in drawn]
    blank = np.full_like(drawn[0], GROUND)
    columns = min(COLUMNS, len(drawn))
    drawn += [blank] * (-len(drawn) % columns)
    return np.vstack([np.hstack(drawn[at : at + columns]) for at in range(0, len(drawn), columns)])


def _cell(picture: np.ndarray, words: str) -> np.ndarray:
    scale = LONGEST / max(picture.shape[:2])
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR))
    lines = _lines(words, LONGEST)
    cell = np.full((size[1] + len(lines) * LINE + 2 * GAP, LONGEST + 2 * GAP, 3), GROUND, np.uint8)
    cell[GAP : GAP + size[1], GAP : GAP + size[0]] = picture
    for row, line in enumerate(lines, start=1):
        place = (GAP, GAP + size[1] + row * LINE - 3)
        cv2.putText(cell, line, place, cv2.FONT_HERSHEY_SIMPLEX, SCALE, INK, 1, cv2.LINE_AA)
    return cell


def _lines(words: str, width: int) -> list[str]:
    lines: list[str] = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and cv2.getTextSize(longer, cv2.FONT_HERSHEY_SIMPLEX, SCALE, 1)[0][0] > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _padded(cell: np.ndarray, height: int) -> np.ndarray:
    below = np.full((height - cell.shape[0], *cell.shape[1:]), GROUND, np.uint8)
    return np.vstack([cell, below])


def cells_of(
    pictures: Mapping[int, np.ndarray], frames: Sequence[Suggestion]
) -> list[tuple[np.ndarray, str]]:
    """One cell for each frame, with its number and its reason. ``pictures``: by frame number."""
    return [(pictures[each.frame], f"{each.frame}  {each.reason}") for each in frames]
