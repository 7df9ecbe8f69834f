"""What learns: the network, its running average, the optimiser, and one step of all three."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from understudy.dataset.crops import Augmentation, Batch, CropSource
from understudy.device import autocast
from understudy.errors import TrainingError
from understudy.network.effect import EffectNetwork
from understudy.network.losses import Term
from understudy.training.optimizer import Optimizer
from understudy.training.plan import Plan

AVERAGE = 0.99
RAMP = 10


class Share:
    """The part of each batch that this process works on, and its word with the others: process ``rank`` of
    ``world``. This one is alone.

    ``device`` and ``threads`` are what it computes with, None where that is its own choice; ``notes`` are
    sentences for the artist. ``heard_stop``, ``heard_total`` and ``heard_turn`` are what was said at the last
    meeting.
    """

    rank = 0
    world = 1
    device: torch.device | None = None
    threads: int | None = None
    notes: tuple[str, ...] = ()
    heard_stop = False
    heard_total = 0
    heard_turn = False

    def samples(self, total: int) -> range:
        """Its samples of a batch of ``total``."""
        return range(total * self.rank // self.world, total * (self.rank + 1) // self.world)

    def join(self, job: Any, path: Path, step: int, stop: Any, say: Callable[[str], None]) -> bool:
        """Begin together, with the weights of process 0 after ``step``; ``path`` is the run's folder. False
        when ``stop`` becomes true before all have come. UnderstudyError when one of them cannot."""
        return True

    def remainder(self, network: EffectNetwork, x: Tensor) -> Tensor:
        """``network.remainder(x)``; on the way back gradients are summed over all processes."""
        return network.remainder(x)

    def together(self) -> contextlib.AbstractContextManager[None]:
        """The block in which a process that is gone is a TrainingError."""
        return contextlib.nullcontext()

    def say(self, stop: bool, total: int, turn: bool) -> None:
        """What all hear at the next meeting: whether to stop, new Total Steps (0: as they were), and whether
        to turn crops from now on."""

    def meet(self, loss: Tensor) -> Tensor:
        """The sum of every process's ``loss``."""
        return loss

    def spread(self, step: int, state: dict[str, Tensor]) -> tuple[int, dict[str, Tensor]]:
        """What process 0 has, in all of them; ``state`` of the others is written over."""
        return step, state


def no_memory() -> TrainingError:
    return TrainingError(
        "There is not enough memory for a step.",
        remedy="Use a smaller --batch-size, --crop-size or --model-size; what was learned is saved.",
    )


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
        self.network = network.lay_out(device).train()
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.crops, self.loss, self.augmentation = crops, loss, augmentation
        self.plan, self.share, self.device = plan, share, device
        kind = torch.bfloat16 if plan.precision == "bfloat16" else torch.float32
        self.optimizer = Optimizer(self.network, kind, plan.turns)
        self.count = len(crops.cells)

    def step(self, step: int) -> float:
        """Take step number ``step``, from 1; the mean loss of its crops over all processes."""
        total, crop = self.plan.crops_of(step)
        samples = self.share.samples(total)
        pairs = self.plan.learned_pairs(step, self.count)
        before, augmentation = self.plan.drawn_before(step), self._augmentation_at(step)
        batch = self.crops.batch(step, samples, pairs, augmentation, total, crop, before)
        self.network.zero_grad(set_to_none=True)
        with self.share.together():
            loss = self._loss(batch) * (len(samples) / total)
            loss.backward()
            mean = self.share.meet(loss.detach())
        self.optimizer.step(self.plan.rate_at(step), step)
        self._update_average(step)
        return float(mean.item())

    def _augmentation_at(self, step: int) -> Augmentation:
        turned = self.plan.turned
        if turned is None or step <= turned:
            return self.augmentation
        return replace(self.augmentation, mirror=True, turn=True)

    def _loss(self, batch: Batch) -> Tensor:
        with autocast(self.device, self.plan.precision):
            answer = self.share.remainder(self.network, batch.input)
        answer = answer.float()
        result = batch.base + answer if batch.base.shape[1] else answer
        return self.loss(result, batch.truth, batch.weight)

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        keep = min(AVERAGE, step / (step + RAMP))
        ours, theirs = (
            [weights.detach() for weights in each.parameters()] for each in (self.average, self.network)
        )
        torch._foreach_lerp_(ours, theirs, 1 - keep)

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
