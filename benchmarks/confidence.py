"""Whether the channel of ``apply --confidence`` is true: where it says 0.9, are nine of ten pixels right?

    python benchmarks/confidence.py --cases DIR [--time-limit 60s | --steps N] [--only NAME ...] [--json FILE]
                                    [--model-size SIZE] [--frames 12] [--keep DIR]
                                    [-- further flags of understudy train]

Each case (see README.md) is trained on its painted frames and applied with ``--confidence``; on frames that
it did not learn from, the share of right pixels is compared with what the channel says. An image's pixel is
right within 2 code values of 8 bits as a screen shows them, in all channels, a matte's on its side of 0.5.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from few_shot_case import Case, display, read_case, spread
from few_shot_command import case_parser, read_options, run_cases
from few_shot_job import train_command, understudy_command
from rich.table import Table

import understudy
from understudy.frames import Frame, format_numbers, open_shot

SAYS = {0.5: (0.45, 0.55), 0.7: (0.65, 0.75), 0.9: (0.85, 0.95), 0.99: (0.98, 1.0)}
"""What is asked about, and from where to where a pixel counts as saying so."""

BINS = 200
WITHIN = 2.0 / 255


@dataclass(frozen=True)
class Reliability:
    """Pixels by what the channel says of them, in ``BINS`` bins from 0 to 1: how many, how many of them are
    right, and what the channel says in sum."""

    counts: np.ndarray
    right: np.ndarray
    said: np.ndarray

    @classmethod
    def of(cls, confidence: np.ndarray, right: np.ndarray) -> Reliability:
        places = np.minimum((confidence.ravel() * BINS).astype(int), BINS - 1)
        weights = (None, right.ravel().astype(float), confidence.ravel().astype(float))
        return cls(*(np.bincount(places, each, BINS).astype(float) for each in weights))

    def __add__(self, other: Reliability) -> Reliability:
        return Reliability(self.counts + other.counts, self.right + other.right, self.said + other.said)

    @property
    def even(self) -> Reliability:
        """The same as if there were one pixel in all, so that cases of any size count alike."""
        total = max(self.counts.sum(), 1.0)
        return Reliability(self.counts / total, self.right / total, self.said / total)

    @property
    def error(self) -> float:
        """The expected calibration error: how far what is said is from what is true, on average over pixels,
        in 20 bins."""
        count, right, said = (each.reshape(20, -1).sum(1) for each in (self.counts, self.right, self.said))
        return float(np.abs(right - said).sum() / max(count.sum(), 1e-12))

    @property
    def accuracy(self) -> float:
        """The share of right pixels."""
        return float(self.right.sum() / max(self.counts.sum(), 1e-12))

    def truly(self, low: float, high: float) -> tuple[float, float] | None:
        """What is said on average from ``low`` to ``high``, and the share that is right; None where that is
        said of fewer than one pixel of ten thousand."""
        chosen = slice(round(low * BINS), round(high * BINS))
        count = self.counts[chosen].sum()
        if count < 1e-4 * self.counts.sum():
            return None
        return float(self.said[chosen].sum() / count), float(self.right[chosen].sum() / count)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = case_parser(__doc__)
    parser.add_argument("--frames", type=int, default=12, help="how many frames to judge, evenly spread")
    options = read_options(parser, arguments)
    return run_cases(
        options,
        lambda folder, console: run_case(folder, options),
        lambda name, row: f"{name}: {row.error:.3f}",
        as_table,
        lambda rows, failed: as_json(rows, failed, options),
    )


def run_case(folder: Path, options: argparse.Namespace) -> Reliability:
    """Train, apply, judge: one case from start to end."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="confidence_")))
        case = read_case(folder)
        stack.callback(case.plate.close)
        stack.callback(case.truth.close)
        keep = (options.keep or work) / case.name
        keep.mkdir(parents=True, exist_ok=True)
        painted = case.painted(keep / "painted")
        understudy_command(train_command(case, painted, keep / "runs", options), lambda event: None)
        numbers = spread(case.test_frames, options.frames)
        spec = str(keep / "learned" / "learned.####.exr")
        apply = ["apply", str(keep / "runs" / case.name), str(case.folder / "input"), spec]
        apply += ["--frames", format_numbers(numbers), "--confidence", "--overwrite"]
        understudy_command(apply, lambda event: None)
        learned = stack.enter_context(open_shot(spec))
        judged = [judge(case, number, learned.read(number)) for number in numbers]
        return sum(judged[1:], judged[0])


def judge(case: Case, number: int, learned: Frame) -> Reliability:
    """What the channel says of one frame, and what is true."""
    truth, result = case.truth_pixels(number), values_of(case, learned)
    if case.kind == "matte":
        right = ((result > 0.5) == (truth > 0.5)).all(2)
    else:
        differ = np.abs(np.clip(result, 0, 1) - np.clip(truth, 0, 1))
        right = (differ <= WITHIN + 1e-6).all(2)
    return Reliability.of(learned.planes(["confidence"])[..., 0], right)


def values_of(case: Case, learned: Frame) -> np.ndarray:
    """The result as a screen shows it; a plate of integers has display values, in files of floats too."""
    if case.kind == "matte" or not case.plate.read(case.plate.numbers[0]).is_integer:
        return display(learned, case.kind)
    return learned.planes(list("RGB"))


def as_table(rows: dict[str, Reliability]) -> Table:
    table = Table(title="Where confidence says ..., so many pixels are right")
    for name in ("case", "right pixels", *(str(each) for each in SAYS), "calibration error"):
        table.add_column(name, justify="left" if name == "case" else "right")
    for name, row in {**rows, "all": total(rows)}.items():
        told = [row.truly(*span) for span in SAYS.values()]
        cells = ["-" if each is None else f"{each[0]:.3f}: {each[1]:.3f}" for each in told]
        table.add_row(name, f"{row.accuracy:.3f}", *cells, f"{row.error:.3f}")
    return table


def total(rows: dict[str, Reliability]) -> Reliability:
    """All cases, each counted alike."""
    even = [row.even for row in rows.values()]
    return sum(even[1:], even[0])


def as_json(rows: dict[str, Reliability], failed: dict[str, str], options: argparse.Namespace) -> str:
    named = {**rows, "all": total(rows)} if rows else {}
    document: dict[str, Any] = {
        "understudy": understudy.__version__,
        "date": time.strftime("%Y-%m-%dT%H:%M:%S"),
        "options": {name: str(value) for name, value in vars(options).items()},
        "cases": {
            name: {
                "right": row.accuracy,
                "calibration_error": row.error,
                "truly": {str(says): row.truly(*span) for says, span in SAYS.items()},
            }
            for name, row in named.items()
        },
        "failed": failed,
    }
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
