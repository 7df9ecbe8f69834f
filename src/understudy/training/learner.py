"""What learns: the network, its running average, the optimiser, and one step of all three."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from understudy.dataset.crops import Augmentation, Batch, CropSource
from understudy.device import autocast, can_record, is_out_of_memory
from understudy.errors import TrainingError
from understudy.network.effect import EffectNetwork
from understudy.network.losses import Term
from understudy.training.optimizer import Optimizer
from understudy.training.plan import Plan
from understudy.training.recorder import Recorder

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


class Draw(NamedTuple):
    """What the crops of a step depend on: the arguments of ``CropSource.batch``."""

    step: int
    samples: range
    pairs: list[int]
    augmentation: Augmentation
    total: int
    crop: tuple[int, int]
    before: int


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
        alone = can_record(device) and share.world == 1
        self.recorder = Recorder(self._learn, list(self.network.parameters())) if alone else None
        self._ahead: tuple[Draw, Batch] | None = None

    def step(self, step: int) -> float:
        """Take step number ``step``, from 1; the mean loss of its crops over all processes."""
        draw = self._draw(step)
        batch = self._take(draw)
        part = len(draw.samples) / draw.total
        with self.share.together():
            loss = self.recorder(batch) if self.recorder else self._learn(batch, part)
            mean = self.share.meet(loss.detach())
        self.optimizer.step(self.plan.rate_at(step), step)
        self._update_average(step)
        if self.recorder and step < self.plan.total_steps:
            self._draw_ahead(step + 1)
        return float(mean.item())

    def _draw_ahead(self, step: int) -> None:
        """Take the crops of a step while the device is still at work on the one before."""
        draw = self._draw(step)
        try:
            self._ahead = draw, self._take(draw)
        except (RuntimeError, MemoryError) as error:  # the step before is whole, and counts
            if not is_out_of_memory(error):
                raise

    def _draw(self, step: int) -> Draw:
        total, crop = self.plan.crops_of(step)
        pairs, augmentation = self.plan.learned_pairs(step, self.count), self._augmentation_at(step)
        samples, before = self.share.samples(total), self.plan.drawn_before(step)
        return Draw(step, samples, pairs, augmentation, total, crop, before)

    def _take(self, draw: Draw) -> Batch:
        """The crops of ``draw``: those that were drawn ahead, unless the plan has changed since."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == draw:
            return ahead[1]
        return self.crops.batch(*draw)

    def _learn(self, batch: Batch, part: float = 1.0) -> Tensor:
        """The loss of a batch, ``part`` of a whole one, and the gradients of the network from it."""
        self.network.zero_grad(set_to_none=True)
        loss = self._loss(batch) * part
        loss.backward()
        return loss

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
        self._ahead = None
        if self.recorder:
            self.recorder.forget()
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
        """Whether everything that goes on from step to step is a finite number. A momentum that is none
        spoils its matrix only later, when that has its turn."""
        tensors = [*self.network.parameters(), *self.average.parameters(), *self.optimizer.state().values()]
        return bool(torch.stack([tensor.isfinite().all() for tensor in tensors]).all())
