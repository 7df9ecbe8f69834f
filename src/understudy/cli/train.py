"""understudy train"""

from __future__ import annotations

from understudy.cli.flags import settings_command
from understudy.cli.json_flag import JsonFlag
from understudy.cli.progress import training_progress
from understudy.runs.stop import StopFlag
from understudy.settings import TrainSettings


@settings_command(TrainSettings)
def command(settings: TrainSettings, *, json: JsonFlag = False) -> int:
    """Learn an effect from a few frames: plate and ground truth go in, a run with checkpoints comes out."""
    from understudy.training.train import train

    with StopFlag(ends_process=True) as stop, training_progress(json) as progress:
        result = train(settings, progress.report, stop=stop)
        # Processes other than the first have helped, and say nothing.
        return progress.ended(result.run) if result.rank == 0 else 0
