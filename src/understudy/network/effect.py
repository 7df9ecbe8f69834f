"""The network as a whole: the colour fit, and what a U-Net adds to it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from understudy.device import memory_format
from understudy.network.colour_fit import ColourFit, Scaling, count_terms, terms
from understudy.network.places import PLACES
from understudy.network.unet import SIZES, UNet

MARGIN = 0.25
CHANGE = 0.5


@dataclass(frozen=True)
class Architecture:
    """All that is needed to build the network again. ``fit`` is identity, linear, cubic or placed.

    ``inputs`` counts the plate's channels and those of the extra layers; ``same_channels`` tells that the
    outputs are the plate's own channels, changed. Behind the plate's ``plate`` channels come those of
    ``beside`` frames before and after it.
    """

    inputs: int
    outputs: int
    size: str = "medium"
    kind: str = "image"
    fit: str = "identity"
    same_channels: bool = True
    fit_inputs: int = field(default=0)
    plate: int = 0
    beside: int = 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class EffectNetwork(nn.Module):
    """Network values in, network values out, at any height and width that are multiples of ``stride``.

    image: fit(x) + remainder(x); matte: sigmoid(remainder(x)). ``reach``: pixels of context on each side.
    Where ``placed``, x has two channels more than ``inputs``: the places (``understudy.network.places``),
    and the U-Net sees what the fit makes of x too, as it cannot know where it is. ``portable``: compute with
    operators alone that do not depend on the size of the frame, for a host that gets the network as a file.
    """

    low: Tensor
    high: Tensor
    gain: Tensor
    fit_weights: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.portable = False
        self.placed = architecture.fit == "placed"
        seen = architecture.inputs + (architecture.outputs if self.placed else 0)
        self.unet = UNet(seen, architecture.outputs, SIZES[architecture.size])
        if architecture.beside:
            self._begin_from_plate(seen)
        self.stride, self.reach = self.unet.stride, self.unet.reach
        self.register_buffer("low", torch.zeros(architecture.inputs))
        self.register_buffer("high", torch.ones(architecture.inputs))
        self.register_buffer("gain", torch.ones(()))  # of 1 always; every .cat there is has one
        self.register_buffer("fit_weights", torch.zeros(_term_count(architecture), architecture.outputs))

    @torch.no_grad()
    def _begin_from_plate(self, seen: int) -> None:
        """Weights as large as without the frames before and after, which more inputs would make smaller."""
        shape = self.architecture
        self.unet.stem.weight.mul_((seen / (seen - shape.plate * shape.beside)) ** 0.5)

    def lay_out(self, device: torch.device) -> EffectNetwork:
        """Itself on a device, its weights in the order in which convolutions are fast there."""
        self.to(device)
        for weights in self.parameters():
            if weights.ndim == 4:
                weights.data = weights.data.to(memory_format=memory_format(device))
        return self

    def set_fit(self, fit: ColourFit, scaling: Scaling) -> None:
        """Take over a fit that was made for the channels of this network."""
        self.fit_weights.copy_(fit.weights)
        self.set_range(scaling)

    def set_range(self, scaling: Scaling) -> None:
        """Take over the range of the plate and the extra layers; the frames before and after have the
        plate's."""
        shape = self.architecture
        for ours, seen in ((self.low, scaling.low), (self.high, scaling.high)):
            ours.copy_(torch.cat([seen[: shape.plate].repeat(1 + shape.beside), seen[shape.plate :]]))

    def globals(self, x: Tensor) -> Tensor:
        """What is global in a whole frame (1, C, H, W): nothing in this architecture, so (1, 0)."""
        return x.new_zeros((x.shape[0], 0))

    def forward(self, x: Tensor, g: Tensor | None = None) -> Tensor:
        """(N, C, H, W) -> (N, C_out, H, W), float32."""
        return self.finish(x, self.remainder(x, g))

    def remainder(self, x: Tensor, g: Tensor | None = None) -> Tensor:
        """What the U-Net makes of (N, C, H, W): all the heavy work, in whatever precision it runs."""
        return self.unet(self.seen(x))

    def seen(self, x: Tensor) -> Tensor:
        """The input about -1..1 over the range of the pairs, held a little beyond it: what lies far outside
        would be answered with something never learned."""
        low, high = self.low.view(1, -1, 1, 1), self.high.view(1, -1, 1, 1)
        scaled = (x[:, : self.architecture.inputs] - low) / (high - low) * 2 - 1
        if self.architecture.beside:
            scaled = self._as_changes(scaled)
        if self.placed:
            with torch.autocast(x.device.type, enabled=False):
                scaled = torch.cat([scaled, self.base(x) * 2 - 1], 1)
        return scaled.clamp(-1 - 2 * MARGIN, 1 + 2 * MARGIN)

    def _as_changes(self, scaled: Tensor) -> Tensor:
        """The frames before and after as what differs from the plate, which is what they have to tell."""
        shape = self.architecture
        end = shape.plate * (1 + shape.beside)
        plate = scaled[:, : shape.plate]
        changes = (scaled[:, shape.plate : end] - torch.cat([plate] * shape.beside, 1)) * CHANGE
        return torch.cat([plate, changes, scaled[:, end:]], 1)

    def finish(self, x: Tensor, remainder: Tensor) -> Tensor:
        """The result from the input and the U-Net's answer, always in float32."""
        with torch.autocast(x.device.type, enabled=False):
            if self.architecture.kind == "matte":
                return remainder.float().sigmoid()
            return self.base(x.float()) + remainder.float() * self.gain

    def base(self, x: Tensor) -> Tensor:
        """The colour fit of (N, C, H, W); the plate itself where the fit is the identity."""
        shape = self.architecture
        plate = x[:, : shape.outputs] if shape.same_channels else None
        if shape.fit == "identity" and plate is not None:
            return plate
        count = shape.fit_inputs
        low, high = self.low[:count], self.high[:count]
        slope = torch.ones_like(low) * 2 / (high - low)
        start = (low * slope).neg() - 1
        scaled = (x[:, :count] * slope.view(1, -1, 1, 1) + start.view(1, -1, 1, 1)).clamp(-1, 1)
        change = self._weigh(terms(scaled, shape.fit, 1, x[:, -PLACES:] if self.placed else None))
        return change if plate is None else plate + change

    def _weigh(self, features: Tensor) -> Tensor:
        """The features (N, T, H, W) times their weights. A convolution takes any size in every host; the
        product of matrices is much faster where the size may be looked at."""
        weights = self.fit_weights.T
        if self.portable:
            return torch.nn.functional.conv2d(features, weights[:, :, None, None])
        return (weights @ features.flatten(2)).unflatten(2, features.shape[2:])


def _term_count(architecture: Architecture) -> int:
    if architecture.kind == "matte":
        return 0
    return count_terms(architecture.fit_inputs, architecture.fit)
