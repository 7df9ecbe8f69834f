"""The worker processes that this process starts with ``--devices``."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import torch

from understudy.version import SOURCE

LEAVE_SECONDS = 5.0
ABORT_SECONDS = 10.0


class WorkerProcesses:
    """Workers 1 to N - 1, one for each further device. Their standard input closes when this process ends,
    and that ends them."""

    def __init__(self, folder: Path, devices: list[torch.device], threads: int) -> None:
        self.folder, self.devices = folder, devices
        self._ending = False
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            for rank in range(1, len(devices)):
                self._processes.append(self._start(rank, threads))
        except BaseException:
            self.end()
            raise
        if devices[0].type == "cuda":
            threading.Thread(target=self._watch, name="workers", daemon=True).start()

    def _start(self, rank: int, threads: int) -> subprocess.Popen[bytes]:
        place = (self.folder, rank, len(self.devices), self.devices[rank], threads)
        arguments = [str(each) for each in place]
        source = str(SOURCE)
        paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
        with self._log(rank).open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "understudy.training.distributed.worker", *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={
                    "TORCH_CPP_LOG_LEVEL": "ERROR",
                    **os.environ,
                    "OMP_NUM_THREADS": str(threads),
                    "PYTHONPATH": os.pathsep.join(paths),
                },
                start_new_session=True,  # Ctrl-C is for process 0, which stops all of them after their step
            )

    def _log(self, rank: int) -> Path:
        return self.folder / f"process-{rank}.log"

    def find_ended(self) -> str:
        """Describe the worker that has ended, with the last lines of its log; "" while all run."""
        for rank, process in enumerate(self._processes, 1):
            code = process.poll()
            if code is not None:
                how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
                return f"process {rank} on {self.devices[rank]} {how}{self._last_lines(rank)}"
        return ""

    def _last_lines(self, rank: int) -> str:
        with contextlib.suppress(OSError):
            lines = self._log(rank).read_text(errors="replace").strip().splitlines()
            return f": {' '.join(line.strip() for line in lines[-5:])[-500:]}" if lines else ""
        return ""

    def _watch(self) -> None:
        """Abort the process group when a worker is lost: NCCL would wait for it for ever."""
        from understudy.training.distributed.process_group import abort

        while not self._ending and all(process.poll() in (None, 0) for process in self._processes):
            time.sleep(1.0)
        time.sleep(ABORT_SECONDS)
        if not self._ending:
            abort()

    def end(self) -> None:
        """Let the workers leave; kill those that do not within ``LEAVE_SECONDS``."""
        self._ending = True
        for process in self._processes:
            with contextlib.suppress(OSError):
                if process.stdin:
                    process.stdin.close()
        until = time.monotonic() + LEAVE_SECONDS
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, until - time.monotonic()))
            if process.poll() is None:
                process.kill()
                process.wait()
