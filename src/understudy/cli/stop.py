"""understudy stop"""

from __future__ import annotations

import time

from understudy.runs import RunFolder
from understudy.runs.presence import is_kept_open


def command(run: str, /, *, wait: bool = False) -> int:
    """Ask a run, on whatever machine it trains, to stop after its step and keep everything.

    Parameters
    ----------
    run:
        The folder of the run.
    wait:
        Come back only when it has stopped.
    """
    folder = RunFolder.open(run)
    if not folder.is_busy() and is_kept_open(folder):
        folder.request_stop()
        print(f"The process that keeps {folder.name} open for corrections ends.")
        while wait and is_kept_open(folder):
            time.sleep(0.2)
        return 0
    if not folder.is_busy():
        print(f"{folder.name} is not being trained: {folder.condition()}.")
        return 0
    folder.request_stop()
    print(f"{folder.name} stops after its step. To go on: understudy resume {run}")
    while wait and folder.is_busy():
        time.sleep(0.2)
    return 0
