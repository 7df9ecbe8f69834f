"""U-2-Net: a U whose stages are small Us themselves (Qin et al., U2-Net: Going Deeper with Nested U-Structure
for Salient Object Detection, 2020).

Six stages on the way down, five on the way up; each of the six scales gives an answer of its own, a seventh
is made of these, and all seven are learned from. Where the paper has batch normalisation, the weights are
standardised instead (Qiao et al., 2019; Brock et al., 2021), which needs about as many parameters: the
answer to a picture depends on that picture alone, and a batch may be computed in parts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from understudy.network.core import Core
from understudy.network.parts import Crop, cropped
from understudy.network.resampling import enlarge

RELU_GAIN = math.sqrt(2 / (1 - 1 / math.pi))
"""By how much a rectifier makes a normal signal vary less."""
EVEN = math.sqrt(0.5)
"""What the sum of two signals is multiplied by, to vary as much as each."""
DILATIONS = (1, 2, 4, 8)
"""Of the stages that are too small to be made smaller."""
DEPTHS = (7, 6, 5, 4)
"""Levels of the first stages; the others have dilations instead."""
STAGES = 6


@dataclass(frozen=True)
class NestedSize:
    """Channels inside each stage and out of it, six on the way down and, finest first, five on the way up;
    ``memory``: about how many bytes each pixel of a crop takes while it is learned from."""

    encoder: tuple[tuple[int, int], ...]
    decoder: tuple[tuple[int, int], ...]
    memory: int


NESTED_SIZES = {
    "u2net": NestedSize(
        ((32, 64), (32, 128), (64, 256), (128, 512), (256, 512), (256, 512)),
        ((16, 64), (32, 64), (64, 128), (128, 256), (256, 512)),
        9000,
    ),
    "u2netp": NestedSize(((16, 64),) * 6, ((16, 64),) * 5, 5000),
}


class Convolution(nn.Module):
    """3x3, and a rectifier. Each output's weights have no mean and one scale, and a ``gain`` that is
    learned."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)
        self.gain = nn.Parameter(torch.ones(outputs))
        self.reach = dilation

    def forward(self, x: Tensor) -> Tensor:
        weight = self.conv.weight
        centred = weight - weight.mean((1, 2, 3), keepdim=True)
        size = (centred * centred).sum((1, 2, 3), keepdim=True)
        weight = centred * (size + 1e-8).rsqrt() * (self.gain * RELU_GAIN).view(-1, 1, 1, 1)
        made = functional.conv2d(x, weight, self.conv.bias, padding=self.reach, dilation=self.reach)
        return functional.relu(made)


class ResidualU(nn.Module):
    """RSU-n: a U of ``depth`` levels, the last of them dilated, over what a first convolution made, which is
    added at its end. ``depth`` 0: RSU-4F, which goes down by dilation alone."""

    def __init__(self, inputs: int, middle: int, outputs: int, depth: int) -> None:
        super().__init__()
        self.pools = depth > 0
        rates = (1,) * (depth - 1) + (2,) if depth else DILATIONS
        widths = [outputs, *(middle,) * len(rates)]
        self.enter = Convolution(inputs, outputs)
        downs = zip(itertools.pairwise(widths), rates, strict=True)
        self.down = nn.ModuleList(Convolution(*both, rate) for both, rate in downs)
        ups = [(2 * middle, outputs if level == 0 else middle) for level in range(len(rates) - 1)]
        self.up = nn.ModuleList(Convolution(*both, rate) for both, rate in zip(ups, rates, strict=False))
        self.reach = self._reach(rates)

    def forward(self, x: Tensor, portable: bool = False) -> Tensor:
        entered = self.enter(x)
        levels, h = [], entered
        for index, convolution in enumerate(self.down):
            shrinks = self.pools and 0 < index < len(self.down) - 1
            h = convolution(functional.max_pool2d(h, 2, 2) if shrinks else h)
            levels.append(h)
        for convolution, level in zip(reversed(self.up), reversed(levels[:-1]), strict=True):
            if level.shape[-1] != h.shape[-1]:
                h = enlarge(h, 2, portable)
            h = convolution(torch.cat([h, level], 1))
        return (h + entered) * EVEN

    def _reach(self, rates: Sequence[int]) -> int:
        """Pixels on each side that it looks at, at the most: from where it goes down to where it comes up."""
        total, side = 1, 1
        for index, rate in enumerate(rates):
            if self.pools and 0 < index < len(rates) - 1:
                side *= 2
                total += side  # a pixel that is made larger is mixed with its neighbour
            total += side * (rate if index == len(rates) - 1 else 2 * rate)
        return total


