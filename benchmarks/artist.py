"""What corrections are worth: a simulated artist, through the command line.

    python benchmarks/artist.py --cases DIR [--only NAME ...] [--time-limit 60s] [--rounds 5] [--lesson 20s]
                                [--steps N --lesson-steps N] [--model-size small] [--json FILE]

A case is trained. Then in each round the frame that ``understudy suggest --run`` names first is painted, at
most a twentieth of it, where the result is most wrong, and given to ``understudy correct``. Beside it stands
the same run that has gone on for the same time without corrections. Frames that were painted at any time are
in neither figure.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cv2
from few_shot_case import Case, display, find_cases, read_case, score
from few_shot_job import understudy_command

from understudy.artist.correct.store import write_picture
from understudy.durations import parse_duration
from understudy.frames import open_shot

MOST_PAINTED = 0.05


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--cases", type=Path, required=True)
    add("--only", nargs="+", default=[], metavar="NAME")
    add("--time-limit", default="60s", help="of the first training")
    add("--rounds", type=int, default=5)
    add("--lesson", default="20s", help="of each correction")
    add("--steps", type=int, help="of the first training, in place of a time")
    add("--lesson-steps", type=int, help="of each correction, in place of a time; with --steps")
    add("--model-size", choices=("auto", "small", "medium", "large"), default="auto")
    add("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows = []
    for folder in find_cases(options.cases, options.only):
        with tempfile.TemporaryDirectory(prefix="artist_") as work:
            rows.append(run_case(read_case(folder), Path(work), options))
        print(json.dumps(rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    return 0


def run_case(case: Case, work: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train, correct in rounds, go on without corrections, and compare."""
    plate, runs = str(case.folder / "input"), work / "runs"
    flags = ["--input", plate, "--ground-truth", case.painted(work), "--data-directory", str(runs)]
    flags += ["--model-size", options.model_size]
    say([*["train", "--name", "corrected"], *flags, *first_length(options)])
    shutil.copytree(runs / "corrected", runs / "longer")
    (runs / "longer" / "state.json").write_bytes((runs / "corrected" / "state.json").read_bytes())
    first = scores(case, runs / "corrected", work)
    touched: set[int] = set(case.train_frames)
    right: list[float] = []
    for index in range(options.rounds):
        number = choose(case, runs / "corrected", touched)
        touched.add(number)
        given = paint(case, number, results(case, runs / "corrected", work)[number], work / f"round{index}")
        words = ["correct", str(runs / "corrected"), *given, *lesson_length(options)]
        right.append(float(say(words).get("corrected", {}).get("right", 0.0)))
    say(["resume", str(runs / "longer"), *longer_length(options)])
    corrected, without = (scores(case, runs / name, work) for name in ("corrected", "longer"))
    free = [number for number in case.test_frames if number not in touched]
    losses = {number: corrected[number] - first[number] for number in free}
    mean = {
        name: round(float(np.mean([each[number] for number in free])), 4)
        for name, each in (("first", first), ("corrected", corrected), ("longer", without))
    }
    return {
        "case": case.name,
        "kind": case.kind,
        **mean,
        "gain": round(mean["corrected"] - mean["longer"], 4),
        "worst_loss": round(min(losses.values()), 4),
        "right": [round(each, 3) for each in right],
        "painted": sorted(touched - set(case.train_frames)),
    }


def first_length(options: argparse.Namespace) -> list[str]:
    """For how long to train at first."""
    return ["--max-steps", str(options.steps)] if options.steps else ["--time-limit", options.time_limit]


def lesson_length(options: argparse.Namespace) -> list[str]:
    """For how long to learn one correction."""
    if options.lesson_steps:
        return ["--max-steps", str(options.lesson_steps)]
    return ["--time-limit", options.lesson]


def longer_length(options: argparse.Namespace) -> list[str]:
    """For how long to go on without corrections: as all of them together took."""
    if options.steps and options.lesson_steps:
        return ["--max-steps", str(options.steps + options.rounds * options.lesson_steps)]
    return ["--time-limit", f"{parse_duration(options.lesson) * options.rounds + 3:g}s"]


def say(words: list[str]) -> dict[str, Any]:
    """Run a command; its last event of each kind."""
    cost = understudy_command(words, lambda event: None)
    print(f"  {words[0]} {cost.seconds:.1f} s", file=sys.stderr, flush=True)
    return cost.last


def results(case: Case, run: Path, work: Path) -> dict[int, np.ndarray]:
    """What the run makes of every frame."""
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    say(["apply", str(run), str(case.folder / "input"), str(out / f"out.####{case.plate.extension}")])
    with open_shot(str(out)) as shot:
        return {number: display(shot.read(number), case.kind) for number in shot.numbers}


def scores(case: Case, run: Path, work: Path) -> dict[int, float]:
    made = results(case, run, work)
    return {number: score(case, number, made[number])["main"] for number in case.test_frames}


def choose(case: Case, run: Path, touched: set[int]) -> int:
    """The frame that ``understudy suggest`` names first, of those that were not painted at any time."""
    heard: list[str] = []
    words = ["suggest", str(case.folder / "input"), "--run", str(run), "--count", str(len(touched) + 1)]
    understudy_command(words, lambda event: heard.append(event.get("text", "")))
    found = json.loads("".join(heard))
    best_first = [each["frame"] for each in found["frames"]]
    free = [number for number in best_first if number in case.test_frames and number not in touched]
    return int(free[0] if free else min(set(case.test_frames) - touched))


def paint(case: Case, number: int, result: np.ndarray, folder: Path) -> list[str]:
    """Strokes where the result is most wrong: the truth of the frame, and a mask over a twentieth of it."""
    (folder / "truth").mkdir(parents=True)
    (folder / "mask").mkdir()
    name = f"truth.{number:04d}{case.truth.extension}"
    (folder / "truth" / name).write_bytes(case.truth.path(number).read_bytes())
    error = np.abs(result - case.truth_pixels(number)).max(2).astype(np.float32)
    blurred = cv2.GaussianBlur(error, (0, 0), max(2.0, error.shape[1] / 120))
    limit = max(float(np.quantile(blurred, 1 - MOST_PAINTED)), 1e-4)
    mask = (blurred > limit).astype(np.float32)
    if not mask.any():
        mask[blurred == blurred.max()] = 1.0
    write_picture(folder / "mask" / f"mask.{number:04d}.exr", mask[:, :, None], ("Y",))
    return ["--ground-truth", str(folder / "truth"), "--strokes", str(folder / "mask")]


if __name__ == "__main__":
    raise SystemExit(main())
