"""A process that helps to train a network: it learns its part of every batch, writes nothing, says nothing.

``python -m understudy.training.worker FOLDER RANK WORLD DEVICE THREADS`` is started by ``understudy train``
and ends with it: its standard input closes when that process is gone, however it went.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

from understudy.errors import RunError, UnderstudyError


def work(company: Any, stop: Any = None) -> tuple[str, Path]:
    """Take part in the training that process 0 leads; how it ended (finished or stopped), and its run.

    ``finished`` too where there are fewer crops in a batch than processes, and this one is not needed.
    Raises what process 0 was refused for, UnderstudyError when this process cannot see the same frames,
    TrainingError when another one is lost, and Stopped when ``stop`` became true before the start.
    """
    from understudy.device import release_memory
    from understudy.training.clock import Clock
    from understudy.training.records import Records
    from understudy.training.session import Session

    word = company.meeting.hear(stop)
    path = Path(word["run"])
    if company.rank >= int(word["world"]):
        return "finished", path
    company.world, company.run = int(word["world"]), path
    try:
        job = _same_job(company, word)
    except UnderstudyError as error:
        company.meeting.excuse(error)
        raise
    if not company.meeting.report_ready(stop):
        return "stopped", path
    release_memory(job.learner.device)
    step = company.enter(job.learner, 0)
    session = Session(job, None, Clock(None, time.monotonic()), Records(), stop, company, step)
    return session.go().state, path


def _same_job(company: Any, word: dict[str, Any]) -> Any:
    """The job of process 0, from the frames as they are seen here."""
    from understudy.settings import NO_WEIGHTS, TrainSettings
    from understudy.training.plan import Plan
    from understudy.training.prepare import make_job

    settings = TrainSettings(**word["settings"]).replace(initial_weights=NO_WEIGHTS)
    job = make_job(settings, company, company.device, Plan(**word["plan"]))
    same = job.digest == word["digest"] and job.learner.network.architecture.to_dict() == word["architecture"]
    if not same:
        raise RunError(
            "A process sees other frames than process 0.",
            expected="the same plate and ground truth frames, under the same paths",
            found="frames with another content",
            remedy="Put them where every machine sees the same files.",
        )
    return job


def _end_with_parent(folder: str) -> None:
    """Leave at once when the process that started this one is gone, and clear up after it."""
    while os.read(0, 1):  # not sys.stdin: its lock would be held when this process ends by itself
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main(arguments: list[str]) -> int:
    """The process itself; its exit code."""
    folder, rank, world, device, threads = arguments
    threading.Thread(target=_end_with_parent, args=(folder,), name="parent", daemon=True).start()
    import torch
    import torch.distributed as dist

    from understudy.training.company import Company

    store = dist.FileStore(os.path.join(folder, "store"), -1)
    company = Company(int(rank), int(world), store, torch.device(device), int(threads), lambda: "")
    try:
        work(company)
    except UnderstudyError as error:
        print(error.text, file=sys.stderr, flush=True)
        return error.exit_code
    finally:
        company.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
