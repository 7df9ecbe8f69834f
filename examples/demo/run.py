"""The demo: render a small shot, learn it from five painted frames, finish the other frames, and judge them.

make demo                              the whole, under three minutes on two cores
make demo ARGS="--time-limit 5m"       the same with more time to learn
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from folders import RUN_NAME, Folders  # noqa: E402
from screen import Stages  # noqa: E402
from shot import NUMBERS, PAINTED  # noqa: E402

import understudy  # noqa: E402
from understudy.durations import duration_text, parse_duration  # noqa: E402
from understudy.errors import UnderstudyError  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    options = read_options(arguments)
    try:
        run_demo(Folders(options.folder), options.width, how_to_learn(options))
    except UnderstudyError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. `make demo` starts again from the beginning.", file=sys.stderr)
        return 130
    return 0


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=HERE.parents[1] / "demo", help="where everything goes")
    parser.add_argument("--time-limit", default="80s", help="how long to learn (default: %(default)s)")
    parser.add_argument("--steps", type=int, help="learn for so many steps instead, however long they take")
    parser.add_argument("--width", type=int, default=480, help="of the frames (default: %(default)s)")
    parser.add_argument("--model-size", default="auto", choices=("auto", "small", "medium", "large"))
    return parser.parse_args(arguments)


def how_to_learn(options: argparse.Namespace) -> dict[str, Any]:
    """The settings of training that were asked for. SettingError for a time limit that is none."""
    if options.steps:
        return {"max_steps": options.steps, "model_size": options.model_size}
    return {"time_limit": parse_duration(options.time_limit), "model_size": options.model_size}


def run_demo(folders: Folders, width: int, settings: dict[str, Any]) -> None:
    """The whole story; each line is a step of it."""
    began = time.monotonic()
    stages = Stages()
    folders.prepare()
    render(folders, width, stages)
    run = learn(folders, settings, stages)
    finish(folders, run, stages)
    scores = judge(folders, stages)
    tell(folders, run, scores, time.monotonic() - began)


def render(folders: Folders, width: int, stages: Stages) -> None:
    from rendering import make_shot

    with stages.stage("Rendering the shot", len(NUMBERS)) as step:
        for done, number in enumerate(make_shot(folders, width), start=1):
            step(done, f"frame {number}")


def learn(folders: Folders, settings: dict[str, Any], stages: Stages) -> Any:
    """Train on the five painted frames; the RunFolder."""
    with stages.stage(f"Learning from {len(PAINTED)} painted frames") as step:
        return understudy.train(
            _watch_training(step),
            input=folders.pattern("plate"),
            ground_truth=folders.pattern("painted"),
            data_directory=folders.runs,
            name=RUN_NAME,
            **settings,
        ).run


def _watch_training(step: Callable[..., None]) -> Callable[[Any], None]:
    def report(event: Any) -> None:
        if hasattr(event, "loss"):
            left = getattr(event, "seconds_left", None)
            words = f"loss {event.loss:.4f}" + (f", {duration_text(left)} left" if left is not None else "")
            step(event.step, words, event.total)

    return report


def finish(folders: Folders, run: Any, stages: Stages) -> None:
    """Apply what was learned to every frame."""
    with stages.stage("Finishing all frames", len(NUMBERS)) as step:

        def report(event: Any) -> None:
            if hasattr(event, "frames_per_second"):
                step(event.done, f"frame {event.number}", event.total)

        result = understudy.apply(
            run.path, folders.pattern("plate"), folders.pattern("learned"), report, overwrite=True
        )
    for number, error in result.failed:
        raise OSError(f"frame {number} could not be made: {error}")


def judge(folders: Folders, stages: Stages) -> Any:
    import judging

    with stages.stage("Comparing with the truth"):
        scores = judging.judge(folders)
        judging.contact_sheet(folders)
    return scores


def tell(folders: Folders, run: Any, scores: Any, seconds: float) -> None:
    """What was made, and where."""
    painted = ", ".join(map(str, PAINTED))
    home = _short(folders.home)
    worst = f"the worst frame, {scores.learned_worst_frame}: {scores.learned_worst:.1f} dB"
    print(
        f"""
The shot has {len(NUMBERS)} frames. An artist "painted" five of them ({painted}): graded them, and painted
the orange tracking markers out. Understudy learned both from these five and did the other {scores.frames}.

How close it came on the {scores.frames} frames it never saw (PSNR, higher is better):
  {scores.plate_unchanged:5.1f} dB   the plate, unchanged
  {scores.colour_fit:5.1f} dB   the best colour correction alone (a cubic fitted to the five pairs)
  {scores.learned:5.1f} dB   learned ({worst})

Look at:
  {_short(folders.contact_sheet)}   before | after | learned
  {home}/plate/     the shot with its markers, half-float EXR, scene-linear
  {home}/painted/   the five painted frames: all that was learned from
  {home}/learned/   every frame, finished
  {home}/truth/     what every frame should be, used for the figures above only
  {_short(run.path)}/  the run: the network ({_short(run.best_or_newest().name)}), losses, contact sheets

The same by hand:
  .venv/bin/understudy train --input '{home}/plate/plate.####.exr' \\
      --ground-truth '{home}/painted/painted.####.exr' \\
      --data-directory {home}/runs --name again --time-limit 2m
  .venv/bin/understudy apply {home}/runs/again '{home}/plate/plate.####.exr' '{home}/again/learned.####.exr'

All of it took {duration_text(seconds)}."""
    )


def _short(path: object) -> str:
    """A path as one would type it from here."""
    try:
        return (
            str(Path(str(path)).resolve().relative_to(Path.cwd()))
            if Path(str(path)).is_absolute()
            else str(path)
        )
    except ValueError:
        return str(path)


if __name__ == "__main__":
    sys.exit(main())
