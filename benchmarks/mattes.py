"""Whether several mattes that are learned in one run are as good as each learned in a run of its own.

    python benchmarks/mattes.py --cases DIR [--steps N | --time-limit 60s] [--only NAME ...] [--over NAME]
                                [--equal steps] [--json FILE] [--model-size SIZE] [--seed N] [--keep DIR]
                                [-- further flags of understudy train]

A second subject, of another case (``--over``; by default the next one), goes smaller across the plate of
each case (see README.md), before the first: two mattes that touch and cover each other. They are learned
together, as ``back=SHOT`` and ``front=SHOT``, in the time that both take apart, and then each alone; with
``--equal steps``, in as many steps as each, which is half the time. IoU on the frames that were never
painted, of each, and the share of pixels that are right in both about where both touch."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from few_shot_case import Case, find_cases, read_case
from few_shot_command import case_parser, read_options, run_cases
from rich.table import Table

import understudy
from understudy.artist.correct.store import write_picture
from understudy.cli.main import run
from understudy.durations import parse_duration
from understudy.errors import SettingError
from understudy.frames import open_shot
from understudy.measure import iou

NAMES = ("back", "front")
SMALLER = 0.6
TRAVELS = 0.6
"""How large the subject in front is beside its own shot, and which share of the width it goes."""
TOUCH = 9
"""Pixels about both mattes within which they touch."""


@dataclass(frozen=True)
class Compared:
    """Mean over the test frames, learned ``together`` and ``apart``: IoU of each matte, and under ``touch``
    the share of the pixels about where both touch that are right in both mattes."""

    front: str
    together: dict[str, float]
    apart: dict[str, float]


@dataclass(frozen=True)
class Laid:
    """A case with the subject of another case before its own."""

    back: Case
    front: Case

    def frame(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """The plate (height, width, 3) as a screen shows it, and both mattes (height, width, 2)."""
        plate, matte = self.back.plate_pixels(number), self.back.truth_pixels(number)[..., 0]
        shown, alpha = self._moved(number, plate.shape[:2])
        plate = plate * (1 - alpha[..., None]) + shown * alpha[..., None]
        return plate.astype(np.float32), np.stack([matte * (1 - alpha), alpha], 2).astype(np.float32)

    def _moved(self, number: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        index = self.back.frames.index(number)
        theirs = self.front.frames[_there_and_back(index, len(self.front.frames))]
        shown, alpha = self.front.plate_pixels(theirs), self.front.truth_pixels(theirs)[..., 0]
        height, width = shape
        scale = SMALLER * min(height / alpha.shape[0], width / alpha.shape[1])
        along = index / max(1, len(self.back.frames) - 1) - 0.5
        middle = (width * (0.5 + TRAVELS * along), height * 0.6)
        matrix = np.array([[scale, 0, middle[0] - scale * alpha.shape[1] / 2],
                           [0, scale, middle[1] - scale * alpha.shape[0] / 2]])  # fmt: skip
        laid = (
            cv2.warpAffine(each, matrix, (width, height), flags=cv2.INTER_AREA) for each in (shown, alpha)
        )
        shown, alpha = laid
        return shown, alpha


def _there_and_back(index: int, count: int) -> int:
    place = index % max(1, 2 * count - 2)
    return min(place, 2 * count - 2 - place) if count > 1 else 0


def write_shot(laid: Laid, folder: Path) -> tuple[str, dict[str, str]]:
    """The plates of all frames, and the mattes of the painted ones, as shots of their own."""
    for number in laid.back.frames:
        plate, mattes = laid.frame(number)
        _write(folder / "plate" / f"plate.{number}.exr", plate, ("R", "G", "B"))
        if number in laid.back.train_frames:
            for index, name in enumerate(NAMES):
                _write(folder / name / f"{name}.{number}.exr", mattes[..., index : index + 1], ("A",))
    plates = str(folder / "plate" / "plate.####.exr")
    return plates, {name: str(folder / name / f"{name}.####.exr") for name in NAMES}


def _write(path: Path, pixels: np.ndarray, channels: tuple[str, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(path, pixels, channels)


def learn(plate: str, truths: dict[str, str], name: str, folder: Path, options: argparse.Namespace) -> Path:
    """Train; the run's folder. Several mattes have the time, or the steps, of all of them apart."""
    times = len(truths) if options.equal == "time" else 1
    seconds = times * parse_duration(options.time_limit) if options.time_limit else None
    words = ["train", "--input", plate, "--data-directory", str(folder), "--name", name, "--colour", "srgb"]
    for matte, spec in truths.items():
        words += ["--ground-truth", f"{matte}={spec}"]
    for flag, value in (
        ("--time-limit", None if seconds is None else f"{seconds:g}s"),
        ("--max-steps", options.steps and times * options.steps),
        ("--model-size", options.model_size),
        ("--seed", options.seed),
    ):
        words += [flag, str(value)] if value is not None else []
    if run([*words, *options.more]) != 0:
        raise SettingError("The training failed.", found=" ".join(words))
    return folder / name


