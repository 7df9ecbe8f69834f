"""The training of a recipe: the project's own network, optimiser and losses, fed by a stream of made crops.

The rate is held for a while, then goes down to nothing; what is kept is the running average of the
weights. Every two minutes all of it goes into one file, whole or not at all, with which a training goes on as
if it had never stopped.
"""

from __future__ import annotations

import copy
import itertools
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from understudy.device import autocast, prepare, resolve_precision
from understudy.errors import UnderstudyError
from understudy.measure.image import psnr
from understudy.network.build import build_effect
from understudy.network.colour_fit import Scaling
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.losses import make_loss
from understudy.network.model_file import read_metadata, read_tensors, write_tensors
from understudy.training.optimizer import Optimizer
from zoo.recipe import RANGE, Recipe
from zoo.stream import Batch, Stream, to_batch

AVERAGE = 0.998
WARM_UP = 40
TURNS = 4
CHECKPOINT_SECONDS = 120.0
JUDGED, JUDGED_SHOTS, JUDGED_SIDE, MOST_DB = 24, 16, 256, 50.0
PROGRESS, CURVE = "training.state", "curve.jsonl"
CPU = torch.device("cpu")


@dataclass
class Limits:
    """When it ends: after so many ``seconds`` of training, all calls together, or so many ``steps``."""

    seconds: float | None = None
    steps: int | None = None

    def share(self, seconds: float, step: int) -> float:
        """0 at the start to 1 at the end."""
        return max(seconds / self.seconds if self.seconds else 0.0, step / self.steps if self.steps else 0.0)


@dataclass
class Trained:
    """Where a training is. ``score``: dB on the validation photographs, beside ``before`` with nothing
    done."""

    step: int = 0
    seconds: float = 0.0
    score: float = 0.0
    before: float = 0.0
    losses: list[float] = field(default_factory=list)


class Training:
    """A network that learns a recipe. ``average`` is what is judged and kept; ``figures``: what the curve
    calls its score, and that of what there is beside it. ``judged_every``: seconds between two checkpoints,
    each of which is judged."""

    figures = ("db", "before_db")
    judged_every = CHECKPOINT_SECONDS

    def __init__(self, recipe: Recipe, seed: int = 0, precision: str = "auto") -> None:
        self.recipe, self.seed = recipe, seed
        self.precision = resolve_precision(precision, CPU)  # type: ignore[arg-type]
        torch.manual_seed(seed)
        self.network: Any = self.make_network(recipe).train()
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        kind = torch.bfloat16 if self.precision == "bfloat16" else torch.float32
        self.optimizer: Any = Optimizer(self.network, kind, TURNS)
        self.at = Trained()

    @staticmethod
    def make_network(recipe: Recipe) -> Any:
        """An untrained network, as a CPU computes it fast."""
        return make_network(recipe).lay_out(CPU)

    def step(self, batch: Batch, share: float) -> float:
        """One step; ``share`` of the whole training is done. Its loss."""
        self.at.step += 1
        self.network.zero_grad(set_to_none=True)
        loss = self._loss(batch)
        loss.backward()
        self.optimizer.step(self.rate_at(share), self.at.step)
        self._update_average()
        return float(loss.item())

    def rate_at(self, share: float) -> float:
        """The rate of this step, when ``share`` of the whole training is done."""
        return rate_at(self.recipe.rate, self.at.step, share, self.recipe.held)

    def _loss(self, batch: Batch) -> Tensor:
        with autocast(CPU, self.precision):
            remainder = self.network.remainder(batch.input)
        given = self.recipe.loss
        result = laid_out(self.network, self.network.finish(batch.input, remainder))
        term = make_loss(given, "image") if isinstance(given, str) else given
        return term(result, batch.truth, torch.ones_like(batch.truth[:, :1]))

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(AVERAGE, self.at.step / (self.at.step + 10))
        ours, theirs = (
            [weights.detach() for weights in each.parameters()] for each in (self.average, self.network)
        )
        torch._foreach_lerp_(ours, theirs, 1 - keep)

    @torch.no_grad()
    def judge(self, held: list[Batch]) -> None:
        """How good the average is on crops of pictures it does not learn from: mean dB, and with nothing
        done."""
        scores = []
        for batch in held:
            with autocast(CPU, self.precision):
                result = self.average(batch.input)
            shown = slice(*self.recipe.judged)
            pairs = zip(result[:, shown], before_of(batch)[:, shown], batch.truth[:, shown], strict=True)
            scores += [[_db(after, truth), _db(before, truth)] for after, before, truth in pairs]
        self.at.score, self.at.before = (round(float(each), 3) for each in np.mean(scores, 0))

    def told(self) -> dict[str, float]:
        """What the curve says of the last judgement."""
        return dict(zip(self.figures, (self.at.score, self.at.before), strict=True))

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on."""
        parts = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        parts |= {f"average.{name}": tensor for name, tensor in self.average.state_dict().items()}
        parts |= {f"optimizer.{name}": tensor for name, tensor in self.optimizer.state().items()}
        return {name: tensor.detach().clone().contiguous() for name, tensor in parts.items()}

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Go back to what ``state`` gave."""
        for prefix, module in (("network.", self.network), ("average.", self.average)):
            own = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
            module.load_state_dict(own)
        for name, tensor in self.optimizer.state().items():
            tensor.copy_(state[f"optimizer.{name}"])

    @property
    def learned(self) -> str:
        """The name of the recipe whose training it is."""
        return self.recipe.trained_as or self.recipe.name

    def save(self, folder: Path) -> None:
        """Write all of it into one file of a folder, in place of the one before."""
        at = {"recipe": self.learned, "seed": self.seed, "step": self.at.step, "seconds": self.at.seconds}
        write_tensors(folder / PROGRESS, self.state(), {"progress": json.dumps(at)})

    def resume(self, folder: Path) -> None:
        """Go on with what lies in a folder. UnderstudyError where that is of another recipe, or damaged."""
        file = folder / PROGRESS
        at = json.loads(read_metadata(file)["progress"])
        if (at["recipe"], at["seed"]) != (self.learned, self.seed):
            raise UnderstudyError(
                "This training is another one.",
                expected=f"{self.learned}, seed {self.seed}",
                found=f"{at['recipe']}, seed {at['seed']}",
                where=str(file),
                remedy="Name its own folder, or leave --resume out.",
            )
        self.load(read_tensors(file))
        self.at = Trained(int(at["step"]), float(at["seconds"]))


