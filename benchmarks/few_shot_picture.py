"""A picture of one case: input, truth, learned and their difference, for the median and the worst frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from few_shot_case import Case

from understudy.errors import WriteError

GAP, BAR = 6, 30
GAIN = {"image": 4, "matte": 1}
GREY = 0.11

Learned = Callable[[int], np.ndarray]


def draw_case(case: Case, rows: Sequence[tuple[str, int]], learned: Learned, path: Path) -> None:
    """Write a PNG with one row for each (caption, frame number) of ``rows``; ``learned`` gives the result.

    The difference is |learned - truth|, four times brighter for an image. Raises WriteError.
    """
    cells = [_row(case, number, learned(number)) for _, number in rows]
    height, width, _ = cells[0][0].shape
    page = np.full((len(rows) * (height + BAR), 4 * (width + GAP) - GAP, 3), GREY, np.float32)
    for row, pictures in enumerate(cells):
        for column, picture in enumerate(pictures):
            top, left = row * (height + BAR) + BAR, column * (width + GAP)
            page[top : top + height, left : left + width] = picture
    buffer = oiio.ImageBuf(page)
    for row, (caption, number) in enumerate(rows):
        words = (f"{caption} {number}: input", "truth", "learned", f"difference x {GAIN[case.kind]}")
        for column, text in enumerate(words):
            place = column * (width + GAP) + 6, row * (height + BAR) + 20
            oiio.ImageBufAlgo.render_text(buffer, *place, text, 15, "", (0.88, 0.88, 0.86))
    buffer.geterror()  # without a font on the machine the picture goes without words
    _write(buffer, path)


def _row(case: Case, number: int, learned: np.ndarray) -> list[np.ndarray]:
    truth = case.truth_pixels(number)
    difference = np.abs(learned - truth) * GAIN[case.kind]
    pictures = case.plate_pixels(number), truth, learned, difference
    return [_shown(picture, *truth.shape[:2]) for picture in pictures]


def _shown(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Three channels, 0 to 1, of this size (a plate may be smaller than its truth)."""
    three = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    if three.shape[:2] != (height, width):
        roi = oiio.ROI(0, width, 0, height, 0, 1, 0, 3)
        buffer = oiio.ImageBuf(np.ascontiguousarray(three))
        three = np.asarray(oiio.ImageBufAlgo.resize(buffer, "box", roi=roi).get_pixels())
    return np.nan_to_num(np.clip(three, 0, 1))


def _write(buffer: oiio.ImageBuf, path: Path) -> None:
    buffer.set_write_format("uint8")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not buffer.write(str(path)):
        raise WriteError("The picture could not be written.", found=buffer.geterror(), where=str(path))
