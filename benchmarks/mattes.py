"""Whether several mattes that are learned in one run are as good as each learned in a run of its own.

    python benchmarks/mattes.py --cases DIR [--steps N | --time-limit 60s] [--only NAME ...] [--json FILE]
                                [--model-size SIZE] [--seed N] [--split rows|columns] [--keep DIR]
                                [-- further flags of understudy train]

The matte of each case (see README.md) is split into two at the middle of what it covers, which gives two
mattes that touch. They are learned together, as ``first=SHOT`` and ``second=SHOT``, and then each alone, with
as many steps; IoU on the frames that were never painted, of each."""

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

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from few_shot_case import Case, read_case
from few_shot_command import case_parser, read_options, run_cases
from rich.table import Table

import understudy
from understudy.artist.correct.store import write_picture
from understudy.cli.main import run
from understudy.errors import SettingError
from understudy.frames import open_shot
from understudy.measure import iou

NAMES = ("first", "second")


@dataclass(frozen=True)
class Compared:
    """Mean IoU over the test frames of each matte: learned ``together``, and ``apart``."""

    together: dict[str, float]
    apart: dict[str, float]


def split(matte: np.ndarray, axis: int) -> np.ndarray:
    """float32 (height, width, 2) of a matte (height, width): what lies before and behind the middle of what
    it covers, down or across."""
    covered = np.flatnonzero((matte > 0.5).any(1 - axis))
    middle = int(covered[0] + covered[-1] + 1) // 2 if len(covered) else matte.shape[axis] // 2
    first = np.arange(matte.shape[axis]) < middle
    first = first[:, None] if axis == 0 else first[None, :]
    return np.stack([matte * first, matte * ~first], 2).astype(np.float32)


def write_truths(case: Case, axis: int, folder: Path) -> dict[str, str]:
    """The split mattes of the painted frames, as shots of their own."""
    for number in case.train_frames:
        parts = split(case.truth_pixels(number)[..., 0], axis)
        for index, name in enumerate(NAMES):
            path = folder / name / f"{name}.{number}.exr"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_picture(path, parts[..., index : index + 1], ("A",))
    return {name: str(folder / name / f"{name}.####.exr") for name in NAMES}


def learn(case: Case, truths: dict[str, str], name: str, folder: Path, options: argparse.Namespace) -> Path:
    """Train; the run's folder."""
    words = ["train", "--input", str(case.plate.spec), "--data-directory", str(folder), "--name", name]
    for matte, spec in truths.items():
        words += ["--ground-truth", f"{matte}={spec}"]
    for flag, value in (
        ("--time-limit", options.time_limit),
        ("--max-steps", options.steps),
        ("--model-size", options.model_size),
        ("--seed", options.seed),
    ):
        words += [flag, str(value)] if value is not None else []
    if run([*words, *options.more]) != 0:
        raise SettingError("The training failed.", found=" ".join(words))
    return folder / name


def judge(case: Case, model: Path, axis: int, names: Sequence[str]) -> dict[str, float]:
    """Mean IoU of each of the mattes on the frames that were never painted."""
    loaded = understudy.load(str(model))
    scores: dict[str, list[float]] = {name: [] for name in names}
    for number in case.test_frames:
        pixels = open_shot(case.plate.spec).read(number).planes(loaded.description.input_channels)
        made, wanted = loaded(pixels), split(case.truth_pixels(number)[..., 0], axis)
        for place, name in enumerate(names):
            truth = wanted[..., NAMES.index(name)]
            scores[name].append(iou(made[..., place], truth))
    return {name: float(np.mean(each)) for name, each in scores.items()}


def compare(folder: Path, options: argparse.Namespace) -> Compared:
    case = read_case(folder)
    if case.kind != "matte":
        raise SettingError(
            "This case is no matte.", expected="a case whose truth is a matte", where=case.name
        )
    axis = 0 if options.split == "rows" else 1
    with ExitStack() as stack:
        kept = options.keep / case.name if options.keep else None
        place = kept or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        truths = write_truths(case, axis, place / "painted")
        both = learn(case, truths, "together", place, options)
        together = judge(case, both, axis, NAMES)
        apart: dict[str, float] = {}
        for name in NAMES:
            alone = learn(case, {name: truths[name]}, name, place, options)
            apart |= judge(case, alone, axis, (name,))
    return Compared(together, apart)


def one_line(name: str, row: Compared) -> str:
    each = ", ".join(f"{m} {row.together[m]:.3f} together, {row.apart[m]:.3f} apart" for m in NAMES)
    return f"{name}: {each}"


def as_table(rows: dict[str, Compared]) -> Table:
    table = Table("case", "matte", "together", "apart", "gained")
    for name, row in rows.items():
        for matte in NAMES:
            pair = row.together[matte], row.apart[matte]
            table.add_row(name, matte, *(f"{value:.3f}" for value in pair), f"{pair[0] - pair[1]:+.3f}")
    return table


def as_json(rows: dict[str, Compared], failed: dict[str, str]) -> str:
    found: dict[str, Any] = {name: asdict(row) for name, row in rows.items()}
    return json.dumps({"cases": found, "failed": failed}, indent=1) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = case_parser(__doc__)
    parser.add_argument("--split", choices=("rows", "columns"), default="rows")
    options = read_options(parser, arguments)
    return run_cases(options, lambda folder, console: compare(folder, options), one_line, as_table, as_json)


if __name__ == "__main__":
    sys.exit(main())
