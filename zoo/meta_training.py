"""The training of a start for everything: Reptile (Nichol et al., 2018) over made shots.

Each step takes the pairs of one shot, and from the weights as they are learns its effect in a few steps, as a
training from these pairs would: with their colour fit taken off first, with the project's optimiser, its rate
and its losses, and a last layer of its own where the effect is a matte. Then the weights go a part of the way
to where that has led. What all of these ways have in common adds up: weights from which a few steps lead far.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from understudy.device import autocast
from understudy.measure.image import psnr
from understudy.network.colour_fit import fit_colours, predict
from understudy.network.effect import EffectNetwork
from understudy.network.losses import make_loss
from understudy.training.optimizer import TURNS, Optimizer
from understudy.training.plan import Plan
from zoo.recipe import Recipe
from zoo.stream import Batch
from zoo.training import CPU, MOST_DB, Training, effect_of, make_network

STEPS = {"image": (40, 97), "matte": (12, 33)}
"""Steps that a shot is learned in while the start is made: from, and below. Of an image hardly anything is
learned in the first twenty."""
JUDGED_STEPS = {"image": 64, "matte": 24}
PART = {"image": 0.4, "matte": 1.0}
"""How far it goes after a shot, as a share of the rate: the longer ways of images would take it away from
what mattes want."""
CROP, CROPS = 64, 4
AVERAGE = 0.99
LAST = "unet.head."
LOOKED_AT = 3
"""The colour fit is made of every so many pixels."""
JUDGED_SECONDS = 480.0


@dataclass(frozen=True)
class Material:
    """The frames of a shot, (N, C, H, W); ``base``: what the colour fit makes of them, of images. The last
    one is to judge by."""

    kind: str
    plate: Tensor
    truth: Tensor
    base: Tensor

    @property
    def pairs(self) -> int:
        return len(self.plate) - 1


class NoState:
    """The optimiser of the start itself: each shot begins with a new one, so nothing goes on."""

    def state(self) -> dict[str, Tensor]:
        return {}


class MetaTraining(Training):
    """``network`` is the start. It is judged by what ``JUDGED_STEPS`` steps from it reach on frames of shots
    that it does not learn from, beside as many from nothing."""

    judged_every = JUDGED_SECONDS

    def __init__(self, recipe: Recipe, seed: int = 0, precision: str = "auto") -> None:
        super().__init__(recipe, seed, precision)
        self.optimizer = NoState()
        self._told: dict[str, float] = {}
        self._beside: list[tuple[str, float]] = []

    def step(self, batch: Batch, share: float) -> float:
        """Learn one shot, and go a part of the way there. The loss that its learning ended with."""
        self.at.step += 1
        random = np.random.default_rng([self.seed, self.at.step, 1])
        material = material_of(batch)
        learner = learner_of(self.recipe, self.network, material.kind)
        steps = int(random.integers(*STEPS[material.kind]))
        loss = learn(learner, material, every_frame(material), steps, random, self.precision)
        self._go_there(learner, PART[material.kind] * self.rate_at(share))
        self._update_average()
        return loss

    @torch.no_grad()
    def _go_there(self, learner: EffectNetwork, rate: float) -> None:
        theirs = dict(learner.named_parameters())
        for name, weights in self.network.named_parameters():
            if weights.shape == theirs[name].shape:
                weights.lerp_(theirs[name], rate)

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(AVERAGE, self.at.step / (self.at.step + 10))
        for ours, theirs in zip(self.average.parameters(), self.network.parameters(), strict=True):
            ours.lerp_(theirs, 1 - keep)

    def judge(self, held: list[Batch]) -> None:
        """``at.score``: decibels above the colour fit, of shots whose effect is an image."""
        if not self._beside:
            self._beside = [self._reached(batch, number, None) for number, batch in enumerate(held)]
        reached = [self._reached(batch, number, self.average) for number, batch in enumerate(held)]
        self._told = _means(reached, "") | _means(self._beside, "_from_nothing")
        self.at.score, self.at.before = (
            self._told.get(name, 0.0) for name in ("gain_db", "gain_db_from_nothing")
        )

    def _reached(self, batch: Batch, number: int, start: EffectNetwork | None) -> tuple[str, float]:
        """The kind of a shot, and how good its last frame is, learned from ``start`` or from nothing."""
        material = material_of(batch)
        with torch.random.fork_rng():
            torch.manual_seed(number)
            learner = learner_of(self.recipe, start or self.make_network(self.recipe), material.kind)
        random = np.random.default_rng([8, number])
        learn(learner, material, range(material.pairs), JUDGED_STEPS[material.kind], random, self.precision)
        return material.kind, score(learner, material, self.precision)

    def told(self) -> dict[str, float]:
        return self._told


def material_of(batch: Batch) -> Material:
    """What is learned of a shot; a truth of one channel is a matte."""
    if batch.truth.shape[1] == 1:
        return Material("matte", batch.input, batch.truth, batch.truth[:, :0])
    plates, truths = (each.permute(0, 2, 3, 1).flatten(1, 2) for each in batch)
    seen, wanted = (list(each[:-1, ::LOOKED_AT]) for each in (plates, truths))
    fit, scaling = fit_colours(seen, wanted, True)
    base = predict(plates.flatten(0, 1), fit, scaling, True)
    height, width = batch.input.shape[-2:]
    planes = base.reshape(len(plates), height, width, -1).permute(0, 3, 1, 2)
    return Material("image", batch.input, batch.truth, planes)


def learner_of(recipe: Recipe, start: EffectNetwork, kind: str) -> EffectNetwork:
    """A network that begins from another one's weights; for a matte, with a new last layer."""
    if kind == "image":
        return copy.deepcopy(start).train().requires_grad_(True)
    shape = replace(effect_of(recipe), kind="matte", outputs=1, same_channels=False)
    learner = make_network(replace(recipe, architecture=shape)).lay_out(CPU)
    known = {name: tensor for name, tensor in start.state_dict().items() if name.startswith("unet.")}
    own = {name: tensor for name, tensor in learner.state_dict().items() if name.startswith(LAST)}
    learner.unet.load_state_dict({name.removeprefix("unet."): one for name, one in {**known, **own}.items()})
    return learner.train()


