"""What the benchmarks over cases share: their common flags, and one case after the other, come what may."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from few_shot_case import find_cases
from rich.console import Console
from rich.table import Table

from understudy.errors import UnderstudyError
from understudy.runs.files import write_atomically

Row = TypeVar("Row")


def case_parser(doc: str | None) -> argparse.ArgumentParser:
    """A parser with the flags that all of them have; ``doc`` is the docstring of the benchmark."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    add = parser.add_argument
    add("--cases", type=Path, required=True, help="the folder that holds the cases, or one case")
    add("--time-limit", help="for each training, from the start of its process (60s unless --steps is given)")
    add("--only", nargs="+", default=[], metavar="NAME", help="these cases only")
    add("--seed", type=int, default=0)
    add("--model-size", choices=("auto", "small", "medium", "large"))
    add("--steps", type=int, help="train for so many steps")
    add("--json", type=Path, metavar="FILE", help="write all figures there")
    add("--keep", type=Path, metavar="DIR", help="keep runs and learned frames there")
    return parser


def read_options(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; ``more`` is what stands behind two hyphens, for ``understudy train``."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    own, more = (given[: given.index("--")], given[given.index("--") + 1 :]) if "--" in given else (given, [])
    options = parser.parse_args(own)
    options.more = more
    if not options.time_limit and not options.steps:
        options.time_limit = "60s"
    return options


def run_cases(
    options: argparse.Namespace,
    run_case: Callable[[Path, Console], Row],
    one_line: Callable[[str, Row], str],
    as_table: Callable[[dict[str, Row]], Table],
    as_json: Callable[[dict[str, Row], dict[str, str]], str],
    width: int = 140,
) -> int:
    """Measure every case; rows and failures go by the names of their folders. Print a line for each
    and a table of all, and write the figures; the exit code.
    ``width``: of a log, which has no width that the table would have to fit into."""
    console = Console()
    if not console.is_terminal:
        console.width = width
    rows: dict[str, Row] = {}
    failed: dict[str, str] = {}
    try:
        folders = find_cases(options.cases, options.only)
    except UnderstudyError as error:
        console.print(f"Error: {error}", markup=False)
        return error.exit_code
    for folder in folders:
        try:
            rows[folder.name] = run_case(folder, console)
            console.print(one_line(folder.name, rows[folder.name]), highlight=False)
        except UnderstudyError as error:
            failed[folder.name] = str(error)
            console.print(f"{folder.name}: {error}", markup=False)
    if rows:
        console.print(as_table(rows))
    if options.json:
        write_atomically(options.json, as_json(rows, failed).encode())
    return 1 if failed else 0
