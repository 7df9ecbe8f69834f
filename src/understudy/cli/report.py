"""understudy report"""

from __future__ import annotations

from understudy.cli.flags import settings_command
from understudy.cli.json_flag import JsonFlag
from understudy.cli.progress import ReportProgress
from understudy.runs.stop import StopFlag
from understudy.settings import ReportSettings


@settings_command(ReportSettings, positional=("run", "plate", "result"))
def command(settings: ReportSettings, *, json: JsonFlag = False) -> int:
    """A page on a result: risk and flicker of every frame, the worst beside the plate, a movie, the pairs.

    It needs no network and no server: open index.html in the folder. The same figures are in report.json.
    """
    from understudy.artist.report import report

    with StopFlag(ends_process=True) as stop, ReportProgress(json) as progress:
        made = report(settings, progress.report, stop)
        return progress.ended(made)
