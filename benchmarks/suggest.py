"""Whether suggested frames teach more than evenly spread ones, and whether the expected error is true.

    python benchmarks/suggest.py --cases DIR [--time-limit 60s] [--only NAME ...] [--count 5] [--seed N]
                                 [--with-run] [--random 5] [--json FILE] [--keep DIR]
                                 [-- further flags of understudy train]

For each case (see README.md): a training on evenly spread frames and one on as many that ``understudy
suggest`` names, both judged on the frames that neither learned from. With ``--with-run``, from the evenly
spread one: the rank correlation of expected and true error over unpainted frames, and what one more frame
gains, the one that ``suggest --run`` names first beside the mean of ``--random`` others.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from few_shot_bench import Bench, Scores, mean_of
from few_shot_case import Case, read_case, spread
from few_shot_command import case_parser, read_options, run_cases
from rich.table import Table

import understudy


@dataclass
class Row:
    """What is known of a case in the end: means of dB, or of IoU for a matte. ``even`` and ``suggested`` are
    over the frames in neither; ``correlation`` is Spearman's; ``next_gain`` and ``random_gain`` are what one
    more frame brings over the evenly spread ones, on the frames that no training of these learned from."""

    name: str
    kind: str
    even_frames: tuple[int, ...]
    suggested_frames: tuple[int, ...]
    even: float = 0.0
    suggested: float = 0.0
    seconds: float = 0.0
    correlation: float | None = None
    next_frame: int | None = None
    next_gain: float | None = None
    random_gain: float | None = None
    random_frames: list[int] = field(default_factory=list)

    @property
    def gain(self) -> float:
        return self.suggested - self.even


def main(arguments: Sequence[str] | None = None) -> int:
    parser = case_parser(__doc__)
    add = parser.add_argument
    add("--count", type=int, default=5, help="how many frames to learn from")
    add("--with-run", action="store_true", help="one more frame, and the expected errors")
    add("--random", type=int, default=5, help="how many other frames to try in its place")
    options = read_options(parser, arguments)
    return run_cases(
        options,
        lambda folder, console: run_case(folder, options),
        lambda name, row: one_line(row),
        lambda rows: as_table(list(rows.values())),
        lambda rows, failed: as_json(list(rows.values()), failed, options),
    )


def run_case(folder: Path, options: argparse.Namespace) -> Row:
    """Suggest, train, judge: one case from start to end."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="suggest_")))
        case = read_case(folder)
        stack.callback(case.plate.close)
        stack.callback(case.truth.close)
        even = spread(case.frames, options.count)
        began = time.monotonic()
        suggested = suggested_frames(case, options.count)
        row = Row(case.name, case.kind, even, suggested, seconds=time.monotonic() - began)
        bench = Bench(case, (options.keep or work) / case.name, options)
        ours, theirs = bench.scores("even", even), bench.scores("suggested", suggested)
        judged = [number for number in case.frames if number not in {*even, *suggested}]
        row.even, row.suggested = mean_of(ours, judged), mean_of(theirs, judged)
        if options.with_run:
            judge_run(row, bench, ours, options)
        return row


def suggested_frames(case: Case, count: int) -> tuple[int, ...]:
    found = understudy.suggest(case.plate.spec, count=count)
    return tuple(sorted(each.frame for each in found.frames))


def judge_run(row: Row, bench: Bench, before: Scores, options: argparse.Namespace) -> None:
    """The expected errors of the evenly trained run, and what one more frame brings."""
    found = understudy.suggest(bench.case.plate.spec, run=str(bench.run("even")), count=1)
    unpainted = [each for each in found.all if each.frame not in row.even_frames and each.frame in before]
    expected = [float(each.expected_error or 0.0) for each in unpainted]
    row.correlation = rank_correlation(expected, [-before[each.frame] for each in unpainted])
    row.next_frame = found.frames[0].frame
    free = [each.frame for each in unpainted if each.frame != row.next_frame]
    row.random_frames = random.Random(options.seed).sample(free, min(options.random, len(free)))
    judged = [n for n in before if n not in {*row.even_frames, row.next_frame, *row.random_frames}]
    base = mean_of(before, judged)

    def gain(name: str, frame: int) -> float:
        return mean_of(bench.scores(name, [*row.even_frames, frame]), judged) - base

    row.next_gain = gain("next", row.next_frame)
    gains = [gain(f"random_{frame}", frame) for frame in row.random_frames]
    row.random_gain = statistics.fmean(gains) if gains else None


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's, ties sharing their ranks; 0 where one side does not vary."""
    first, second = _ranks(one), _ranks(other)
    if len(first) < 2 or first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: Sequence[float]) -> np.ndarray:
    array = np.asarray(values, float)
    below = (array[None, :] < array[:, None]).sum(1)
    return below + ((array[None, :] == array[:, None]).sum(1) - 1) / 2


def one_line(row: Row) -> str:
    unit = "IoU" if row.kind == "matte" else "dB"
    words = f"{row.name}: evenly {row.even:.3f}, suggested {row.suggested:.3f} {unit} ({row.gain:+.3f})"
    return words + (f", rank correlation {row.correlation:.2f}" if row.correlation is not None else "")


def as_table(rows: Sequence[Row]) -> Table:
    table = Table(title="Mean over the frames that no side painted")
    for heading in ("case", "evenly", "suggested", "gain", "s", "rank corr.", "next", "gain", "random gain"):
        table.add_column(heading, justify="left" if heading == "case" else "right", no_wrap=True)
    for row in rows:
        more = [row.correlation, row.next_frame, row.next_gain, row.random_gain]
        cells = [
            "" if each is None else f"{each:.3f}" if isinstance(each, float) else str(each) for each in more
        ]
        own = [f"{row.even:.3f}", f"{row.suggested:.3f}", f"{row.gain:+.3f}", f"{row.seconds:.1f}"]
        table.add_row(row.name, *own, *cells)
    return table


def as_json(rows: Sequence[Row], failed: dict[str, str], options: argparse.Namespace) -> str:
    document: dict[str, Any] = {
        "understudy": understudy.__version__,
        "date": time.strftime("%Y-%m-%dT%H:%M:%S"),
        "options": {name: str(value) for name, value in vars(options).items()},
        "cases": [{**asdict(row), "gain": row.gain} for row in rows],
        "failed": failed,
    }
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
