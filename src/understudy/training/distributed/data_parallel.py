"""One network whose gradients are summed over all processes while the way back is still under way.

The work is torch's DistributedDataParallel's. What is ours is to sum instead of to average, and to end a step
that cannot go on here, without the others waiting for it for ever.
"""

from __future__ import annotations

import warnings

import torch
import torch.distributed as dist
from torch import Tensor, nn

from understudy.network.effect import EffectNetwork


class _Remainder(nn.Module):
    """What is wrapped: the heavy part of an EffectNetwork."""

    def __init__(self, network: EffectNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network.remainder(x)


class DataParallelNetwork:
    """``network.remainder`` with gradients that are those of every process together. All processes make one,
    and one more after a step that broke off, at the same time."""

    def __init__(self, network: EffectNetwork, device: torch.device | None) -> None:
        self.begin_step()
        with warnings.catch_warnings():
            # Newer torch has another word for broadcast_buffers.
            warnings.simplefilter("ignore", FutureWarning)
            self._wrapped = nn.parallel.DistributedDataParallel(
                _Remainder(network),
                device_ids=[device] if device is not None and device.type == "cuda" else None,
                broadcast_buffers=False,
                gradient_as_bucket_view=True,
            )
        # A lambda: torch reads the annotations of a hook, and does not understand those that are text.
        self._wrapped.register_comm_hook(None, lambda _, bucket: self._sum(bucket))

    def begin_step(self) -> None:
        """All processes have met: nothing of the next step is done."""
        self._entered = False
        self._summed = 0

    def __call__(self, x: Tensor) -> Tensor:
        self._entered = True
        answer: Tensor = self._wrapped(x)
        return answer

    def _sum(self, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
        """Each process has weighted its loss by its part of a batch, so there is nothing to divide."""
        self._summed += 1
        work = dist.all_reduce(bucket.buffer(), async_op=True)
        return work.get_future().then(lambda done: done.value()[0])

    def end_failed_step(self) -> None:
        """Give the others what they still wait for, zeros, in the same order as in a step that goes well."""
        reducer = self._wrapped.reducer
        if not self._entered:
            reducer._rebuild_buckets()
        missing = reducer._get_zeros_like_grad_buckets()[self._summed :]
        for work in [reducer._run_comm_hook(bucket) for bucket in missing]:
            work.wait()

    def remove_hooks(self) -> None:
        """After a step that broke off it is of no more use; its hooks must not hear of the next one."""
        self._wrapped.reducer._remove_autograd_hooks()
