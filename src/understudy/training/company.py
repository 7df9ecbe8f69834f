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
from understudy.training.learner import Learner, Share, no_memory
from understudy.training.lost import first_line, is_lost, is_of_connection
from understudy.training.meeting import LOOK_SECONDS, Meeting
from understudy.training.plan import Plan
from understudy.training.roll_call import RollCall
from understudy.training.summed import SummedNetwork

ANSWER_SECONDS = 900.0
GRACE_SECONDS = 3.0
LEAVE_SECONDS = 5.0
AGREED = ("totals", "batch_size", "rate_factor", "joined", "judged", "turned")


class Company(Share):
    """Process ``rank`` of ``world``. ``store`` is where they find each other. ``gone`` says in words which
    process has ended, as far as that can be seen from here, or nothing; None where something else than
    ``--devices`` has started them. ``run`` is the run's folder, once it is known."""

    def __init__(
        self,
        rank: int,
        world: int,
        store: dist.Store,
        device: torch.device | None,
        threads: int,
        gone: Callable[[], str] | None = None,
    ) -> None:
        self.rank, self.world, self.device, self.threads = rank, world, device, threads
        self.store, self.gone = store, gone
        self.meeting = Meeting(rank, store, gone or (lambda: ""))
        self.roll_call = RollCall(rank, store)
        self.run: Path | None = None
        self._broken = False
        self._summed: SummedNetwork | None = None
        self._word = (False, 0, False)
        self._heard_no_memory = False
        self._times = 0  # that they have met again

    # -- beginning -----------------------------------------------------------------------------------------

    def join(self, job: Any, path: Path, step: int, stop: Any, say: Callable[[str], None]) -> bool:
        """Tell the others what to do, wait until all are ready, and give them the weights. A batch that has
        fewer crops than there are processes needs only so many; the others leave."""
        if job.plan.batch_size < self.world:
            self.world, came = job.plan.batch_size, self.world
            say(
                f"Batch size {self.world} is smaller than the number of processes: "
                f"{self.world} of {came} are used."
            )
        self.meeting.publish(
            settings=job.settings.anchored().model_dump(mode="json"),
            plan=job.plan.model_dump(mode="json"),
            digest=job.digest,
            architecture=job.learner.network.architecture.to_dict(),
            world=self.world,
            run=str(path),
        )
        self.run = path
        if not self.meeting.wait_for_others(self.world, stop, say):
            return False
        self.enter(job.learner, step)
        return True

    def enter(self, learner: Learner, step: int) -> int:
        """Connect, and begin with the weights of process 0; the step that they are of."""
        with self._to_the_end():
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if self._on_nccl() else "gloo",
                store=dist.PrefixStore("company", self.store),
                rank=self.rank,
                world_size=self.world,
                timeout=datetime.timedelta(seconds=ANSWER_SECONDS),
            )
            if self.gone is None and self.world > 2:
                self.roll_call.start()
            step, state = self.spread(step, learner.state())
            if self.rank:
                learner.load(state)
            self._sum_gradients_of(learner.network)
        return step

    def meet_again(self, learner: Learner, step: int) -> int:
        """After memory ran out in one of them, wherever in the step that was: go on with the plan and the
        weights of process 0, which are of ``step`` there. That step."""
        with self._to_the_end():
            if not self._heard_no_memory:
                self._end_step_with_nothing()
            if self._summed is not None:
                self._summed.let_go()
            self._summed = None
            self._agree(learner.plan)
            step, state = self.spread(step, learner.state())
            if self.rank:
                learner.load(state)
            self._sum_gradients_of(learner.network)
        return step

    def _sum_gradients_of(self, network: EffectNetwork) -> None:
        self._summed = SummedNetwork(network, self.device)
        self._heard_no_memory = False

    def _end_step_with_nothing(self) -> None:
        """The others wait for the gradients of this process, and for its word: zeros, and that its memory
        ran out."""
        if self._summed is None:
            raise RuntimeError("join comes before the first step")
        self._summed.end_step_with_nothing()
        with contextlib.suppress(MemoryError):
            self._exchange(torch.zeros(()), no_memory=True)

    def _agree(self, plan: Plan) -> None:
        self._times += 1
        name = f"plan/{self._times}"
        if self.rank == 0:
            self.store.set(name, plan.model_dump_json())
            return
        agreed = Plan.model_validate_json(self.store.get(name))
        for field in AGREED:
            setattr(plan, field, getattr(agreed, field))

    def _on_nccl(self) -> bool:
        """NCCL between GPUs, unless two processes share one, which it does not allow."""
        if self.device is None or self.device.type != "cuda" or not dist.is_nccl_available():
            return False
        identity = torch.cuda.get_device_properties(self.device)
        self.store.set(f"gpu/{self.rank}", f"{_host()} {getattr(identity, 'uuid', self.device.index)}")
        gpus = [self.store.get(f"gpu/{rank}") for rank in range(self.world)]
        return len(set(gpus)) == len(gpus)

    # -- each step -----------------------------------------------------------------------------------------

    def remainder(self, network: EffectNetwork, x: Tensor) -> Tensor:
        if self._summed is None:
            raise RuntimeError("join comes before the first step")
        return self._summed(x)

    def say(self, stop: bool, total: int, turn: bool) -> None:
        self._word = (stop, total, turn)

    def meet(self, loss: Tensor) -> Tensor:
        return self._exchange(loss, no_memory=False)

    def _exchange(self, loss: Tensor, no_memory: bool) -> Tensor:
        """The sum of the losses, and what was said. MemoryError when memory ran out in one of them."""
        # float64 holds every number of steps exactly, and travels through the CPU, which waits for no GPU.
        words = [float(loss), *map(float, self._word), float(no_memory)]
        values = torch.tensor(words, dtype=torch.float64)
        dist.all_reduce(values)
        self._heard_no_memory = bool(values[4] > 0)
        if self._summed is not None:
            self._summed.begin_step()
        self.heard_stop, self.heard_total = bool(values[1] > 0), int(values[2])
        self.heard_turn = bool(values[3] > 0)
        if self._heard_no_memory:
            raise MemoryError("Memory ran out in one of the processes.")
        return values[0]

    def spread(self, step: int, state: dict[str, Tensor]) -> tuple[int, dict[str, Tensor]]:
        with self._to_the_end():
            number = torch.tensor([step])
            dist.broadcast(number, 0)
            for name in sorted(state):
                dist.broadcast(state[name], 0)
        return int(number), state

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """The block in which a process that is gone is a TrainingError. Memory that ran out, here or in
        another one, is what it is: ``meet_again`` goes on from there."""
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise
            told = self._who_has_ended()
            if not told and not is_of_connection(error):
                raise
            self._broken = True
            raise is_lost(told or self._who_is_gone(error), self._how_to_go_on()) from error

    @contextlib.contextmanager
    def _to_the_end(self) -> Iterator[None]:
        """The block in which nothing can be done about memory that runs out, nor about one that is gone."""
        try:
            with self.together():
                yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise no_memory() from error

    def _who_has_ended(self) -> str:
        """In words which process of this machine has ended; it may take a moment until that can be seen."""
        until = time.monotonic() + GRACE_SECONDS
        while self.gone and time.monotonic() < until:
            if told := self.gone():
                return told
            time.sleep(LOOK_SECONDS)
        return ""

    def _who_is_gone(self, error: BaseException) -> str:
        """In words with whom the connection is lost, as far as that can be found out from here."""
        why = first_line(error)
        try:
            excuse = self.meeting.heard_excuse()
            if excuse is not None:
                return f"{excuse.where}: {' '.join(filter(None, (excuse.message, excuse.found)))}"
            if self.world == 2:
                self.meeting.lost = {1 - self.rank}
            else:
                self.meeting.lost = self.roll_call.missing(self.world)
        except RuntimeError:
            # The store is that of process 0, but for torchrun's, which may be gone as well.
            self.meeting.lost = {0} if self.rank else set()
        lost = " and ".join(f"process {rank}" for rank in sorted(self.meeting.lost))
        return f"{lost or 'it is not known here which one'} ({why})"

    def _how_to_go_on(self) -> str:
        """Only what is true: a process that writes nothing knows what is saved where it sees the run."""
        if self.rank == 0:
            fewer = ", on fewer --devices where one is gone for good" if self.gone else ""
            return f"Go on from the last whole step with understudy resume{fewer}."
        if self.run is None or not self.run.is_dir():
            return "understudy resume goes on from the last checkpoint, if process 0 has written one."
        if RunFolder(self.run).ost_path.is_file():
            return f"Go on from the last checkpoint with: understudy resume {self.run}"
        return f"There is no checkpoint yet. Begin again with: understudy resume {self.run}"

    # -- the end -------------------------------------------------------------------------------------------

    def tell(self, error: BaseException) -> None:
        """Tell the others why this process ends, unless that is because another one is gone."""
        if self.rank == 0:
            self.meeting.refuse(error)
        elif isinstance(error, UnderstudyError) and not self._broken:
            self.meeting.excuse(error)

    def leave(self) -> None:
        """Part from the others. A connection that is broken does not hold this process up."""
        self.meeting.leave()
        self.roll_call.end()
        self._summed = None
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
