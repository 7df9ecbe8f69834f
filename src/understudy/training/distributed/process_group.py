"""The process group: several processes that train one network together.

Each process works on its shard of every batch. ``DataParallelNetwork`` sums the gradients over all processes;
one small all-reduce per step carries the loss, stop requests and new Total Steps, so that all processes take
the same steps. All start with the weights of process 0.
"""

from __future__ import annotations

import contextlib
import datetime
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from understudy.dataset.crops import Batch
from understudy.device import is_out_of_memory
from understudy.errors import UnderstudyError
from understudy.network.effect import EffectNetwork
from understudy.runs import RunFolder
from understudy.training.distributed.data_parallel import DataParallelNetwork
from understudy.training.distributed.liveness import LivenessCheck
from understudy.training.distributed.lost_worker import first_line, is_connection_error, lost_worker_error
from understudy.training.distributed.rendezvous import POLL_SECONDS, Rendezvous
from understudy.training.distributed.shard import Shard
from understudy.training.learner import Learner, out_of_memory_error
from understudy.training.plan import Plan

ANSWER_SECONDS = 900.0
GRACE_SECONDS = 3.0
LEAVE_SECONDS = 5.0
SHARED_PLAN_FIELDS = ("totals", "batch_size", "rate_factor", "joined", "judged", "turned")


