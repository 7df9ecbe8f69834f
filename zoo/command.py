"""``python -m zoo.NAME``: the flags that all recipes share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.durations import parse_duration
from understudy.errors import UnderstudyError
from zoo.kinds import training_of
from zoo.pictures import Part, load_pictures
from zoo.recipe import Recipe
from zoo.training import PROGRESS, Limits, held_batches, train
from zoo.widen import begin_from


def main(recipe: Recipe) -> None:
    """Train a recipe as the command line says. Exit code 2 where something is refused."""
    flags = _parser(recipe).parse_args()
    in_words(lambda: run(recipe, flags))


def in_words(work: Callable[[], None]) -> None:
    """Do a command's work. What is refused ends it with exit code 2, and is told instead of a traceback."""
    try:
        work()
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


def _parser(recipe: Recipe) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m zoo.{recipe.name}", description=recipe.purpose)
    parser.add_argument("--data", type=Path, required=True, help="the folder of photographs")
    if recipe.renders:
        parser.add_argument("--renders", type=Path, required=True, help="the folder of what was rendered")
    parser.add_argument("--folder", type=Path, help=f"where the training lives; zoo_runs/{recipe.name}")
    parser.add_argument("--output", type=Path, help="write the network here; NAME.cat in its folder")
    parser.add_argument("--time-limit", default="2h", help="of all calls together; 2h")
    parser.add_argument("--steps", type=int, help="end after so many steps instead")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=int, default=recipe.side, help="pixels a side that are learned from")
    parser.add_argument("--rate", type=float, default=recipe.rate, help=f"of learning; {recipe.rate}")
    parser.add_argument("--workers", type=int, default=1, help="threads that make crops")
    parser.add_argument("--begin", type=Path, help="from the training in this folder, of a smaller network")
    parser.add_argument("--resume", action="store_true", help="go on with what lies in the folder")
    return parser


def run(recipe: Recipe, flags: argparse.Namespace) -> None:
    """Train, or go on, and write the network."""
    folder = flags.folder or Path("zoo_runs") / recipe.name
    limits = Limits(None if flags.steps else parse_duration(flags.time_limit), flags.steps)
    recipe = replace(recipe, side=flags.side, rate=flags.rate)
    training = training_of(recipe, flags.seed)
    if (folder / PROGRESS).exists() != flags.resume:
        raise _refused(folder, flags.resume)
    if flags.resume:
        training.resume(folder)
    elif flags.begin:
        begin_from(training, flags.begin)
    pictures = _pictures(recipe, flags, "training")
    held = held_batches(recipe, _pictures(recipe, flags, "validation"))
    train(training, pictures, held, limits, folder, flags.workers)


def _pictures(recipe: Recipe, flags: argparse.Namespace, part: Part) -> Any:
    return (
        recipe.renders(flags.data, flags.renders, part) if recipe.renders else load_pictures(flags.data, part)
    )


def _refused(folder: Path, resume: bool) -> UnderstudyError:
    return UnderstudyError(
        "There is no training to go on with." if resume else "There is a training already.",
        where=str(folder),
        remedy="Leave --resume out." if resume else "Give --resume, or another --folder.",
    )
