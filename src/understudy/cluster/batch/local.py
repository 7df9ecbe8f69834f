"""Jobs as processes of this machine: one for each accelerator at a time, or one where there is none."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Any

from understudy.cluster.batch.jobs import Job
from understudy.cluster.batch.process import Ended, Process
from understudy.device import core_count

Message = tuple[Job, Any]


class LocalMachine:
    """Runs up to ``at_a_time`` jobs beside each other, which share the cores; ``gpus`` are dealt out one by
    one."""

    def __init__(self, base: Path, at_a_time: int, gpus: int) -> None:
        self._base, self._most = base, at_a_time
        self._free = list(range(gpus))
        self._has: dict[str, list[int]] = {}
        self._processes: dict[str, Process] = {}
        self._messages: queue.Queue[Message] = queue.Queue()
        self._all = gpus

    def has_room(self, job: Job) -> bool:
        """Whether a job may begin beside those that run. One that wants more GPUs than there are has all."""
        return len(self._processes) < self._most and min(job.gpus, self._all) <= len(self._free)

    def start(self, job: Job) -> None:
        count = min(job.gpus or bool(self._free and self._most <= self._all), len(self._free))
        self._has[job.name], self._free = self._free[:count], self._free[count:]
        process = Process(job, self._base, self._env(job))
        self._processes[job.name] = process
        threading.Thread(target=self._follow, args=(job, process), daemon=True).start()

    def wait(self, seconds: float) -> list[Message]:
        """What jobs reported, or how they ended (``Ended``), as soon as there is anything."""
        found: list[Message] = []
        try:
            found.append(self._messages.get(timeout=seconds))
            while True:
                found.append(self._messages.get_nowait())
        except queue.Empty:
            pass
        for job, message in found:
            if isinstance(message, Ended):
                del self._processes[job.name]
                self._free = sorted({*self._free, *self._has.pop(job.name)})
        return found

    def stop(self) -> None:
        for process in self._processes.values():
            process.stop()

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()

    def _env(self, job: Job) -> dict[str, str]:
        env: dict[str, str] = {}
        if job.cores or self._most > 1:
            env["OMP_NUM_THREADS"] = str(job.cores or max(1, core_count() // self._most))
        if self._all:
            env["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, self._has[job.name]))
        return env

    def _follow(self, job: Job, process: Process) -> None:
        self._messages.put((job, process.run(lambda event: self._messages.put((job, event)))))