class ProcessGroup(Shard):
    """Process ``rank`` of ``world_size``. ``store`` is the store of the rendezvous. ``find_ended`` describes
    a process of this machine that has ended ("" while all run); None where the processes were not started by
    ``--devices``. ``run`` is the run's folder, once it is known."""

    def __init__(
        self,
        rank: int,
        world_size: int,
        store: dist.Store,
        device: torch.device | None,
        threads: int,
        find_ended: Callable[[], str] | None = None,
    ) -> None:
        self.rank, self.world_size, self.device, self.threads = rank, world_size, device, threads
        self.store, self.find_ended = store, find_ended
        self.rendezvous = Rendezvous(rank, store, find_ended or (lambda: ""))
        self.liveness = LivenessCheck(rank, store)
        self.run: Path | None = None
        self._broken = False
        self._data_parallel: DataParallelNetwork | None = None
        self._request = (False, 0, False)
        self._received_out_of_memory = False
        self._recoveries = 0

    # -- beginning -----------------------------------------------------------------------------------------

    def join(self, job: Any, path: Path, step: int, stop: Any, say: Callable[[str], None]) -> bool:
        """Publish the job, wait until all workers are ready, and broadcast the weights. With fewer crops in a
        batch than processes, only as many processes take part as there are crops; the others leave."""
        if job.plan.batch_size < self.world_size:
            self.world_size, came = job.plan.batch_size, self.world_size
            say(
                f"Batch size {self.world_size} is smaller than the number of processes: "
                f"{self.world_size} of {came} are used."
            )
        self.rendezvous.publish(
            settings=job.settings.anchored().as_json(),
            plan=job.plan.model_dump(mode="json"),
            digest=job.digest,
            architecture=job.learner.network.architecture.to_dict(),
            world_size=self.world_size,
            run=str(path),
        )
        self.run = path
        if not self.rendezvous.wait_for_workers(self.world_size, stop, say):
            return False
        self.connect(job.learner, step)
        return True

    def connect(self, learner: Learner, step: int) -> int:
        """Initialise torch's process group and take over the weights of process 0; returns their step."""
        with self._without_recovery():
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if self._on_nccl() else "gloo",
                store=dist.PrefixStore("process_group", self.store),
                rank=self.rank,
                world_size=self.world_size,
                timeout=datetime.timedelta(seconds=ANSWER_SECONDS),
            )
            if self.find_ended is None and self.world_size > 2:
                self.liveness.start()
            step, state = self.broadcast(step, learner.state())
            if self.rank:
                learner.load(state)
            self._wrap(learner.network)
        return step

    def recover(self, learner: Learner, step: int) -> int:
        """Recover after any process ran out of memory, at whatever point of its step: all take over the plan
        and the weights of process 0, which stands at ``step``. Returns that step."""
        with self._without_recovery():
            if not self._received_out_of_memory:
                self._end_failed_step()
            if self._data_parallel is not None:
                self._data_parallel.remove_hooks()
            self._data_parallel = None
            self._share_plan(learner.plan)
            step, state = self.broadcast(step, learner.state())
            if self.rank:
                learner.load(state)
            self._wrap(learner.network)
        return step

    def _wrap(self, network: EffectNetwork) -> None:
        self._data_parallel = DataParallelNetwork(network, self.device)
        self._received_out_of_memory = False

    def _end_failed_step(self) -> None:
        """The others still wait for this process's gradients and its all-reduce: send zeros, and that memory
        ran out here."""
        if self._data_parallel is None:
            raise RuntimeError("join comes before the first step")
        self._data_parallel.end_failed_step()
        with contextlib.suppress(MemoryError):
            self._exchange(torch.zeros(()), out_of_memory=True)

    def _share_plan(self, plan: Plan) -> None:
        self._recoveries += 1
        name = f"plan/{self._recoveries}"
        if self.rank == 0:
            self.store.set(name, plan.model_dump_json())
            return
        agreed = Plan.model_validate_json(self.store.get(name))
        for field in SHARED_PLAN_FIELDS:
            setattr(plan, field, getattr(agreed, field))

    def _on_nccl(self) -> bool:
        """Whether to use NCCL: between GPUs, unless two processes share one, which NCCL does not allow."""
        if self.device is None or self.device.type != "cuda" or not dist.is_nccl_available():
            return False
        identity = torch.cuda.get_device_properties(self.device)
        self.store.set(f"gpu/{self.rank}", f"{_host()} {getattr(identity, 'uuid', self.device.index)}")
        gpus = [self.store.get(f"gpu/{rank}") for rank in range(self.world_size)]
        return len(set(gpus)) == len(gpus)

    # -- each step -----------------------------------------------------------------------------------------

    def answer(self, network: EffectNetwork, batch: Batch) -> Tensor:
        if self._data_parallel is None:
            raise RuntimeError("join comes before the first step")
        return self._data_parallel(*batch.seen)

    def request(self, stop: bool, total: int, turn: bool) -> None:
        self._request = (stop, total, turn)

    def all_reduce(self, loss: Tensor) -> Tensor:
        return self._exchange(loss, out_of_memory=False)

    def _exchange(self, loss: Tensor, out_of_memory: bool) -> Tensor:
        """All-reduce the loss and the requests. MemoryError when a process reported that its memory ran
        out."""
        # float64 holds every number of steps exactly; a CPU tensor needs no wait for a GPU.
        numbers = [float(loss), *map(float, self._request), float(out_of_memory)]
        values = torch.tensor(numbers, dtype=torch.float64)
        dist.all_reduce(values)
        self._received_out_of_memory = bool(values[4] > 0)
        if self._data_parallel is not None:
            self._data_parallel.begin_step()
        self.received_stop, self.received_total = bool(values[1] > 0), int(values[2])
        self.received_turn = bool(values[3] > 0)
        if self._received_out_of_memory:
            raise MemoryError("Memory ran out in one of the processes.")
        return values[0]

    def broadcast(self, step: int, state: dict[str, Tensor]) -> tuple[int, dict[str, Tensor]]:
        with self._without_recovery():
            number = torch.tensor([step])
            dist.broadcast(number, 0)
            for name in sorted(state):
                dist.broadcast(state[name], 0)
        return int(number), state

    @contextlib.contextmanager
    def detecting_lost_workers(self) -> Iterator[None]:
        """The block in which the loss of a process is raised as TrainingError. Out-of-memory errors, of this
        process or another one, pass through: ``recover`` handles them."""
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise
            ended = self._find_ended_worker()
            if not ended and not is_connection_error(error):
                raise
            self._broken = True
            raise lost_worker_error(
                ended or self._find_lost_workers(error), self._recovery_advice()
            ) from error

    @contextlib.contextmanager
    def _without_recovery(self) -> Iterator[None]:
        """The block in which running out of memory, too, is raised as TrainingError."""
        try:
            with self.detecting_lost_workers():
                yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise out_of_memory_error() from error

    def _find_ended_worker(self) -> str:
        """Describe the process of this machine that has ended; "" when none has within ``GRACE_SECONDS``."""
        until = time.monotonic() + GRACE_SECONDS
        while self.find_ended and time.monotonic() < until:
            if ended := self.find_ended():
                return ended
            time.sleep(POLL_SECONDS)
        return ""

    def _find_lost_workers(self, error: BaseException) -> str:
        """Name the processes that were lost, as far as this process can tell, and why."""
        why = first_line(error)
        try:
            reported = self.rendezvous.received_error()
            if reported is not None:
                return f"{reported.where}: {' '.join(filter(None, (reported.message, reported.found)))}"
            if self.world_size == 2:
                self.rendezvous.lost = {1 - self.rank}
            else:
                self.rendezvous.lost = self.liveness.missing(self.world_size)
        except RuntimeError:
            # Process 0 holds the store, unless torchrun does, which may have ended as well.
            self.rendezvous.lost = {0} if self.rank else set()
        lost = " and ".join(f"process {rank}" for rank in sorted(self.rendezvous.lost))
        return f"{lost or 'it is not known here which one'} ({why})"

    def _recovery_advice(self) -> str:
        """How to continue. Workers only promise a checkpoint that they can see in the run's folder."""
        if self.rank == 0:
            fewer = ", on fewer --devices where one is gone for good" if self.find_ended else ""
            return f"Go on from the last whole step with understudy resume{fewer}."
        if self.run is None or not self.run.is_dir():
            return "understudy resume goes on from the last checkpoint, if process 0 has written one."
        if RunFolder(self.run).ost_path.is_file():
            return f"Go on from the last checkpoint with: understudy resume {self.run}"
        return f"There is no checkpoint yet. Begin again with: understudy resume {self.run}"

    # -- the end -------------------------------------------------------------------------------------------

    def report_error(self, error: BaseException) -> None:
        """Tell the others why this process ends, unless it ends because another one was lost."""
        if self.rank == 0:
            self.rendezvous.refuse(error)
        elif isinstance(error, UnderstudyError) and not self._broken:
            self.rendezvous.report_error(error)

    def leave(self) -> None:
        """Leave the group. A broken connection does not block for longer than ``LEAVE_SECONDS``."""
        self.rendezvous.leave()
        self.liveness.end()
        self._data_parallel = None
        if not dist.is_initialized():
            return
        thread = threading.Thread(target=_destroy, name="leave", daemon=True)
        thread.start()
        thread.join(LEAVE_SECONDS)


def abort() -> None:
    """Abort NCCL operations that wait for a lost process."""
    stop = getattr(dist.distributed_c10d, "_abort_process_group", None)
    if stop is not None and dist.is_initialized():
        with contextlib.suppress(Exception):
            stop()


def _destroy() -> None:
    with contextlib.suppress(Exception):
        dist.destroy_process_group()


def _host() -> str:
    import socket

    return socket.gethostname()
