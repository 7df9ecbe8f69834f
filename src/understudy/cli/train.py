"""understudy train"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from understudy.cli.flags import settings_command
from understudy.cli.json_flag import JsonFlag
from understudy.cli.on_flag import On, ray_address
from understudy.cli.progress import training_progress
from understudy.runs.going_on import run_to_go_on_with
from understudy.runs.stop import StopFlag
from understudy.settings import TrainSettings

RESUME_HELP = (
    "Where the run of this name was begun already, with the same settings, go on with it: the same command "
    "may be given again, as a farm does."
)
ResumeFlag = Annotated[bool, Parameter(name="--resume", negative=(), help=RESUME_HELP, show_default=False)]


@settings_command(TrainSettings)
def command(
    settings: TrainSettings, *, on: On = None, resume: ResumeFlag = False, json: JsonFlag = False
) -> int:
    """Learn an effect from a few frames: plate and ground truth go in, a run with checkpoints comes out."""
    begun = run_to_go_on_with(settings) if resume else None
    if on is not None:
        return _on_ray(settings, on, begun is not None, json)
    from understudy.training.train import resume as go_on
    from understudy.training.train import train

    with StopFlag(ends_process=True) as stop, training_progress(json) as progress:
        if begun is None:
            result = train(settings, progress.report, stop=stop)
        else:
            result = go_on(begun, progress.report, stop=stop)
        # Processes other than the first have helped, and say nothing.
        return progress.ended(result.run) if result.rank == 0 else 0


def _on_ray(settings: TrainSettings, on: str, go_on: bool, json: bool) -> int:
    address = ray_address(on)
    from understudy.cluster.ray.training import train_on_ray

    with StopFlag(ends_process=True) as stop, training_progress(json) as progress:
        return progress.ended(train_on_ray(settings, progress.report_json, stop, address, go_on))
