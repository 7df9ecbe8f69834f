"""What is said of a job for a farm."""

from __future__ import annotations

from collections.abc import Callable

from understudy.cli.progress import Progress
from understudy.cluster.farm.send import SentJob


def told(send: Callable[[], SentJob], as_json: bool) -> int:
    """Do it, and say what was written, what to mind, and how it is handed over."""
    with Progress(as_json) as progress:
        job = send()
        progress.report(job)
        for line in _lines(job):
            progress.screen.say(line)
    return 0


def _lines(job: SentJob) -> list[str]:
    tasks = "1 task" if job.tasks == 1 else f"{job.tasks} tasks"
    lines = [f"{job.name}: {tasks}, in {job.folder}", *(f"  {note}" for note in job.notes)]
    if job.submitted is not None:
        ids = " ".join(filter(None, job.submitted))
        return [*lines, f"The farm has it{': ' + ids if ids else ''}."]
    return [*lines, "To hand it over:", *(f"  {line}" for line in job.by_hand)]
