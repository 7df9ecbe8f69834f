"""Several processes that train one network, and what they tell each other while they do.

Each works on its part of every batch. Torch's DistributedDataParallel sums the gradients while the way back
is still under way; one small exchange per step carries the loss, whether to stop, and new Total Steps, so
that all processes take every step alike. Weights begin as those of process 0, and stay the same in all.
"""

from __future__ import annotations

import contextlib
import datetime
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from understudy.device import is_out_of_memory
from understudy.errors import UnderstudyError
from understudy.network.effect import EffectNetwork
from understudy.training.learner import Learner, Share, no_memory
from understudy.training.lost import first_line, is_lost, is_of_connection
from understudy.training.meeting import LOOK_SECONDS, Meeting
from understudy.training.plan import Plan

ANSWER_SECONDS = 900.0
GRACE_SECONDS = 3.0
LEAVE_SECONDS = 5.0
AGREED = ("totals", "batch_size", "rate_factor", "joined", "judged", "turned")


class _Remainder(nn.Module):
    """What is wrapped: the heavy part of an EffectNetwork."""

    def __init__(self, network: EffectNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network.remainder(x)


class Company(Share):
    """Process ``rank`` of ``world``. ``store`` is where they find each other; ``gone`` says in words which
    process has ended, as far as that can be seen from here, or nothing."""

    def __init__(
        self,
        rank: int,
        world: int,
        store: dist.Store,
        device: torch.device,
        threads: int,
        gone: Callable[[], str] = lambda: "",
    ) -> None:
        self.rank, self.world, self.device, self.threads = rank, world, device, threads
        self.store, self.gone = store, gone
        self.meeting = Meeting(rank, store, gone)
        self._wrapped: nn.Module | None = None
        self._word = (False, 0, False)
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
        if not self.meeting.wait_for_others(self.world, stop, say):
            return False
        self.enter(job.learner, step)
        return True

    def enter(self, learner: Learner, step: int) -> int:
        """Connect, and begin with the weights of process 0; the step that they are of."""
        with self._to_the_end():
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if self._on_nccl() else "gloo",
                store=dist.PrefixStore(f"company/{self._times}", self.store),
                rank=self.rank,
                world_size=self.world,
                timeout=datetime.timedelta(seconds=ANSWER_SECONDS),
            )
            step, state = self.spread(step, learner.state())
            if self.rank:
                learner.load(state)
            self._wrapped = self._wrap(learner.network)
        return step

    def meet_again(self, learner: Learner, step: int) -> int:
        """After memory ran out in one of them, wherever in the step that was: part, connect anew, and go on
        with the plan and the weights of process 0, which are of ``step`` there. That step."""
        with self._to_the_end():
            self.store.set(self._sign_of_no_memory(), "")  # first: it tells the others why this one parts
            if self.device is not None and self.device.type == "cuda":
                abort()  # on a GPU others may wait for what never comes
            self._part()
            self._times += 1
            self.meeting.come_together(f"again/{self._times}", self.world)
            self._agree(learner.plan)
        return self.enter(learner, step)

    def _agree(self, plan: Plan) -> None:
        name = f"plan/{self._times}"
        if self.rank == 0:
            self.store.set(name, plan.model_dump_json())
            return
        agreed = Plan.model_validate_json(self.store.get(name))
        for field in AGREED:
            setattr(plan, field, getattr(agreed, field))

    def _sign_of_no_memory(self) -> str:
        return f"no memory/{self._times}"

    def _on_nccl(self) -> bool:
        """NCCL between GPUs, unless two processes share one, which it does not allow."""
        if self.device is None or self.device.type != "cuda" or not dist.is_nccl_available():
            return False
        identity = torch.cuda.get_device_properties(self.device)
        self.store.set(f"gpu/{self.rank}", f"{_host()} {getattr(identity, 'uuid', self.device.index)}")
        gpus = [self.store.get(f"gpu/{rank}") for rank in range(self.world)]
        return len(set(gpus)) == len(gpus)

    def _wrap(self, network: EffectNetwork) -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", FutureWarning
            )  # newer torch has another word for broadcast_buffers
            wrapped = nn.parallel.DistributedDataParallel(
                _Remainder(network),
                device_ids=[self.device] if self.device is not None and self.device.type == "cuda" else None,
                broadcast_buffers=False,
                gradient_as_bucket_view=True,
            )
        # A lambda: torch reads the annotations of a hook, and does not understand those that are text.
        wrapped.register_comm_hook(None, lambda _, bucket: _sum(bucket))
        return wrapped

    # -- each step -----------------------------------------------------------------------------------------

    def remainder(self, network: EffectNetwork, x: Tensor) -> Tensor:
        if self._wrapped is None:
            raise RuntimeError("join comes before the first step")
        answer: Tensor = self._wrapped(x)
        return answer

    def say(self, stop: bool, total: int, turn: bool) -> None:
        self._word = (stop, total, turn)

    def meet(self, loss: Tensor) -> Tensor:
        # float64 holds every number of steps exactly, and travels through the CPU, which waits for no GPU.
        values = torch.tensor([float(loss), *map(float, self._word)], dtype=torch.float64)
        dist.all_reduce(values)
        self.heard_stop, self.heard_total = bool(values[1] > 0), int(values[2])
        self.heard_turn = bool(values[3] > 0)
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
        """The block in which a process that is gone is a TrainingError; one that has parted because its
        memory ran out is a MemoryError here, too."""
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise
            if self._has_parted(error):
                raise MemoryError("Memory ran out in another process.") from error
            told = self._who_is_gone()
            if not told and not is_of_connection(error):
                raise
            raise is_lost(told or first_line(error)) from error

    def _has_parted(self, error: BaseException) -> bool:
        with contextlib.suppress(RuntimeError):  # where the store has gone with process 0
            return is_of_connection(error) and self.store.check([self._sign_of_no_memory()])
        return False

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
        except UnderstudyError as error:
            if self._times == 0 or error.exit_code == 1:
                raise
            raise is_lost(error.found) from error

    def _who_is_gone(self) -> str:
        """In words which process has ended; it may take a moment until that can be seen."""
        until = time.monotonic() + GRACE_SECONDS
        while not (told := self.gone()) and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        return told

    # -- the end -------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Part from the others. A connection that is broken does not hold this process up."""
        self.meeting.leave()
        self._part()

    def _part(self) -> None:
        self._wrapped = None
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


def _sum(bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
    """Gradients are summed, not averaged: each process has weighted its loss by its share of the batch."""
    work = dist.all_reduce(bucket.buffer(), async_op=True)
    return work.get_future().then(lambda done: done.value()[0])


def _destroy() -> None:
    with contextlib.suppress(Exception):
        dist.destroy_process_group()


def _host() -> str:
    import socket

    return socket.gethostname()
