"""understudy resume"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

from understudy.cli.flags import flag
from understudy.cli.json_flag import JsonFlag
from understudy.cli.progress import training_progress
from understudy.runs import RunFolder
from understudy.runs.asked import settings_of_run
from understudy.runs.stop import StopFlag
from understudy.settings import TrainSettings, settings_of

CHANGEABLE = {
    "epochs": "Go on until each pair has been looked at so often, from the first step on.",
    "max_steps": "Go on until this many steps, from the first one on.",
    "time_limit": "Go on for this time, counted from the start of the program.",
    "devices": "Compute on these, not on those that the run has had: auto, cpu, cuda:1, mps, 0,1,2 or cpu:2.",
}
"""What a run that goes on may be given anew, and what that means then."""


def command(run: str, /, *, json: JsonFlag = False, **changes: Any) -> int:
    """Go on exactly where a run stopped. A finished run needs more epochs, steps or time to go on.

    Parameters
    ----------
    run:
        The folder of the run.
    """
    folder = RunFolder.open(run)
    given = _checked(folder, changes)
    from understudy.training.train import resume

    with StopFlag(ends_process=True) as stop, training_progress(json) as progress:
        result = resume(folder, progress.report, stop=stop, **given)
        return progress.ended(folder) if result.rank == 0 else 0


def _checked(run: RunFolder, changes: dict[str, Any]) -> dict[str, Any]:
    """The flags that were given, as values that fit the settings of the run."""
    given = {name: value for name, value in changes.items() if value is not None}
    checked = settings_of_run(run).replace(**given).flat() if given else {}
    return {name: checked[name] for name in given}


def _signature() -> inspect.Signature:
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "changes"]
    infos = {info.name: info for info in settings_of(TrainSettings)}
    flags = [
        flag(replace(infos[name], help=words, default=None, advanced=False))
        for name, words in CHANGEABLE.items()
    ]
    return inspect.Signature([own[0], *flags, *own[1:]])


command.__signature__ = _signature()  # type: ignore[attr-defined]
