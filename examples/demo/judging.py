"""How good the learned frames are, on frames that were never painted, and a picture to judge by eye."""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, dataclass

import numpy as np
import OpenImageIO as oiio
from folders import Folders
from shot import NUMBERS, PAINTED

from understudy.colour import SRGB, from_scene_linear
from understudy.frames import open_shot
from understudy.measure import fit_colour, psnr

UNSEEN = tuple(number for number in NUMBERS if number not in PAINTED)
SHOWN = (1006, 1028, 1039)
CAPTIONS = ("before: the plate", "after: what the artist would paint", "learned: what Understudy made")
GAP, BAR = 6, 34


@dataclass(frozen=True)
class Scores:
    """PSNR in dB on the frames never painted, as a screen shows them (sRGB): higher is better."""

    frames: int
    plate_unchanged: float
    colour_fit: float
    learned: float
    learned_worst: float
    learned_worst_frame: int


def display(folders: Folders, sequence: str, number: int) -> np.ndarray:
    """One frame as a screen shows it: float32 (height, width, 3), 0 to 1."""
    return _display(folders.pattern(sequence), number)


@functools.lru_cache(maxsize=512)
def _display(pattern: str, number: int) -> np.ndarray:
    linear = open_shot(pattern).read(number).planes("RGB")
    return np.clip(from_scene_linear(linear, SRGB), 0, 1)


def judge(folders: Folders) -> Scores:
    """Compare with the truth, which training never saw. The colour fit is the best cubic polynomial."""
    fit = fit_colour((display(folders, "plate", n), display(folders, "painted", n)) for n in PAINTED)
    plate: dict[int, float] = {}
    fitted: dict[int, float] = {}
    learned: dict[int, float] = {}
    for number in UNSEEN:
        before, truth = display(folders, "plate", number), display(folders, "truth", number)
        plate[number], fitted[number] = psnr(before, truth), psnr(fit(before), truth)
        learned[number] = psnr(display(folders, "learned", number), truth)
    worst = min(learned, key=learned.__getitem__)
    scores = Scores(
        frames=len(UNSEEN),
        plate_unchanged=_mean(plate),
        colour_fit=_mean(fitted),
        learned=_mean(learned),
        learned_worst=round(learned[worst], 2),
        learned_worst_frame=worst,
    )
    folders.scores.write_text(json.dumps(asdict(scores), indent=1) + "\n", encoding="utf-8")
    return scores


def _mean(scores: dict[int, float]) -> float:
    return round(sum(scores.values()) / len(scores), 2)


def contact_sheet(folders: Folders) -> None:
    """Before, after and learned, side by side, for frames never painted; the last row looks closer."""
    rows = [[display(folders, name, n) for name in ("plate", "truth", "learned")] for n in SHOWN]
    rows.append([_closer(cell) for cell in rows[1]])
    height, width, _ = rows[0][0].shape
    page = np.full((BAR + (height + GAP) * len(rows), (width + GAP) * 3 - GAP, 3), 0.11, np.float32)
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            top, left = BAR + row * (height + GAP), column * (width + GAP)
            page[top : top + height, left : left + width] = cell
    buffer = oiio.ImageBuf(page)
    for column, caption in enumerate(CAPTIONS):
        _write(buffer, column * (width + GAP) + 8, 23, caption, max(8, width // 27))
    for row, number in enumerate((*SHOWN, SHOWN[1])):
        text = f"{number}" if row < len(SHOWN) else f"{number}, closer"
        _write(buffer, 8, BAR + row * (height + GAP) + height - 9, text, max(8, width // 32))
    buffer.set_write_format("uint8")
    if not buffer.write(str(folders.contact_sheet)):
        raise OSError(f"{folders.contact_sheet} could not be written: {buffer.geterror()}")


def _closer(cell: np.ndarray) -> np.ndarray:
    """The part with a marker, a bottle and the edge of the light, three times as large."""
    height, width, _ = cell.shape
    top, left = height * 30 // 270, width * 262 // 480
    part = oiio.ImageBuf(np.ascontiguousarray(cell[top : top + height // 3, left : left + width // 3]))
    larger = oiio.ImageBufAlgo.resize(part, "lanczos3", 0.0, roi=oiio.ROI(0, width, 0, height, 0, 1, 0, 3))
    return np.clip(np.asarray(larger.get_pixels("float")), 0, 1)


def _write(buffer: oiio.ImageBuf, x: int, y: int, text: str, size: int) -> None:
    """Text on the picture; without a font on the machine the picture goes without."""
    oiio.ImageBufAlgo.render_text(buffer, x, y, text, size, "", (0.88, 0.88, 0.86))
    buffer.geterror()
