"""What a start is worth: a training with it beside the same training without, in equal steps.

    python benchmarks/starts.py --cases DIR [--only START ...] [--shots NAME ...] [--steps 100 200]
                                [--full [STEPS]] [--file START=FILE.cat] [--json FILE] [--keep DIR]
                                [--model-size small] [--seed N] [-- further flags of understudy train]

Every start that comes with the program, and every one of ``--file``, is tried on the shots of its kind in
DIR (see README.md), in each number of ``--steps``; with ``--full`` also in as many as two minutes take, told
or counted by a training of that time on the first shot. Steps are compared, not seconds, so that other work
on the machine changes nothing. What ``--json`` has measured before, with the same weights, is not measured
again, and is in the table, too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from few_shot_bench import Bench, mean_of
from few_shot_case import read_case
from rich.console import Console
from starts_table import NONE, Measured, Run, as_table, compared, worst_words

import understudy
from understudy.errors import SettingError, UnderstudyError
from understudy.models.zoo import zoo_starts
from understudy.network.model_file import read_metadata
from understudy.runs.files import write_atomically

PEOPLE = (
    "davis_breakdance",
    "davis_dance_twirl",
    "davis_motocross_jump",
    "davis_horsejump_high",
    "matte_bmx",
)
SHOTS = {
    "denoise": ("denoise_coffee",),
    "deblur": ("deblur_kids", "upscale_cups"),
    "upscale": ("upscale_cups",),
    "human-matting": PEOPLE,
    "matting": ("davis_camel", "davis_car_roundabout", "matte_carshadow", *PEOPLE),
}
"""The shots of a start's kind."""
FULL = "120s"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _read_options(arguments)
    console = Console()
    if not console.is_terminal:
        console.width = 120
    try:
        starts = _starts(options)
        plan = list(dict.fromkeys(_plan(options, starts)))
        done = _read(options, starts)
    except UnderstudyError as error:
        console.print(f"Error: {error}", markup=False)
        return error.exit_code
    failed = _measure_all(plan, done, starts, options, console)
    rows = [row for row in compared(done) if row.run.start in starts]
    if rows:
        console.print(as_table(rows))
        for words in worst_words(rows):
            console.print(words, highlight=False)
    return 1 if failed else 0


def _measure_all(
    plan: Sequence[Run],
    done: list[Measured],
    starts: dict[str, Path],
    options: argparse.Namespace,
    console: Console,
) -> int:
    """Take every run that has not been, and keep each at once; how many failed."""
    failed = 0
    known = {each.run for each in done}
    for number, run in enumerate(plan, 1):
        if run in known:
            continue
        with console.status("") as status:
            try:
                found = measure(run, starts, options, status.update)
            except UnderstudyError as error:
                failed += 1
                console.print(f"{run}: {error}", markup=False)
                continue
        done.append(found)
        console.print(f"{number} of {len(plan)}: {run}: {found.words}", highlight=False)
        _write(options, done)
    return failed


def measure(
    run: Run, starts: dict[str, Path], options: argparse.Namespace, say: Callable[[str], None]
) -> Measured:
    """Train and apply, and judge the frames that were never painted."""
    with ExitStack() as stack:
        case = read_case(options.cases / run.shot)
        stack.callback(case.plate.close)
        stack.callback(case.truth.close)
        keep = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="starts_")))
        weights = str(starts[run.start]) if run.start != NONE else NONE
        own = argparse.Namespace(
            seed=options.seed,
            model_size=options.model_size,
            steps=run.steps,
            time_limit=None,
            more=[*options.more, "--initial-weights", weights],
        )
        bench, name = Bench(case, keep / run.shot, own), f"{run.start}-{run.steps}"

        def report(event: dict[str, object]) -> None:
            if event["event"] == "stepped":
                say(f"{run}: step {event['step']}")

        cost = bench.train(name, case.train_frames, report)
        score = mean_of(bench.judge(name), case.test_frames)
        return Measured(run, case.kind, score, cost.seconds, _mark(weights))


def _plan(options: argparse.Namespace, starts: dict[str, Path]) -> Iterator[Run]:
    """All runs, short ones first: of each shot without, and then with each start."""
    for shot in options.shots:
        if not any(shot in SHOTS[start] for start in starts):
            raise SettingError(
                "This is no shot of the starts at hand.",
                expected=", ".join(sorted({each for start in starts for each in SHOTS[start]})),
                found=shot,
                where="--shots",
            )
    lengths = list(options.steps)
    if options.full is not None:
        lengths.append(options.full or _full_steps(options, starts))
    for steps in sorted(lengths):
        for start in starts:
            for shot in SHOTS[start]:
                if not options.shots or shot in options.shots:
                    yield Run(shot, NONE, steps)
                    yield Run(shot, start, steps)


