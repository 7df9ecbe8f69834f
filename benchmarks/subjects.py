"""How well networks that learned from many pictures find the subject of pictures that they have never seen.

    python benchmarks/subjects.py MODEL [MODEL ...] [--cases DIR] [--pairs LIST.csv] [--every N] [--most N]
                                  [--json FILE] [--pictures DIR]

MODEL is a .cat file or a run. ``--cases``: every shot with a matte in DIR (see README.md), each Nth frame;
``--pairs``: the pairs of a list whose split is validation. Beside the networks stand what needs none: the
largest bright object (Otsu's threshold, the largest piece that hangs together), the largest object that is
bright or dark, and the mean of all mattes that were learned from. IoU above 0.5, mean absolute error, and
maximal F, as means over the frames of a shot, and over the pairs.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from few_shot_case import display, find_cases, read_case
from rich.console import Console
from rich.progress import track
from rich.table import Table

import understudy
from understudy.errors import UnderstudyError
from understudy.frames import open_shot
from understudy.measure import iou, mean_absolute_error
from understudy.measure.mattes import max_f

Find = Callable[[np.ndarray], np.ndarray]
FIGURES = ("iou", "mae", "max_f")
MEAN_OF = 400
"""How many mattes that were learned from the mean is of."""
SHEET_SIDE = 240
GREY = 0.5


@dataclass(frozen=True)
class Picture:
    """(H, W, 3) display-referred 0..1, and its matte (H, W) 0..1."""

    of: str
    pixels: np.ndarray
    matte: np.ndarray


def network(spec: str) -> Find:
    """What a model makes of a picture."""
    model = understudy.load(spec)

    def find(pixels: np.ndarray) -> np.ndarray:
        made = np.asarray(model(pixels))
        return made[..., 0] if made.ndim == 3 else made

    return find


def largest_bright(pixels: np.ndarray) -> np.ndarray:
    """What is brighter than Otsu's threshold and hangs together, the largest such piece."""
    grey = cv2.cvtColor((pixels.clip(0, 1) * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    _, bright = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return _largest(bright)


def largest_apart(pixels: np.ndarray) -> np.ndarray:
    """The same, of what is bright or what is dark: whichever touches less of the frame's border."""
    bright = largest_bright(pixels)
    dark = largest_bright(1 - pixels)
    return min((bright, dark), key=_border)


def _border(matte: np.ndarray) -> float:
    sides = (matte[0], matte[-1], matte[:, 0], matte[:, -1])
    return float(np.concatenate(sides).mean())


def _largest(mask: np.ndarray) -> np.ndarray:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count < 2:
        return np.zeros(mask.shape, np.float32)
    return (labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())).astype(np.float32)


def mean_matte(mattes: Sequence[np.ndarray]) -> Find:
    """The same answer to every picture: the mean of mattes, at its size."""
    side = 320
    mean = np.mean([cv2.resize(matte, (side, side), interpolation=cv2.INTER_AREA) for matte in mattes], 0)
    return lambda pixels: cv2.resize(mean, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def pictures_of_cases(folder: Path, every: int) -> Iterator[Picture]:
    """Each Nth frame that has a matte of every shot in ``folder`` that has mattes."""
    for place in find_cases(folder):
        case = read_case(place)
        if case.kind != "matte":
            continue
        for number in case.frames[::every]:
            truth = np.atleast_3d(case.truth_pixels(number))[..., 0]
            yield Picture(case.name, case.plate_pixels(number)[..., :3], truth)


def pictures_of_pairs(listed: Path, most: int) -> Iterator[Picture]:
    """Up to ``most`` validation pairs of a list, evenly spread."""
    rows = _rows(listed, "validation")
    for row in rows[:: max(1, len(rows) // most)][:most]:
        pixels = _read(listed.parent / row["input"], "image")
        yield Picture("pairs", pixels[..., :3], _matte(listed, row))


def _rows(listed: Path, split: str) -> list[dict[str, str]]:
    with listed.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row.get("split", "train") == split]


def _read(path: Path, kind: str) -> np.ndarray:
    shot = open_shot(str(path))
    return display(shot.read(shot.numbers[0]), kind)


def _matte(listed: Path, row: dict[str, str]) -> np.ndarray:
    return np.atleast_3d(_read(listed.parent / row["truth"], "matte"))[..., 0]


def judged(find: Find, picture: Picture) -> dict[str, float]:
    made = find(picture.pixels).astype(np.float32).clip(0, 1)
    return {
        "iou": iou(made, picture.matte),
        "mae": mean_absolute_error(made, picture.matte),
        "max_f": max_f(made, picture.matte),
    }


def measure(finders: dict[str, Find], pictures: Sequence[Picture]) -> dict[str, dict[str, dict[str, float]]]:
    """Mean figures: of what, found by whom, which figure."""
    told: dict[str, dict[str, list[dict[str, float]]]] = {}
    for picture in track(pictures, "pictures", console=Console(stderr=True)):
        for name, find in finders.items():
            told.setdefault(picture.of, {}).setdefault(name, []).append(judged(find, picture))
    return {
        of: {
            name: {figure: float(np.mean([row[figure] for row in rows])) for figure in FIGURES}
            for name, rows in ours.items()
        }
        for of, ours in told.items()
    }


def table_of(found: dict[str, dict[str, dict[str, float]]], finders: Sequence[str]) -> Table:
    table = Table(title="IoU / mean absolute error / maximal F", title_justify="left")
    table.add_column("of")
    for name in finders:
        table.add_column(name, justify="right")
    for of, ours in found.items():
        table.add_row(
            of, *(" / ".join(f"{ours[name][figure]:.3f}" for figure in FIGURES) for name in finders)
        )
    return table


def write_sheets(folder: Path, finders: dict[str, Find], pictures: Sequence[Picture]) -> None:
    """A PNG for each shot, or the pairs: of up to six pictures, the truth and what each finds."""
    folder.mkdir(parents=True, exist_ok=True)
    for of in dict.fromkeys(picture.of for picture in pictures):
        own = [picture for picture in pictures if picture.of == of]
        rows = []
        for picture in own[:: max(1, len(own) // 6)][:6]:
            mattes = [picture.matte, *(find(picture.pixels).clip(0, 1) for find in finders.values())]
            tiles = [picture.pixels, *(np.repeat(matte[..., None], 3, 2) for matte in mattes)]
            rows.append(np.hstack([_tile(tile) for tile in tiles]))
        sheet = (np.vstack(rows) * 255).round().astype(np.uint8)
        cv2.imwrite(str(folder / f"{of}.png"), sheet[..., ::-1])


def _tile(pixels: np.ndarray) -> np.ndarray:
    scale = SHEET_SIDE / max(pixels.shape[:2])
    small = cv2.resize(pixels.astype(np.float32), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile = np.full((SHEET_SIDE, SHEET_SIDE, 3), GREY, np.float32)
    tile[: small.shape[0], : small.shape[1]] = small[:SHEET_SIDE, :SHEET_SIDE]
    return tile


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", help=".cat files, or runs")
    parser.add_argument("--cases", type=Path, help="a folder of shots with mattes")
    parser.add_argument("--pairs", type=Path, help="LIST.csv: pairs for validation, and those learned from")
    parser.add_argument("--every", type=int, default=5, help="each Nth frame of a shot (5)")
    parser.add_argument("--most", type=int, default=200, help="how many of the pairs (200)")
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--pictures", type=Path, help="a folder for sheets of what was found")
    given = parser.parse_args(arguments)
    if (given.cases is None and given.pairs is None) or min(given.every, given.most) < 1:
        parser.error("give --cases or --pairs, or both; --every and --most from 1")
    try:
        finders = {Path(spec).stem: network(spec) for spec in given.models}
        finders |= {"largest bright": largest_bright, "largest apart": largest_apart}
        pictures = list(pictures_of_cases(given.cases, given.every)) if given.cases else []
        if given.pairs:
            learned = _rows(given.pairs, "train")
            some = learned[:: max(1, len(learned) // MEAN_OF)][:MEAN_OF]
            finders["mean matte"] = mean_matte([_matte(given.pairs, row) for row in some])
            pictures += pictures_of_pairs(given.pairs, given.most)
        found = measure(finders, pictures)
        if given.pictures:
            write_sheets(given.pictures, finders, pictures)
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        return 2
    Console(width=160).print(table_of(found, list(finders)))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
