"""What learns: the network, its running average, the optimiser, and one step of all three."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from understudy.dataset.crops import Augmentation, Batch, CropSource
from understudy.device import autocast, memory_format
from understudy.network.effect import EffectNetwork
from understudy.network.losses import Term
from understudy.training.optimizer import Optimizer
from understudy.training.plan import Plan

AVERAGE = 0.99
RAMP = 10


@dataclass(frozen=True)
class Share:
    """The part of each batch that this process works on: process ``rank`` of ``world``.

    ``reduce`` adds tensors up over all processes, in place; ``agree`` tells whether process 0 wants to stop;
    ``broadcast`` gives process 0's number to all. None where there is one process.
    """

    rank: int = 0
    world: int = 1
    reduce: Callable[[list[Tensor]], None] | None = None
    agree: Callable[[bool], bool] | None = None
    broadcast: Callable[[int], int] | None = None

    def samples(self, total: int) -> range:
        """Its samples of a batch of ``total``."""
        return range(total * self.rank // self.world, total * (self.rank + 1) // self.world)


class Learner:
    """The state of a training between two steps. ``average`` is the network that is judged and saved."""

    def __init__(
        self,
        network: EffectNetwork,
        crops: CropSource,
        loss: Term,
        augmentation: Augmentation,
        plan: Plan,
        share: Share,
    ) -> None:
        device = crops.device
        self.network = network.to(device=device, memory_format=memory_format(device)).train()
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.crops, self.loss, self.augmentation = crops, loss, augmentation
        self.plan, self.share, self.device = plan, share, device
        kind = torch.bfloat16 if plan.precision == "bfloat16" else torch.float32
        self.optimizer = Optimizer(self.network, kind)
        self.count = len(crops.cells)

    def step(self, step: int) -> float:
        """Take step number ``step``, from 1; the mean loss of its crops over all processes."""
        total = self.plan.batch_size
        samples = self.share.samples(total)
        pairs = self.plan.learned_pairs(step, self.count)
        batch = self.crops.batch(step, samples, pairs, self.augmentation, total)
        self.network.zero_grad(set_to_none=True)
        loss = self._loss(batch) * (len(samples) / total)
        loss.backward()
        mean = loss.detach().clone()
        if self.share.reduce is not None:
            self.share.reduce([mean, *(p.grad for p in self.network.parameters() if p.grad is not None)])
        self.optimizer.step(self.plan.rate_at(step), step)
        self._update_average(step)
        return float(mean.item())

    def _loss(self, batch: Batch) -> Tensor:
        with autocast(self.device, self.plan.precision):
            answer = self.network.remainder(batch.input)
        answer = answer.float()
        result = batch.base + answer if batch.base.shape[1] else answer.sigmoid()
        return self.loss(result, batch.truth, batch.weight)

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        keep = min(AVERAGE, step / (step + RAMP))
        ours, theirs = list(self.average.parameters()), list(self.network.parameters())
        torch._foreach_lerp_(ours, [parameter.detach() for parameter in theirs], 1 - keep)

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, as named tensors on the CPU."""
        parts = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        parts |= {f"average.{name}": tensor for name, tensor in self.average.state_dict().items()}
        parts |= {f"optimizer.{name}": tensor for name, tensor in self.optimizer.state().items()}
        return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in parts.items()}

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Go back to what ``state`` gave. KeyError or RuntimeError when it is of another network."""
        for prefix, module in (("network.", self.network), ("average.", self.average)):
            module.load_state_dict(
                {
                    name.removeprefix(prefix): tensor
                    for name, tensor in state.items()
                    if name.startswith(prefix)
                }
            )
        for name, tensor in self.optimizer.state().items():
            tensor.copy_(state[f"optimizer.{name}"])

    def is_sound(self) -> bool:
        """Whether every weight is a finite number."""
        return all(bool(parameter.isfinite().all()) for parameter in self.network.parameters())
