"""How well a few frames teach the rest of a shot: train on some, apply to all, judge on the others.

    python benchmarks/few_shot.py --cases DIR [--time-limit 60s] [--only NAME ...] [--seed N]
                                  [--model-size medium] [--steps N] [--json FILE] [--pictures DIR]
                                  [--keep DIR] [--stabilise auto|0..1] [--width PIXELS | --enlarge FACTOR]
                                  [-- further flags of understudy train]

DIR holds one folder per case: ``input/`` and ``groundtruth/`` with a sequence (or a movie) each, numbered
alike, and ``case.json``, which may name ``kind`` (image or matte), ``train_frames``, ``test_frames`` and
``baselines``. What it does not name is chosen or measured here. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from few_shot_case import Case, display, open_sides, read_case, score
from few_shot_command import case_parser, read_options, run_cases
from few_shot_enlarge import enlarge_case
from few_shot_job import Cost, train_command, understudy_command
from few_shot_picture import draw_case
from rich.console import Console
from rich.table import Table

import understudy
from understudy.frames import Shot, open_shot
from understudy.measure import flicker, mean_along_motion, steadiness


@dataclass
class Row:
    """What is known of a case in the end. ``main`` is PSNR in dB, or IoU for a matte: mean over test frames.

    ``above`` is how far that is above ``bar``, the baseline to beat; ``flicker`` is in 8-bit code values, as
    is ``along_motion``: what changes from frame to frame along the motion, of the result, the truth and the
    plate. ``stabilised``: the same of the frames of a second ``apply --stabilise``, where that is asked for.
    """

    name: str
    kind: str
    main: float
    mae: float | None
    worst: float
    worst_frame: int
    flicker: float
    along_motion: dict[str, float]
    bar: float
    above: float
    steps: int
    train_seconds: float
    apply_seconds: float
    peak_memory_mb: float
    baselines: dict[str, float]
    frames: dict[int, float]
    stabilised: Stabilised | None = None


@dataclass
class Stabilised:
    """What ``apply --stabilise`` makes of the same run: score, change along the motion, seconds."""

    main: float
    along_motion: float
    apply_seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = case_parser(__doc__)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="write a picture of each case there")
    help_ = "apply a second time with this --stabilise, and judge that beside the first"
    parser.add_argument("--stabilise", metavar="auto|0..1", help=help_)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--width", type=int, metavar="PIXELS", help="enlarge every case to this width first")
    size.add_argument("--enlarge", type=float, metavar="FACTOR", help="enlarge every case so often first")
    options = read_options(parser, arguments)

    def run(folder: Path, console: Console) -> Row:
        with console.status(folder.name) as status:
            return run_case(folder, options, status.update)

    return run_cases(
        options,
        run,
        lambda name, row: one_line(row),
        lambda rows: as_table(list(rows.values())),
        lambda rows, failed: as_json(list(rows.values()), failed, options),
        width=170,
    )


def run_case(folder: Path, options: argparse.Namespace, say: Any) -> Row:
    """Train, apply, judge: one case from start to end."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="few_shot_")))
        case = open_case(folder, work / folder.name, options, say)
        stack.callback(case.plate.close)
        stack.callback(case.truth.close)
        keep = (options.keep or work) / case.name
        keep.mkdir(parents=True, exist_ok=True)
        painted = case.painted(work / "painted")
        trained = train(case, painted, keep / "runs", options, say)
        spec, applied = apply(case, keep, say)
        learned = stack.enter_context(open_shot(spec))
        row = judge(case, learned, trained, applied, options)
        if options.stabilise:
            again, cost = apply(case, keep, say, "stabilised", "--stabilise", options.stabilise)
            row.stabilised = judge_stabilised(case, stack.enter_context(open_shot(again)), cost)
        return row


def open_case(folder: Path, larger: Path, options: argparse.Namespace, say: Any) -> Case:
    """The case as it is, or, enlarged, in the folder ``larger``."""
    if not (options.width or options.enlarge):
        return read_case(folder)
    say(f"{folder.name}: enlarging")
    plate, truth = open_sides(folder)
    with contextlib.closing(plate), contextlib.closing(truth):
        enlarge_case(folder, plate, truth, larger, width=options.width, factor=options.enlarge)
    return read_case(larger)


def train(case: Case, painted: str, runs: Path, options: argparse.Namespace, say: Any) -> Cost:
    def report(event: dict[str, Any]) -> None:
        if event["event"] == "stepped":
            say(f"{case.name}: step {event['step']}/{event['total']}, loss {event['loss']:.4g}")

    say(f"{case.name}: training")
    return understudy_command(train_command(case, painted, runs, options), report)


def apply(case: Case, keep: Path, say: Any, folder: str = "learned", *flags: str) -> tuple[str, Cost]:
    """Every frame of the shot, losslessly; the spec of the results. ``flags``: more of apply."""
    sample = case.plate.read(case.plate.numbers[0])
    spec = str(keep / folder / f"{folder}.####{'.png' if sample.is_integer else '.exr'}")
    say(f"{case.name}: applying")
    arguments = ["apply", str(keep / "runs" / case.name), str(case.folder / "input"), spec, "--overwrite"]
    return spec, understudy_command([*arguments, *flags], lambda event: None)