class NestedUNet(Core):
    """``sides`` is seven: the fused answer, and that of each scale, finest first. All are 0 before
    training."""

    sides = STAGES + 1

    def __init__(self, inputs: int, outputs: int, size: NestedSize) -> None:
        super().__init__()
        self.stride, self.outputs = 2 ** (STAGES - 1), outputs
        wide = [inputs, *(out for _, out in size.encoder)]
        depths = (*DEPTHS, 0, 0)
        self.encoder = nn.ModuleList(
            ResidualU(wide[index], middle, out, depths[index])
            for index, (middle, out) in enumerate(size.encoder)
        )
        below = [*(out for _, out in size.decoder[1:]), size.encoder[-1][1]]
        self.decoder = nn.ModuleList(
            ResidualU(below[index] + size.encoder[index][1], middle, out, depths[index])
            for index, (middle, out) in enumerate(size.decoder)
        )
        ends = [*(out for _, out in size.decoder), size.encoder[-1][1]]
        self.head = nn.ModuleList(nn.Conv2d(end, outputs, 3, padding=1) for end in ends)
        for layer in self.head:
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)
        self.head.append(_mean_of(STAGES, outputs))
        self.reach = self._reach()

    def forward(
        self, x: Tensor, context: Tensor | None = None, crops: Sequence[Crop] | None = None
    ) -> Tensor:
        return cropped(self.answers(x)[:, : self.outputs], crops[0] if crops else None)

    def features(self, x: Tensor) -> list[Tensor]:
        stages, h = [], x
        for index, stage in enumerate(self.encoder):
            h = stage(functional.max_pool2d(h, 2, 2) if index else h, self.portable)
            stages.append(h)
        return stages

    def answers(self, x: Tensor) -> Tensor:
        stages = self.features(x)
        h = stages[-1]
        scales = [h]
        for stage, skip in zip(reversed(self.decoder), reversed(stages[:-1]), strict=True):
            h = stage(torch.cat([enlarge(h, 2, self.portable), skip], 1), self.portable)
            scales.append(h)
        told = [
            enlarge(head(scale), 2**level, self.portable)
            for level, (head, scale) in enumerate(zip(self.head, reversed(scales), strict=False))
        ]
        return torch.cat([self.head[-1](torch.cat(told, 1)), *told], 1)

    def is_silent(self) -> bool:
        return not any(bool(parameter.any()) for head in self.head[:-1] for parameter in head.parameters())

    def _reach(self) -> int:
        stages = [*enumerate(self.encoder), *enumerate(self.decoder)]
        through = sum(stage.reach * 2**level for level, stage in stages if isinstance(stage, ResidualU))
        between = sum(2**level for level in range(1, STAGES))  # what is made larger on the way up
        return through + between + 2 * 2 ** (STAGES - 1)  # and the answers of all scales


def _mean_of(count: int, outputs: int) -> nn.Conv2d:
    """1x1, from ``count`` answers of so many planes to one, which begins as their mean."""
    fuse = nn.Conv2d(count * outputs, outputs, 1)
    assert fuse.bias is not None
    with torch.no_grad():
        fuse.weight.copy_(torch.eye(outputs).repeat(1, count)[:, :, None, None] / count)
        nn.init.zeros_(fuse.bias)
    return fuse
