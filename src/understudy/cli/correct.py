"""understudy correct"""

from __future__ import annotations

from understudy.cli.flags import settings_command
from understudy.cli.json_flag import JsonFlag
from understudy.cli.progress import training_progress
from understudy.runs.stop import StopFlag
from understudy.settings import CorrectSettings


@settings_command(CorrectSettings, positional=("run",))
def command(settings: CorrectSettings, *, json: JsonFlag = False) -> int:
    """Put right what a run makes wrong. It goes on from what it knows, and keeps what was right."""
    from understudy.artist.correct import correct

    with StopFlag(ends_process=True) as stop, training_progress(json) as progress:
        result = correct(settings, progress.report, stop=stop)
        return progress.ended(result.run, update=True)
