"""The learner: the network, its running average, the optimiser, and one training step."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from understudy.dataset.crops import Augmentation, Batch, CropSource
from understudy.dataset.order import Order
from understudy.dataset.stream import MOST_AHEAD, Feed
from understudy.device import autocast, can_capture_graphs, is_out_of_memory
from understudy.errors import TrainingError
from understudy.network.effect import EffectNetwork
from understudy.network.losses import Loss
from understudy.training.agreement import Agreement
from understudy.training.distributed.shard import Shard
from understudy.training.graph_capture import GraphCapture
from understudy.training.optimizer import Optimizer
from understudy.training.plan import Plan
from understudy.training.teaching.lesson import dealt
from understudy.training.variation import ColourVariation, shrunk_batch

AVERAGE = 0.99
RAMP = 10
LESSON_AVERAGE, LESSON_RAMP = 0.98, 3
"""Of a lesson, whose result is to be seen soon: over a third of its steps so far. Over less, images that were
right lose half a decibel."""


def out_of_memory_error() -> TrainingError:
    return TrainingError(
        "There is not enough memory for a step.",
        remedy="Use a smaller --batch-size, --crop-size or --model-size; what was learned is saved.",
    )


class Draw(NamedTuple):
    """What the crops of a step depend on: the arguments of ``CropSource.batch``."""

    step: int
    samples: range
    pairs: list[int] | Order
    augmentation: Augmentation
    total: int
    crop: tuple[int, int]
    before: int
    coarse: bool
    whole: bool


class Learner:
    """The state of a training between two steps. ``average`` is the network that is evaluated and saved."""

    def __init__(
        self,
        network: EffectNetwork,
        crops: CropSource,
        loss: Loss,
        augmentation: tuple[Augmentation, Augmentation],
        plan: Plan,
        shard: Shard,
        agreement: Agreement | None = None,
        shares: Sequence[float] = (),
        colours: ColourVariation | None = None,
    ) -> None:
        device = crops.device
        self.network = network.lay_out(device).train()
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.crops, self.loss, (self.augmentation, self.varied) = crops, loss, augmentation
        self.plan, self.shard, self.device = plan, shard, device
        self.agreement, self._shares, self.colours = agreement, shares, colours
        self.parts: dict[str, float] = {}
        self._orders: dict[int | None, Order] = {}
        self._dealt = (0, 1, 0)
        kind = torch.bfloat16 if plan.precision == "bfloat16" else torch.float32
        self.optimizer = Optimizer(self.network, kind, plan.turns)
        self.count = crops.count
        alone = can_capture_graphs(device) and shard.world_size == 1 and agreement is None
        alone = alone and plan.accumulate == 1
        self.graph_capture = GraphCapture(self._learn, list(self.network.parameters())) if alone else None
        self._ahead: tuple[Draw, Batch] | None = None
        self._groups: tuple[list[int], list[int], list[int]] | None = None

    def take_crops(self, crops: CropSource, groups: tuple[list[int], list[int], list[int]]) -> None:
        """Learn from these from now on: pairs that were there before, new ones, and ones that are held."""
        self.crops, self._groups, self._ahead = crops, groups, None

    def step(self, step: int) -> float:
        """Take step number ``step``, from 1; the mean loss of its crops over all processes."""
        draw = self._draw(step)
        if self.feed is not None:
            self.feed.expect(
                step, lambda ahead: self.crops.pairs_of(*self._draw(ahead)), self.plan.total_steps
            )
        batch = self._take(draw) if self.plan.accumulate == 1 else None
        with self.shard.detecting_lost_workers():
            loss = self._learn_in_parts(draw) if batch is None else self._learn_at_once(batch, draw)
            mean = self.shard.all_reduce(loss[0])
        if self.agreement is not None and self.agreement.is_due(step):
            self.agreement.disagreement(self.network, step).backward()  # beside the gradients of the pairs
        self.optimizer.step(self.plan.rate_at(step), step)
        self._update_average(step)
        if self.graph_capture and step < self.plan.total_steps:
            self._draw_ahead(step + 1)
        self._keep_parts(loss, len(draw.samples) / draw.total)
        return float(mean.item())

    def _learn_at_once(self, batch: Batch, draw: Draw) -> Tensor:
        if self.graph_capture:
            return self.graph_capture(batch)
        return self._learn(batch, len(draw.samples) / draw.total)

    def _learn_in_parts(self, draw: Draw) -> Tensor:
        """The same from a batch that is taken in parts, one after the other."""
        self.network.zero_grad(set_to_none=True)
        total = torch.zeros(1 + len(self.loss.names), device=self.device)
        for samples in _split(draw.samples, self.plan.accumulate):
            batch = self._take(draw._replace(samples=samples))
            total += self._add(batch, len(samples) / draw.total)
        return total

    def _keep_parts(self, loss: Tensor, part: float) -> None:
        """What each term adds to the loss, of this process's crops."""
        if len(self.loss.names) > 1:
            self.parts = dict(zip(self.loss.names, (loss[1:] / part).tolist(), strict=True))

    def _draw_ahead(self, step: int) -> None:
        """Take the crops of a step while the device is still at work on the one before."""
        draw = self._draw(step)
        try:
            self._ahead = draw, self._take(draw)
        except (RuntimeError, MemoryError) as error:  # the step before is whole, and counts
            if not is_out_of_memory(error):
                raise

    @property
    def feed(self) -> Feed | None:
        """What makes pairs as they are asked for; None where they are packed in memory."""
        return self.crops.stream.feed if self.crops.stream is not None else None

    def _draw(self, step: int) -> Draw:
        total, crop = self.plan.crops_of(step)
        pairs, augmentation = self._pairs_at(step), self._augmentation_at(step)
        samples = self.shard.samples(total)
        before = self._dealt_before(step) if isinstance(pairs, Order) else self.plan.drawn_before(step)
        coarse = self.plan.is_coarse(step)
        whole = self.plan.is_whole(step)
        return Draw(step, samples, pairs, augmentation, total, crop, before, coarse, whole)

    @property
    def epoch_length(self) -> int:
        """How many crops an epoch has: one of each pair, but where pairs have shares of their own."""
        return Order(0, self.count, self._shares).epoch_length if self.plan.dealing else self.count

    def _dealt_before(self, step: int) -> int:
        """How many crops of whatever size the steps before have taken."""
        batch, known, dealt = self._dealt
        if batch != self.plan.batch_size or step < known:
            known, dealt = 1, 0
        for each in range(known, step):
            dealt += self.plan.crops_of(each)[0]
            if each + 1 == step - 2 * MOST_AHEAD:
                self._dealt = self.plan.batch_size, each + 1, dealt
        return dealt

    def _order_at(self, step: int) -> Order:
        """In which order pairs come, without the one that is kept apart."""
        joined = self.plan.joined is not None and step > self.plan.joined
        out = None if joined else self.plan.held_out
        if out not in self._orders:
            without = () if out is None else (out,)
            self._orders[out] = Order(self.plan.seed, self.count, self._shares, without)
        return self._orders[out]

    def _pairs_at(self, step: int) -> list[int] | Order:
        """What a step may draw from; where there are corrections, each pair as often as its share says."""
        if self.plan.dealing == "epochs" and self._groups is None:
            return self._order_at(step)
        learned = self.plan.learned_pairs(step, self.count)
        if self._groups is None:
            return learned
        before, new, held = self._groups
        own = [index for index in before if index >= self.count or index in learned]
        if self.plan.teaches(step):
            return dealt((own, new, held))
        return own + new

    def _take(self, draw: Draw) -> Batch:
        """The crops of ``draw``: those that were drawn ahead, unless the plan has changed since."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == draw:
            return ahead[1]
        batch = self.crops.batch(*draw)
        if self.colours is not None:
            batch = self.colours.vary(batch, self.network, self.plan.seed, draw.step, draw.samples)
        smaller = self.plan.shrinks(draw.step)
        return batch if smaller == 1 else shrunk_batch(batch, smaller, self.network.crop_stride)

    def _learn(self, batch: Batch, part: float = 1.0) -> Tensor:
        """The loss of a batch, ``part`` of a whole one, and behind it what its terms add to it; and the
        gradients of the network from it."""
        self.network.zero_grad(set_to_none=True)
        return self._add(batch, part)

    def _add(self, batch: Batch, part: float) -> Tensor:
        """The same, with the gradients added to those that there are."""
        terms = self._loss(batch)
        loss = terms.sum() * part
        loss.backward()
        return torch.cat([loss.detach()[None], terms.detach() * part])

    def _augmentation_at(self, step: int) -> Augmentation:
        turned = self.plan.turned
        return self.augmentation if turned is None or step <= turned else self.varied

    def _loss(self, batch: Batch) -> Tensor:
        """What each term of the loss says of a batch."""
        with autocast(self.device, self.plan.precision):
            answer = self.shard.answer(self.network, batch)
        terms = [self._loss_of(each, batch) for each in answer.float().split(batch.truth.shape[1], dim=1)]
        return terms[0] if len(terms) == 1 else torch.stack(terms).mean(0)

    def _loss_of(self, answer: Tensor, batch: Batch) -> Tensor:
        """Of one of the network's answers."""
        result = batch.base + answer if batch.base.shape[1] else answer
        return self.loss.parts(result, batch.truth, batch.weight)

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        lesson = self.plan.lesson
        if lesson is not None and lesson.alone and lesson.lasts(step):
            if lesson.is_still:
                return
            step -= lesson.step
            keep = min(LESSON_AVERAGE, step / (step + LESSON_RAMP))
        else:
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
        if self.graph_capture:
            self.graph_capture.forget()
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


def _split(samples: range, parts: int) -> list[range]:
    """The samples in so many parts, or one each where they are fewer."""
    count, parts = len(samples), min(parts, len(samples))
    edges = [samples.start + count * index // parts for index in range(parts + 1)]
    return [range(start, stop) for start, stop in itertools.pairwise(edges)]
