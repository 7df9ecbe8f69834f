"""DistributedDataParallel that sums gradients over all processes during the backward pass.

Two things differ from torch's own: gradients are summed, not averaged, and a step that fails in one process
can be ended without the others waiting for it for ever.
"""

from __future__ import annotations

import warnings

import torch
import torch.distributed as dist
from torch import Tensor, nn

from understudy.network.effect import EffectNetwork


class _Answer(nn.Module):
    """The module that is wrapped: the part of an EffectNetwork that is learned from."""

    def __init__(self, network: EffectNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor | None, window: Tensor | None, offset: Tensor | None) -> Tensor:
        return self.network.answers(x, window, offset)


class DataParallelNetwork:
    """``network.answers`` with gradients summed over all processes. All processes create one at the same
    time, and a new one after a failed step."""

    def __init__(self, network: EffectNetwork, device: torch.device | None) -> None:
        self.begin_step()
        with warnings.catch_warnings():
            # Newer versions of torch have renamed broadcast_buffers.
            warnings.simplefilter("ignore", FutureWarning)
            self._wrapped = nn.parallel.DistributedDataParallel(
                _Answer(network),
                device_ids=[device] if device is not None and device.type == "cuda" else None,
                broadcast_buffers=False,
                gradient_as_bucket_view=True,
                find_unused_parameters=network.architecture.coarse > 1,  # steps of the coarse view alone
            )
        # A lambda: torch reads the annotations of a hook, and cannot read those that are strings.
        self._wrapped.register_comm_hook(None, lambda _, bucket: self._sum(bucket))

    def begin_step(self) -> None:
        """Reset, after the all-reduce of the last step."""
        self._entered = False
        self._summed = 0

    def __call__(self, x: Tensor | None, window: Tensor | None, offset: Tensor | None) -> Tensor:
        self._entered = True
        answer: Tensor = self._wrapped(x, window, offset)
        return answer

    def _sum(self, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
        """The communication hook. Each process weights its loss by its part of the batch: nothing to divide
        by."""
        self._summed += 1
        work = dist.all_reduce(bucket.buffer(), async_op=True)
        return work.get_future().then(lambda done: done.value()[0])

    def end_failed_step(self) -> None:
        """Send zeros for the gradient buckets that the others still wait for, in the usual order."""
        reducer = self._wrapped.reducer
        if not self._entered:
            reducer._rebuild_buckets()
        missing = reducer._get_zeros_like_grad_buckets()[self._summed :]
        for work in [reducer._run_comm_hook(bucket) for bucket in missing]:
            work.wait()

    def remove_hooks(self) -> None:
        """Detach from the network after a failed step, so that the hooks do not run in the next one."""
        self._wrapped.reducer._remove_autograd_hooks()
