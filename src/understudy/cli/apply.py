"""understudy apply"""

from __future__ import annotations

from functools import partial
from typing import Any

from understudy.cli.flags import settings_command
from understudy.cli.json_flag import JsonFlag
from understudy.cli.on_flag import On, ray_address
from understudy.cli.progress import apply_progress
from understudy.runs.stop import StopFlag
from understudy.settings import ApplySettings


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
    address = ray_address(on)
    from understudy.cluster.ray.apply import work_on_ray

    return {"work": partial(work_on_ray, address=address)}
