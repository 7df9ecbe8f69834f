"""understudy runs"""

from __future__ import annotations

import json as json_module
from typing import Literal

from understudy.cli.json_flag import JsonFlag
from understudy.cli.text import columns, duration_text, number_text, size_text
from understudy.errors import RunError, SettingError
from understudy.runs import RunFolder, list_runs

HEAD = ("Name", "State", "Step", "Loss", "Best held-out", "Steps/s", "Time left", "Model", "Pairs", "Size")


def command(
    data_directory: str,
    action: Literal["list", "rename", "delete"] = "list",
    /,
    *names: str,
    json: JsonFlag = False,
) -> int:
    """List, rename or delete the runs of a data directory.

    Parameters
    ----------
    data_directory:
        The folder that was --data-directory when training.
    action:
        list; rename OLD NEW; delete NAME, one or more.
    names:
        The runs that are meant.
    """
    runs = list_runs(data_directory)
    if action == "rename":
        return _rename(runs, names, data_directory)
    if action == "delete":
        return _delete(runs, names, data_directory)
    chosen = [_find(runs, name, data_directory) for name in names] or runs
    print(_as_json(chosen) if json else _table(chosen) if chosen else f"No runs in {data_directory}.")
    return 0


def _find(runs: list[RunFolder], name: str, directory: str) -> RunFolder:
    for run in runs:
        if run.name == name:
            return run
    raise RunError(
        f"There is no run called {name}.",
        expected=", ".join(run.name for run in runs[:10]) or "the name of a run",
        where=directory,
        remedy=f"understudy runs {directory} lists them.",
    )


def _rename(runs: list[RunFolder], names: tuple[str, ...], directory: str) -> int:
    if len(names) != 2:
        raise _misuse("two names, the old and the new", names, f"understudy runs {directory} rename OLD NEW")
    run = _find(runs, names[0], directory)
    run.rename(names[1])
    print(f"{names[0]} is now called {run.name}.")
    return 0


def _delete(runs: list[RunFolder], names: tuple[str, ...], directory: str) -> int:
    if not names:
        raise _misuse("the names of the runs to delete", names, f"understudy runs {directory} delete NAME")
    chosen = [_find(runs, name, directory) for name in dict.fromkeys(names)]
    for run in chosen:  # all are checked before the first is touched
        run.refuse_when_busy("deleted")
    for run in chosen:
        freed = run.delete()
        left = "; files that are not the run's own stay in its folder" if run.path.exists() else ""
        print(f"Deleted {run.name}: {size_text(freed)} freed{left}.")
    return 0


def _misuse(expected: str, names: tuple[str, ...], remedy: str) -> SettingError:
    found = " ".join(names) or "none"
    return SettingError("The names do not fit the action.", expected=expected, found=found, remedy=remedy)


def _table(runs: list[RunFolder]) -> str:
    return columns([HEAD, *[_row(run) for run in runs]])


def _row(run: RunFolder) -> tuple[str, ...]:
    state, busy = run.read_state(), run.is_busy()
    best = state.best_held_out
    return (
        run.name,
        run.condition(),
        f"{state.step}/{state.total}" if state.total else str(state.step),
        number_text(state.loss),
        f"{number_text(best.value)} {best.metric} at {best.step}" if best else "-",
        number_text(state.steps_per_second, 3) if busy else "-",
        duration_text(state.time_left) if busy and state.time_left is not None else "-",
        state.model_size or "-",
        str(state.pairs or "-"),
        size_text(run.size()),
    )


def _as_json(runs: list[RunFolder]) -> str:
    return "\n".join(json_module.dumps(_values(run), ensure_ascii=False) for run in runs)


def _values(run: RunFolder) -> dict[str, object]:
    state = run.read_state().model_dump(mode="json")
    return {
        "name": run.name,
        "path": str(run.path),
        "condition": run.condition(),
        "size": run.size(),
        **state,
    }
