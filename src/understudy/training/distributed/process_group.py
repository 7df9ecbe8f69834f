"""Several processes that train one network, and what they tell each other while they do.

Each works on its part of every batch. Gradients are summed over all of them (``SummedNetwork``); one small
exchange per step carries the loss, whether to stop, and new Total Steps, so that all processes take every
step alike. Weights begin as those of process 0, and stay the same in all.
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
    """Process ``rank`` of ``world``. ``store`` is where they find each other. ``gone`` says in words which
    process has ended, as far as that can be seen from here, or nothing; None where something else than
    ``--devices`` has started them. ``run`` is the run's folder, once it is known."""

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
        self._recoveries = 0  # that they have met again

    # -- beginning -----------------------------------------------------------------------------------------

    def join(self, job: Any, path: Path, step: int, stop: Any, say: Callable[[str], None]) -> bool:
        """Tell the others what to do, wait until all are ready, and give them the weights. A batch that has
        fewer crops than there are processes needs only so many; the others leave."""
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
        """Connect, and begin with the weights of process 0; the step that they are of."""
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
        """After memory ran out in one of them, wherever in the step that was: go on with the plan and the
        weights of process 0, which are of ``step`` there. That step."""
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
        """The others wait for the gradients of this process, and for its word: zeros, and that its memory
        ran out."""
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
        """NCCL between GPUs, unless two processes share one, which it does not allow."""
        if self.device is None or self.device.type != "cuda" or not dist.is_nccl_available():
            return False
        identity = torch.cuda.get_device_properties(self.device)
        self.store.set(f"gpu/{self.rank}", f"{_host()} {getattr(identity, 'uuid', self.device.index)}")
        gpus = [self.store.get(f"gpu/{rank}") for rank in range(self.world_size)]
        return len(set(gpus)) == len(gpus)

    # -- each step -----------------------------------------------------------------------------------------

    def remainder(self, network: EffectNetwork, x: Tensor) -> Tensor:
        if self._data_parallel is None:
            raise RuntimeError("join comes before the first step")
        return self._data_parallel(x)

    def request(self, stop: bool, total: int, turn: bool) -> None:
        self._request = (stop, total, turn)

    def all_reduce(self, loss: Tensor) -> Tensor:
        return self._exchange(loss, out_of_memory=False)

    def _exchange(self, loss: Tensor, out_of_memory: bool) -> Tensor:
        """The sum of the losses, and what was said. MemoryError when memory ran out in one of them."""
        # float64 holds every number of steps exactly, and travels through the CPU, which waits for no GPU.
        words = [float(loss), *map(float, self._request), float(out_of_memory)]
        values = torch.tensor(words, dtype=torch.float64)
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
        """The block in which a process that is gone is a TrainingError. Memory that ran out, here or in
        another one, is what it is: ``recover`` goes on from there."""
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise
            told = self._find_ended_worker()
            if not told and not is_connection_error(error):
                raise
            self._broken = True
            raise lost_worker_error(
                told or self._find_lost_workers(error), self._recovery_advice()
            ) from error

    @contextlib.contextmanager
    def _without_recovery(self) -> Iterator[None]:
        """The block in which nothing can be done about memory that runs out, nor about one that is gone."""
        try:
            with self.detecting_lost_workers():
                yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise out_of_memory_error() from error

    def _find_ended_worker(self) -> str:
        """In words which process of this machine has ended; it may take a moment until that can be seen."""
        until = time.monotonic() + GRACE_SECONDS
        while self.find_ended and time.monotonic() < until:
            if told := self.find_ended():
                return told
            time.sleep(POLL_SECONDS)
        return ""

    def _find_lost_workers(self, error: BaseException) -> str:
        """In words with whom the connection is lost, as far as that can be found out from here."""
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
            # The store is that of process 0, but for torchrun's, which may be gone as well.
            self.rendezvous.lost = {0} if self.rank else set()
        lost = " and ".join(f"process {rank}" for rank in sorted(self.rendezvous.lost))
        return f"{lost or 'it is not known here which one'} ({why})"

    def _recovery_advice(self) -> str:
        """Only what is true: a process that writes nothing knows what is saved where it sees the run."""
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
        """Tell the others why this process ends, unless that is because another one is gone."""
        if self.rank == 0:
            self.rendezvous.refuse(error)
        elif isinstance(error, UnderstudyError) and not self._broken:
            self.rendezvous.report_error(error)

    def leave(self) -> None:
        """Part from the others. A connection that is broken does not hold this process up."""
        self.rendezvous.leave()
        self.liveness.end()
        self._data_parallel = None
        if not dist.is_initialized():
            return
        thread = threading.Thread(target=_destroy, name="leave", daemon=True)
        thread.start()
        thread.join(LEAVE_SECONDS)


def abort() -> None:
    """Wake this process up where it waits, on a GPU, for one that is gone."""
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
