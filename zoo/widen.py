"""What a smaller network of a recipe has learned, in a wider and deeper one that gives the same at first.

What the smaller one has goes on as it was: its channels are the first ones, its blocks the first of each
level, and nothing that is new speaks into them yet. The new channels hear all; new blocks begin as the
identity.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from understudy.errors import UnderstudyError
from understudy.network.effect import EffectNetwork
from understudy.network.model_file import read_tensors
from understudy.network.unet import UNet
from zoo.training import PROGRESS, Training

AVERAGE = "average."
STEM = "unet.stem.weight"
"""Further inputs are heard from the beginning: what was silent would take long to be heard."""


def begin_from(training: Training, folder: Path) -> None:
    """Let a training begin from the average that another one of the recipe has kept in its folder, with a
    network that is no wider or deeper. UnderstudyError where it is."""
    kept = {
        name.removeprefix(AVERAGE): tensor
        for name, tensor in read_tensors(folder / PROGRESS).items()
        if name.startswith(AVERAGE)
    }
    if misfits := [name for name, tensor in kept.items() if not _fits(training.network, name, tensor)]:
        raise UnderstudyError(
            "This training's network does not go into that of the recipe.",
            expected="the same kind of network, nowhere wider or deeper",
            found=f"another {misfits[0]}",
            where=str(folder),
        )
    widen(training.network, kept)
    if isinstance(training.network, EffectNetwork) and isinstance(training.network.unet, UNet):
        see_alike(training.network, kept["low"], kept["high"])
    training.average.load_state_dict(training.network.state_dict())


def _fits(network: nn.Module, name: str, tensor: Tensor) -> bool:
    own = network.state_dict().get(name)
    return own is not None and all(a <= b for a, b in zip(tensor.shape, own.shape, strict=True))


@torch.no_grad()
def widen(network: nn.Module, kept: dict[str, Tensor]) -> None:
    """Put ``kept``, the state of a network that is nowhere larger, into ``network``, which then gives what
    that one gives."""
    for name, own in network.named_parameters():
        if name not in kept:
            continue
        there = kept[name]
        if own.ndim == 4 and name != STEM:
            own[: there.shape[0], there.shape[1] :] = 0  # what is new says nothing to what is old
        own[tuple(slice(length) for length in there.shape)] = there


@torch.no_grad()
def see_alike(network: EffectNetwork, low: Tensor, high: Tensor) -> None:
    """Let a network whose weights saw a range of ``low`` to ``high``, of its first inputs, answer alike with
    the range that it has: the change goes into the stem."""
    stem: Any = network.unet.stem
    count = len(low)
    ours = network.high[:count] - network.low[:count]
    gain = ours / (high - low)
    shift = gain - 1 + 2 * (network.low[:count] - low) / (high - low)
    each = stem.weight.shape[1] // network.architecture.inputs
    part = stem.weight[:, : count * each]
    stem.bias += (part.sum((2, 3)) * shift.repeat_interleave(each)).sum(1)
    part *= gain.repeat_interleave(each)[:, None, None]