def make_network(recipe: Recipe) -> EffectNetwork:
    """An untrained network."""
    shape = effect_of(recipe)
    network, inputs = build_effect(shape), shape.inputs
    usual = Scaling(torch.full((inputs,), RANGE[0]), torch.full((inputs,), RANGE[1]))
    network.set_range(recipe.scaling or usual)
    return network


def effect_of(recipe: Recipe) -> Architecture:
    """The architecture of a recipe's network, which makes a picture of one."""
    assert isinstance(recipe.architecture, Architecture)
    return recipe.architecture


def laid_out(network: EffectNetwork, made: Tensor) -> Tensor:
    """Of a network that enlarges, what each pixel becomes as a picture."""
    return made if network.scale == 1 else torch.nn.functional.pixel_shuffle(made, network.scale)


def rate_at(rate: float, step: int, share: float, held: float = 0.5) -> float:
    """Warm-up, then held for so much of the time, then straight down to nothing."""
    return rate * min(1.0, step / WARM_UP) * min(1.0, max(0.0, 1 - share) / (1 - held))


def before_of(batch: Batch) -> Tensor:
    """What there is with nothing done, as large as the truth."""
    size = batch.truth.shape[-2:]
    if batch.input.shape[-2:] == size:
        return batch.input[:, : batch.truth.shape[1]]
    return torch.nn.functional.interpolate(batch.input, size, mode="bicubic", align_corners=False)


def _db(result: Tensor, truth: Tensor) -> float:
    if result.shape != truth.shape:
        return 0.0
    return min(psnr(result.float().numpy(), truth.numpy()), MOST_DB)


def held_batches(recipe: Recipe, pictures: Any, count: int = JUDGED) -> list[Batch]:
    """The same crops of validation photographs, or shots, every time."""
    randoms = (np.random.default_rng([7, number]) for number in range(count))
    if recipe.shot:
        shots = itertools.islice(randoms, JUDGED_SHOTS)
        return [to_batch(recipe.shot(random, pictures, recipe.side)) for random in shots]
    crops = [recipe.make(random, pictures, JUDGED_SIDE) for random in randoms]
    return [to_batch(crops[first : first + 4]) for first in range(0, count, 4)]


def train(
    training: Training, pictures: Any, held: list[Batch], limits: Limits, folder: Path, workers: int = 1
) -> None:
    """Learn until the limits are reached, keeping a checkpoint and a line of the curve every two minutes."""
    prepare(CPU, 1)
    folder.mkdir(parents=True, exist_ok=True)
    stream = Stream(training.recipe, pictures, training.seed, training.at.step + 1, workers)
    last, losses = time.monotonic(), []
    start = last - training.at.seconds
    try:
        while (share := limits.share(time.monotonic() - start, training.at.step)) < 1:
            losses.append(training.step(next(stream), share))
            training.at.seconds = time.monotonic() - start
            if time.monotonic() - last > training.judged_every:
                keep(training, held, losses, folder)
                last, losses = time.monotonic(), []
    finally:
        stream.close()
        keep(training, held, losses, folder)


def keep(training: Training, held: list[Batch], losses: list[float], folder: Path) -> None:
    """A checkpoint, and a line of the curve."""
    training.save(folder)
    training.judge(held)
    at = training.at
    line: dict[str, Any] = {"step": at.step, "seconds": round(at.seconds, 1)}
    line |= {"loss": round(float(np.mean(losses)), 6) if losses else None}
    line |= training.told()
    with (folder / CURVE).open("a") as curve:
        curve.write(json.dumps(line) + "\n")