def every_frame(material: Material) -> range:
    """While the start is made, the frame to judge by is learned from too."""
    return range(len(material.plate))


def learn(
    network: EffectNetwork,
    material: Material,
    frames: range,
    steps: int,
    random: np.random.Generator,
    precision: str,
) -> float:
    """So many steps from crops of ``frames``, as of a training of so many steps. The last loss."""
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    optimizer, loss_of = Optimizer(network, kind, TURNS), make_loss("auto", material.kind)
    plan, loss = plan_of(steps, precision), torch.zeros(())
    for step in range(1, steps + 1):
        plate, truth, base = crops_of(material, frames, random)
        network.zero_grad(set_to_none=True)
        with autocast(CPU, precision):
            answer = network.answer(plate)
        result = answer.float() + base if base.shape[1] else answer.float()
        loss = loss_of(result, truth, torch.ones_like(truth[:, :1]))
        loss.backward()
        optimizer.step(plan.rate_at(step), step)
    return float(loss.item())


def plan_of(steps: int, precision: str) -> Plan:
    """The course of the rate."""
    return Plan(
        totals=[(0, steps)],
        batch_size=CROPS,
        crop=(CROP, CROP),
        size="small",
        precision=precision,  # type: ignore[arg-type]
        threads=1,
        device="cpu",
        seed=0,
        turns=TURNS,
    )


def crops_of(material: Material, frames: range, random: np.random.Generator) -> tuple[Tensor, ...]:
    """Crops of the plate, the truth and the base, at the same places."""
    side = min(CROP, material.plate.shape[-1])
    rows, columns = random.integers(0, material.plate.shape[-1] - side + 1, (2, CROPS))
    chosen = random.integers(frames.start, frames.stop, CROPS)
    parts = []
    for planes in (material.plate, material.truth, material.base):
        crops = [
            planes[frame, :, row : row + side, column : column + side]
            for frame, row, column in zip(chosen, rows, columns, strict=True)
        ]
        parts.append(torch.stack(crops).contiguous(memory_format=torch.channels_last))
    return tuple(parts)


@torch.no_grad()
def score(network: EffectNetwork, material: Material, precision: str) -> float:
    """Of the frame to judge by: decibels above the colour fit, or the IoU at 0.5 of a matte."""
    with autocast(CPU, precision):
        answer = network.answer(material.plate[-1:])
    truth = material.truth[-1]
    if material.kind == "matte":
        found, wanted = answer[0].float() > 0, truth > 0.5
        return float((found & wanted).sum() / (found | wanted).sum().clamp(min=1))
    base = material.base[-1]
    after, before = (
        min(psnr(one.numpy(), truth.numpy()), MOST_DB) for one in (base + answer[0].float(), base)
    )
    return after - before


def _means(scores: list[tuple[str, float]], from_: str) -> dict[str, float]:
    """The mean of each kind, by what the curve calls it."""
    kinds = {"image": "gain_db", "matte": "iou"}
    found = {kind: [score for one, score in scores if one == kind] for kind in kinds}
    return {f"{kinds[k]}{from_}": round(float(np.mean(each)), 4) for k, each in found.items() if each}
