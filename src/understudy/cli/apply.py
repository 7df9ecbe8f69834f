"""understudy apply"""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

from cyclopts import Parameter

from understudy.cli.flags import MAIN, settings_command
from understudy.cli.json_flag import JsonFlag
from understudy.cli.progress import apply_progress
from understudy.errors import SettingError
from understudy.runs.stop import StopFlag
from understudy.settings import ApplySettings

On = Annotated[
    str | None,
    Parameter(
        metavar="ray|ray://HOST:PORT",
        help="Make the frames on all nodes of a Ray cluster: the one that this machine belongs to, or the "
        "one at this address.",
        group=MAIN,
    ),
]


@settings_command(ApplySettings, positional=("model", "plate", "output"))
def command(settings: ApplySettings, *, on: On = None, json: JsonFlag = False) -> int:
    """Apply a trained network to a plate. Frames that are there already are kept: a stopped job goes on."""
    from understudy.inference.apply import apply

    with StopFlag(ends_process=True) as stop, apply_progress(json) as progress:
        result = apply(settings, progress.report, stop=stop, **_work(on))
        return progress.ended(result)


def _work(on: str | None) -> dict[str, Any]:
    """What makes the frames."""
    if on is None:
        return {}
    if not re.fullmatch(r"ray(://[^/:@\s]+:\d{1,5})?", on):
        raise SettingError("This is no cluster.", expected="ray, or ray://HOST:PORT", found=on, where="--on")
    from understudy.cluster.ray.apply import work_on_ray

    return {"work": partial(work_on_ray, address=None if on == "ray" else on)}
