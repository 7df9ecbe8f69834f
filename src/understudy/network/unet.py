"""The network that learns what the colour fit leaves over: a residual U-Net that starts at half resolution.

A pixel-unshuffle stem moves the work from full to half resolution, and the last pixel-shuffle brings the
detail back. There is no normalisation over the frame, so that a tile sees what the whole frame sees.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from understudy.network.core import Core
from understudy.network.parts import Crop, cropped, crops_of, reach_of

SLOPE = 0.1
STEM = 2


@dataclass(frozen=True)
class Size:
    """Channels at each level from half resolution down, and residual blocks on the way down and up."""

    widths: tuple[int, ...]
    down: tuple[int, ...]
    up: tuple[int, ...]


MODEL_SIZES = ("small", "medium", "large")
"""For trainings to choose from."""
SIZES = {
    "small": Size((32, 48, 64, 96), (1, 1, 1, 2), (1, 1, 1)),
    "medium": Size((48, 96, 144, 192), (1, 1, 1, 2), (1, 1, 1)),
    "large": Size((64, 128, 192, 256), (1, 1, 2, 2), (1, 1, 1)),
    "deep": Size((32, 48, 96, 144), (1, 1, 2, 3), (1, 1, 1)),
    "detail": Size((48, 64), (2, 1), (3,)),
    "fine-detail": Size((80, 96), (3, 1), (4,)),
}
"""Deep is for what only the whole of a frame tells, as where people are: most that it has lies at an eighth
and a sixteenth of the resolution. The two of detail are for enlarging, which little more than a pixel's
neighbours tell anything of: nearly all that they have lies at half resolution."""


def without_deepest(size: Size) -> Size:
    """The same network without its coarsest level."""
    return replace(size, widths=size.widths[:-1], down=size.down[:-1], up=size.up[:-1])


class ResidualBlock(nn.Module):
    """x + convolution(activation(convolution(x))); it begins as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        _silence(self.second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(torch.nn.functional.leaky_relu(self.first(x), SLOPE, inplace=True))


def _silence(layer: nn.Conv2d) -> None:
    """Let a layer begin with no answer at all."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))


class UNet(Core):
    """(N, inputs, H, W) -> (N, outputs, H, W) at any H and W that are multiples of ``stride``.

    ``reach``: pixels on each side that a part depends on which begins and ends on the stride. The output is 0
    everywhere before training. ``context`` counts the channels of planes at half resolution,
    (N, context, H / 2, W / 2), that are added after the stem.
    """

    def __init__(self, inputs: int, outputs: int, size: Size, context: int = 0) -> None:
        super().__init__()
        widths = size.widths
        self.size = size
        self.stride = STEM * 2 ** (len(widths) - 1)
        self.reach = reach_of(self.stride, STEM, size.down, size.up)
        self.stem = nn.Conv2d(inputs * STEM * STEM, widths[0], 3, padding=1)
        self.context = nn.Conv2d(context, widths[0], 1) if context else None
        self.encoder = nn.ModuleList(_blocks(w, n) for w, n in zip(widths, size.down, strict=True))
        steps = list(itertools.pairwise(widths))
        self.shrink = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in steps)
        self.grow = nn.ModuleList(nn.Conv2d(coarse, fine * 4, 1) for fine, coarse in steps)
        self.decoder = nn.ModuleList(_blocks(w, n) for w, n in zip(widths[:-1], size.up, strict=True))
        self.head = nn.Conv2d(widths[0], outputs * STEM * STEM, 3, padding=1)
        _silence(self.head)

    def features(self, x: Tensor) -> list[Tensor]:
        h, seen = self.stem(torch.pixel_unshuffle(x, STEM)), []
        for blocks, shrink in zip(self.encoder, [*self.shrink, None], strict=True):
            h = blocks(h)
            seen.append(h)
            h = h if shrink is None else shrink(h)
        return seen

    def is_silent(self) -> bool:
        return not any(bool(each.any()) for each in self.head.parameters())

    def crops(self, kept: Crop, size: tuple[int, int]) -> list[Crop]:
        """What ``forward`` takes to compute no more than ``kept`` of an input of ``size`` = (H, W)."""
        return crops_of(kept, size, STEM, self.size.down, self.size.up)

    def forward(
        self, x: Tensor, context: Tensor | None = None, crops: Sequence[Crop] | None = None
    ) -> Tensor:
        """``crops``: what is cut away on the way, where only a part is asked for."""
        crop = itertools.repeat(None) if crops is None else iter(crops)
        h = self.stem(torch.pixel_unshuffle(cropped(x, next(crop)), STEM))
        around = next(crop)
        if self.context is not None and context is not None:
            h = h + self.context(cropped(context, around))
        skips: list[Tensor] = []
        for blocks, shrink in zip(self.encoder[:-1], self.shrink, strict=True):
            h = blocks(h)
            skips.append(cropped(h, next(crop)))
            h = shrink(cropped(h, next(crop)))
        h = cropped(self.encoder[-1](h), next(crop))
        levels = zip(reversed(self.grow), reversed(self.decoder), reversed(skips), strict=True)
        for grow, blocks, skip in levels:
            h = cropped(blocks(torch.pixel_shuffle(grow(h), 2) + skip), next(crop))
        return cropped(torch.pixel_shuffle(self.head(h), STEM), next(crop))