def _full_steps(options: argparse.Namespace, starts: dict[str, Path]) -> int:
    """How many steps two minutes of this machine take, in a training without a start."""
    shot = next(each for start in starts for each in SHOTS[start] if each in (options.shots or SHOTS[start]))
    case = read_case(options.cases / shot)
    timed = {"seed": options.seed, "model_size": options.model_size, "steps": None, "time_limit": FULL}
    with tempfile.TemporaryDirectory(prefix="starts_") as work:
        bench = Bench(case, Path(work), argparse.Namespace(**timed, more=options.more))
        return int(bench.train("full", case.train_frames, lambda event: None).last["ended"]["step"])


def _starts(options: argparse.Namespace) -> dict[str, Path]:
    """The weights of each start to be tried, by name. SettingError for one that there is not, and for one
    whose shots are not known."""
    own = dict(each.split("=", 1) for each in options.file if "=" in each)
    files = {name: each.path for name, each in zoo_starts().items()} | {n: Path(f) for n, f in own.items()}
    known = {name: path for name, path in files.items() if name in SHOTS}
    for name in [*options.only, *own]:
        if name not in known or not known[name].is_file():
            raise SettingError(
                "There is no such start, or no shot of its kind is known here.",
                expected=f"one of {', '.join(known)}; with --file, one of {', '.join(SHOTS)} and a .cat",
                found=name,
                where="--only" if name in options.only else "--file",
            )
    return {name: path for name, path in known.items() if not options.only or name in options.only}


def _read(options: argparse.Namespace, starts: dict[str, Path]) -> list[Measured]:
    """What the file of figures has of the same weights and settings."""
    if not options.json or not options.json.is_file():
        return []
    found = json.loads(options.json.read_text())
    if found.get("options") != _told(options):
        raise SettingError(
            "The figures that are there were measured in another way.",
            expected=str(_told(options)),
            found=str(found.get("options")),
            where=str(options.json),
            remedy="Name another file with --json.",
        )
    marks = {NONE: ""} | {name: _mark(str(path)) for name, path in starts.items()}
    runs = [Measured.from_json(each) for each in found["runs"]]
    return [each for each in runs if each.weights == marks.get(each.run.start, each.weights)]


def _mark(weights: str) -> str:
    """What tells weights from others: two files of the same ones may differ in the order of what they say."""
    if weights == NONE:
        return ""
    said = read_metadata(Path(weights))
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _write(options: argparse.Namespace, done: Sequence[Measured]) -> None:
    if options.json:
        document = {
            "understudy": understudy.__version__,
            "options": _told(options),
            "runs": [each.to_json() for each in done],
        }
        write_atomically(options.json, (json.dumps(document, indent=1) + "\n").encode())


def _told(options: argparse.Namespace) -> dict[str, object]:
    return {"seed": options.seed, "model_size": options.model_size, "more": options.more}


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    given = list(sys.argv[1:] if arguments is None else arguments)
    own, more = (given[: given.index("--")], given[given.index("--") + 1 :]) if "--" in given else (given, [])
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--cases", type=Path, required=True, help="the folder that holds the shots")
    add("--only", nargs="+", default=[], metavar="START", help="these starts only")
    add("--shots", nargs="+", default=[], metavar="NAME", help="these shots only")
    add("--steps", nargs="*", type=int, default=[100, 200], help="100 and 200 by default")
    help_ = "also in as many steps as two minutes take: measured by a run of that time, or told"
    add("--full", nargs="?", type=int, const=0, metavar="STEPS", help=help_)
    help_ = "try this file as the start of that name"
    add("--file", nargs="+", default=[], metavar="START=FILE", help=help_)
    add("--model-size", default="small", choices=("auto", "small", "medium", "large"))
    add("--seed", type=int, default=0)
    add("--json", type=Path, metavar="FILE", help="keep all figures there, and go on from them")
    add("--keep", type=Path, metavar="DIR", help="keep runs and learned frames there")
    options = parser.parse_args(own)
    options.more = more
    if wrong := [each for each in options.file if "=" not in each]:
        parser.error(f"--file takes START=FILE, such as matting=matting.cat, not {wrong[0]}")
    if any(each < 1 for each in [*options.steps, options.full or 1]):
        parser.error("steps are whole numbers from 1 on")
    return options


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the training at work ends with it
    sys.exit(main())
