"""A worker: it trains on its shard of every batch, writes no files and prints nothing.

``python -m understudy.training.distributed.worker FOLDER RANK WORLD DEVICE THREADS`` is started by
``understudy train`` and ends with it: its standard input closes when that process ends.
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


def work(process_group: Any, stop: Any = None) -> tuple[str, Path]:
    """Take part in the training that process 0 leads. Returns how it ended (finished or stopped) and its run;
    finished, too, when a batch has fewer crops than there are processes and this one is not needed.

    Raises the error that process 0 was refused with, UnderstudyError when this process does not see the same
    frames, TrainingError when another process is lost, and Stopped when ``stop`` became true before the
    start.
    """
    from understudy.device import release_memory
    from understudy.training.clock import Clock
    from understudy.training.loop import TrainingLoop
    from understudy.training.run_logger import Logger

    published = process_group.rendezvous.receive_job(stop)
    path = Path(published["run"])
    if process_group.rank >= int(published["world_size"]):
        return "finished", path
    process_group.world_size, process_group.run = int(published["world_size"]), path
    try:
        job = _same_job(process_group, published)
    except UnderstudyError as error:
        process_group.rendezvous.report_error(error)
        raise
    if not process_group.rendezvous.report_ready(stop):
        return "stopped", path
    release_memory(job.learner.device)
    step = process_group.connect(job.learner, 0)
    loop = TrainingLoop(job, None, Clock(None, time.monotonic()), Logger(), stop, process_group, step)
    return loop.go().state, path


def _same_job(process_group: Any, published: dict[str, Any]) -> Any:
    """The job of process 0, made from the frames that this process sees."""
    from understudy.settings import NO_WEIGHTS, TrainSettings
    from understudy.training.plan import Plan
    from understudy.training.prepare import make_job

    settings = TrainSettings(**published["settings"]).replace(initial_weights=NO_WEIGHTS)
    job = make_job(settings, process_group, process_group.device, Plan(**published["plan"]))
    architecture = job.learner.network.architecture.to_dict()
    if job.digest != published["digest"] or architecture != published["architecture"]:
        raise RunError(
            "A process sees other frames than process 0.",
            expected="the same plate and ground truth frames, under the same paths",
            found="frames with another content",
            remedy="Put them where every machine sees the same files.",
        )
    return job


def _end_with_parent(folder: str) -> None:
    """Exit at once when the parent process has ended, and remove its temporary folder."""
    while os.read(0, 1):  # not sys.stdin: its lock would be held when this process ends by itself
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main(arguments: list[str]) -> int:
    """Run the worker process; returns its exit code."""
    folder, rank, world_size, device, threads = arguments
    threading.Thread(target=_end_with_parent, args=(folder,), name="parent", daemon=True).start()
    import torch
    import torch.distributed as dist

    from understudy.training.distributed.process_group import ProcessGroup

    store = dist.FileStore(os.path.join(folder, "store"), -1)
    process_group = ProcessGroup(
        int(rank), int(world_size), store, torch.device(device), int(threads), lambda: ""
    )
    try:
        work(process_group)
    except UnderstudyError as error:
        print(error.text, file=sys.stderr, flush=True)
        return error.exit_code
    finally:
        process_group.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
