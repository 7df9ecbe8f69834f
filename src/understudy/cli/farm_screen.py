"""Progress of a task on a farm, in the form that the farm reads from its output."""

from __future__ import annotations

import os

from understudy.cli.screen import PlainScreen

VARIABLE = "UNDERSTUDY_FARM"
FORMS = {
    "openjd": ("openjd_progress: {part:.1f}", "openjd_status: {text}"),
    "deadline": ("Progress: {part:.1f}%", "Status: {text}"),
    "opencue": ("{part:.1f}% {text}",),
}
"""What each farm reads. A frame of OpenCue shows the last line of its log, and there is nothing else."""
SIGNALS = ("Ctrl-C", "SIGTERM", "SIGHUP")


def farm() -> str:
    """The farm that this process is a task of, "" where it is none."""
    name = os.environ.get(VARIABLE, "")
    return name if name in FORMS else ""


class FarmScreen(PlainScreen):
    """Lines as in a log, and beside them those that the farm reads."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._forms = FORMS[name]

    def tell(self, done: int, total: int, text: str) -> None:
        super().tell(done, total, text)
        part = 100.0 * min(max(done / total, 0.0), 1.0) if total else 0.0
        for form in self._forms:
            self._print(form.format(part=part, text=" ".join(text.split())))


def interrupted(reason: str) -> bool:
    """Whether work that was stopped, for ``reason``, was stopped by the farm: then the task is not done, and
    must not count as done."""
    return bool(farm()) and reason in SIGNALS


def say_failed(reason: str) -> None:
    """Tell the farm that its task has failed, where it reads that; the exit code tells them all."""
    if farm() == "openjd":
        print(f"openjd_fail: {' '.join(reason.split())}", flush=True)
