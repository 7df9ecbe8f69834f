"""Several processes that train one network, and what they tell each other.

Each works on its part of every batch. Torch's DistributedDataParallel sums the gradients while the way back
is still under way; one small exchange per step carries the loss, whether to stop, and new Total Steps, so
that all processes take every step alike. Weights begin as those of process 0, and stay the same in all.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
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
from understudy.errors import TrainingError, UnderstudyError
from understudy.network.effect import EffectNetwork
from understudy.training.learner import Share, no_memory

JOIN_SECONDS = 900.0
ANSWER_SECONDS = 900.0
SAY_AFTER_SECONDS = 5.0
LOOK_SECONDS = 0.05
GRACE_SECONDS = 3.0
LEAVE_SECONDS = 5.0


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
        self._wrapped: nn.Module | None = None
        self._word = (False, 0, False)
        self._published = self._went = False

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
        self._publish(
            settings=job.settings.anchored().model_dump(mode="json"),
            plan=job.plan.model_dump(mode="json"),
            digest=job.digest,
            architecture=job.learner.network.architecture.to_dict(),
            world=self.world,
            run=str(path),
        )
        if not self._wait_for_others(stop, say):
            return False
        self._went = True
        self.store.set("go", "yes")
        self.enter(job.learner, step)
        return True

    def _publish(self, **word: Any) -> None:
        self._published = True
        self.store.set("job", json.dumps(word))

    def _wait_for_others(self, stop: Any, say: Callable[[str], None]) -> bool:
        """Whether all are ready; no when a stop was asked for first."""
        began, said = time.monotonic(), False
        waiting = set(range(1, self.world))
        while waiting:
            waiting = {rank for rank in waiting if not self._is_ready(rank)}
            waited = time.monotonic() - began
            if waiting and stop:
                return False
            told = self.gone()
            if told or waited > JOIN_SECONDS:
                raise did_not_join(told or f"process {min(waiting)} did not come in {waited:.0f} s")
            if waiting and not said and waited > SAY_AFTER_SECONDS:
                said = True
                say(f"Waiting for {len(waiting)} of {self.world} processes to join.")
            time.sleep(LOOK_SECONDS if waiting else 0)
        return True

    def _is_ready(self, rank: int) -> bool:
        if self.store.check([f"excuse/{rank}"]):
            raise did_not_join(f"process {rank}: {self.store.get(f'excuse/{rank}').decode()}")
        return bool(self.store.check([f"ready/{rank}"]))

    def hear(self, stop: Any) -> dict[str, Any]:
        """What process 0 wants done. The same refusal as there, when it was refused there."""
        word: dict[str, Any] = json.loads(self._wait_for_word("job", stop))
        if "refused" in word:
            raise UnderstudyError(str(word["refused"]))
        return word

    def _wait_for_word(self, name: str, stop: Any) -> bytes:
        """Asked for again and again, so that a signal is heard meanwhile, and a lost process 0 noticed."""
        until = time.monotonic() + JOIN_SECONDS
        try:
            while not self.store.check([name]):
                if stop or time.monotonic() > until:
                    raise did_not_join("a request to stop" if stop else "nothing was heard from process 0")
                time.sleep(LOOK_SECONDS)
            return bytes(self.store.get(name))
        except RuntimeError as error:
            raise did_not_join(f"process 0 is gone ({_first_line(error)})") from error

    def excuse(self, error: UnderstudyError) -> None:
        """Tell process 0 why this one cannot take part."""
        self.store.set(f"excuse/{self.rank}", error.text)

    def report_ready(self, stop: Any) -> bool:
        """Tell process 0 that this one can begin, and wait until all can; False when nothing comes of it."""
        self.store.set(f"ready/{self.rank}", "")
        return self._wait_for_word("go", stop) == b"yes"

    def enter(self, learner: Any, step: int) -> int:
        """Connect, and begin with the weights of process 0; the step that they are of."""
        with self.together():
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if self._on_nccl() else "gloo",
                store=dist.PrefixStore("company", self.store),
                rank=self.rank,
                world_size=self.world,
                timeout=datetime.timedelta(seconds=ANSWER_SECONDS),
            )
            step, state = self.spread(step, learner.state())
            if self.rank:
                learner.load(state)
            self._wrapped = self._wrap(learner.network)
        return step

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
        assert self._wrapped is not None, "join comes before the first step"
        return self._wrapped(x)

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
        with self.together():
            number = torch.tensor([step])
            dist.broadcast(number, 0)
            for name in sorted(state):
                dist.broadcast(state[name], 0)
        return int(number), state

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise no_memory() from error
            told = self._who_is_gone()
            if not told and not _is_of_connection(error):
                raise
            raise _lost(told or _first_line(error)) from error

    def _who_is_gone(self) -> str:
        """In words which process has ended; it may take a moment until that can be seen."""
        until = time.monotonic() + GRACE_SECONDS
        while not (told := self.gone()) and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        return told

    # -- the end -------------------------------------------------------------------------------------------

    def refuse(self, error: BaseException) -> None:
        """Nothing comes of it: the others need not wait."""
        self._dismiss(refused=getattr(error, "text", "") or "process 0 ended before the start")

    def _dismiss(self, **word: Any) -> None:
        if self.rank == 0 and not self._published:
            with contextlib.suppress(RuntimeError):
                self._publish(**word)

    def leave(self) -> None:
        """Part from the others. A connection that is broken does not hold this process up."""
        self._dismiss(world=0, run="")
        if self.rank == 0 and not self._went:
            with contextlib.suppress(RuntimeError):
                self.store.set("go", "no")
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


def _first_line(error: BaseException) -> str:
    """What torch says, without where in its own source it stands."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r".*third_party/[^\]]*\] ", "", line)[:160]


def _is_of_connection(error: BaseException) -> bool:
    told = str(error).lower()
    signs = ("gloo", "nccl", "connection", "timed out", "timeout", "socket", "peer")
    return isinstance(error, dist.DistError) or any(sign in told for sign in signs)


def did_not_join(found: str) -> UnderstudyError:
    return UnderstudyError(
        "Not all processes could begin.",
        expected="every device and machine of this training at its start, with the same frames before it",
        found=found,
        where="--devices",
        remedy="Start all of them within a quarter of an hour, on the same files, or use fewer.",
    )


def _lost(found: str) -> TrainingError:
    return TrainingError(
        "One of the processes is gone, and training has ended.",
        found=found,
        remedy="What was learned is saved: go on with understudy resume, and fewer --devices.",
    )