def judge(case: Case, learned: Shot, trained: Cost, applied: Cost, options: argparse.Namespace) -> Row:
    def result(number: int) -> np.ndarray:
        return display(learned.read(number), case.kind)

    scores = {number: score(case, number, result(number)) for number in case.test_frames}
    mains = {number: each["main"] for number, each in scores.items()}
    order = sorted(mains, key=lambda number: (mains[number] == mains[number], mains[number]))
    if options.pictures:
        rows = [("median frame", order[len(order) // 2]), ("worst frame", order[0])]
        draw_case(case, rows, result, options.pictures / f"{case.name}.png")
    mean = statistics.fmean(mains.values())
    wobble = flicker(map(result, case.frames), map(case.truth_pixels, case.frames), case.frames)
    return Row(
        name=case.name,
        kind=case.kind,
        main=mean,
        mae=statistics.fmean(each["mae"] for each in scores.values()) if case.kind == "matte" else None,
        worst=mains[order[0]],
        worst_frame=order[0],
        flicker=wobble,
        along_motion=along_motion(case, result),
        bar=case.bar,
        above=mean - case.bar,
        steps=trained.last.get("ended", {}).get("step", 0),  # not every step is told of as it is done
        train_seconds=trained.seconds,
        apply_seconds=applied.seconds,
        peak_memory_mb=trained.peak_memory_mb,
        baselines=case.baselines,
        frames=mains,
    )


def judge_stabilised(case: Case, shot: Shot, applied: Cost) -> Stabilised:
    def result(number: int) -> np.ndarray:
        return display(shot.read(number), case.kind)

    mean = statistics.fmean(score(case, number, result(number))["main"] for number in case.test_frames)
    return Stabilised(mean, along_motion(case, result).get("result", math.nan), applied.seconds)


def along_motion(case: Case, result: Callable[[int], np.ndarray]) -> dict[str, float]:
    """By "result", "truth" and "plate": what changes along the motion of the truth, or of a matte's plate. A
    plate of another size than its truth is left out."""
    first = case.frames[0]
    of = {"result": result, "truth": case.truth_pixels, "plate": case.plate_pixels}
    if case.plate_pixels(first).shape[:2] != case.truth_pixels(first).shape[:2]:
        del of["plate"]
    guide = case.plate_pixels if case.kind == "matte" and "plate" in of else case.truth_pixels
    shots = {name: map(read, case.frames) for name, read in of.items()}
    return mean_along_motion(steadiness(map(guide, case.frames), shots, case.frames))


def one_line(row: Row) -> str:
    return f"{row.name}: {_score(row, row.main)}, baseline {_score(row, row.bar)}, {row.train_seconds:.0f} s"


def as_table(rows: Sequence[Row]) -> Table:
    table = Table(title="Mean over the frames never painted")
    table.add_column("case", no_wrap=True)
    for heading in (
        "score",
        "baseline",
        "above",
        "worst",
        "frame",
        "MAE",
        "flicker",
        "along motion",
        "stabilised",
        "",
        "truth",
        "plate",
        "steps",
        "train s",
        "MB",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        colour = "green" if row.above > 0 else "red"
        table.add_row(
            row.name,
            _score(row, row.main),
            _score(row, row.bar),
            f"[{colour}]{row.above:+.2f}[/]",
            _score(row, row.worst),
            str(row.worst_frame),
            "" if row.mae is None else f"{row.mae:.4f}",
            f"{row.flicker:.2f}",
            _change(row, "result"),
            *_stabilised(row),
            *(_change(row, name) for name in ("truth", "plate")),
            str(row.steps),
            f"{row.train_seconds:.0f}",
            f"{row.peak_memory_mb:.0f}",
        )
    return table


def _change(row: Row, name: str) -> str:
    return f"{row.along_motion[name]:.2f}" if name in row.along_motion else ""


def _stabilised(row: Row) -> tuple[str, str]:
    if row.stabilised is None:
        return "", ""
    return _score(row, row.stabilised.main), f"{row.stabilised.along_motion:.2f}"


def _score(row: Row, value: float) -> str:
    return f"{value:.3f} IoU" if row.kind == "matte" else f"{value:.2f} dB"


def as_json(rows: Sequence[Row], failed: dict[str, str], options: argparse.Namespace) -> str:
    """All figures, with what they were made by; what is not a number is null."""
    document = {
        "understudy": understudy.__version__,
        "date": time.strftime("%Y-%m-%dT%H:%M:%S"),
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
        "options": {
            "time_limit": options.time_limit,
            "steps": options.steps,
            "seed": options.seed,
            "model_size": options.model_size,
            "more": options.more,
        },
        "cases": [asdict(row) for row in rows],
        "failed": failed,
    }
    return json.dumps(_finite(document), indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and value - value != 0 else value


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the training at work ends with it
    sys.exit(main())