def results_of(laid: Laid, plate: str, model: Path) -> dict[int, np.ndarray]:
    """What a model makes of the frames that were never painted, float32 (height, width, mattes)."""
    loaded, shot = understudy.load(str(model)), open_shot(plate)
    names = loaded.description.input_channels
    return {n: np.asarray(loaded(shot.read(n).planes(names))) for n in laid.back.test_frames}


def judge(laid: Laid, results: dict[int, np.ndarray]) -> dict[str, float]:
    """The figures of ``Compared``, of results (height, width, 2)."""
    scores: dict[str, list[float]] = {name: [] for name in (*NAMES, "touch")}
    for number, made in results.items():
        _, wanted = laid.frame(number)
        for place, name in enumerate(NAMES):
            scores[name].append(iou(made[..., place], wanted[..., place]))
        about = cv2.dilate(wanted, np.ones((TOUCH, TOUCH), np.uint8)).min(2) > 0.5
        if about.any():
            right = ((made > 0.5) == (wanted > 0.5)).all(2)
            scores["touch"].append(float(right[about].mean()))
    return {name: float(np.mean(each)) for name, each in scores.items() if each}


def compare(folder: Path, options: argparse.Namespace) -> Compared:
    laid = Laid(read_matte(folder), read_matte(front_of(folder, options)))
    with ExitStack() as stack:
        kept = options.keep / laid.back.name if options.keep else None
        place = kept or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plate, truths = write_shot(laid, place / "painted")
        together = results_of(laid, plate, learn(plate, truths, "together", place, options))
        alone = [
            results_of(laid, plate, learn(plate, {name: truths[name]}, name, place, options))
            for name in NAMES
        ]
    apart = {n: np.concatenate([each[n] for each in alone], 2) for n in laid.back.test_frames}
    return Compared(laid.front.name, judge(laid, together), judge(laid, apart))


def read_matte(folder: Path) -> Case:
    case = read_case(folder)
    if case.kind != "matte":
        raise SettingError(
            "This case is no matte.", expected="a case whose truth is a matte", where=case.name
        )
    return case


def front_of(folder: Path, options: argparse.Namespace) -> Path:
    """The case whose subject goes before that of the case in ``folder``."""
    if options.over:
        return find_cases(options.cases, [options.over])[0]
    mattes = [each for each in find_cases(options.cases) if read_case(each).kind == "matte"]
    places = [each.name for each in mattes]
    return mattes[(places.index(folder.name) + 1) % len(mattes)] if folder.name in places else folder


def one_line(name: str, row: Compared) -> str:
    each = ", ".join(
        f"{m} {row.together[m]:.3f} together, {row.apart[m]:.3f} apart"
        for m in row.together
        if m in row.apart
    )
    return f"{name} under {row.front}: {each}"


def as_table(rows: dict[str, Compared]) -> Table:
    table = Table("case", "under", "matte", "together", "apart", "gained")
    for name, row in rows.items():
        for matte in row.together:
            pair = row.together[matte], row.apart[matte]
            figures = (*(f"{value:.3f}" for value in pair), f"{pair[0] - pair[1]:+.3f}")
            table.add_row(name, row.front, matte, *figures)
    return table


def as_json(rows: dict[str, Compared], failed: dict[str, str]) -> str:
    found: dict[str, Any] = {name: asdict(row) for name, row in rows.items()}
    return json.dumps({"cases": found, "failed": failed}, indent=1) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = case_parser(__doc__)
    parser.add_argument(
        "--equal", choices=("time", "steps"), default="time", help="what both ways have alike"
    )
    parser.add_argument("--over", metavar="NAME", help="the case whose subject goes before the others'")
    options = read_options(parser, arguments)
    return run_cases(options, lambda folder, console: compare(folder, options), one_line, as_table, as_json)


if __name__ == "__main__":
    sys.exit(main())
