"""A U-Net that does not make light, but says which of the light that is there belongs together.

Renderers' denoisers do so (Bako et al., Kernel-Predicting Convolutional Networks for Denoising Monte Carlo
Renderings, 2017; Vogels et al., Denoising with Kernel Prediction and Asymmetric Loss Functions, 2018): for
each pixel the network gives weights of its neighbours, at several sizes, and how far to trust the larger
ones. What comes out is a mean of light that was seen, and little is added to it: far fewer scenes teach that.
Other than there each pixel also has a ``worth``, which goes with it into all sizes: a path that found a lamp
by chance counts for next to nothing wherever it is looked at.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

from understudy.network.core import Core
from understudy.network.irradiance import COLOURS, light_of, values_of
from understudy.network.parts import Crop, cropped
from understudy.network.resampling import enlarge
from understudy.network.unet import Size, UNet

SEEN = 3.0
"""Network value of the light that such a network sees as 1; of no light it sees -1."""
LEVELS = 5
"""Sizes that light is averaged at, each half of the one before."""
SHIFTS = tuple(itertools.product((slice(0, -2), slice(1, -1), slice(2, None)), repeat=2))
"""A pixel's neighbours and itself, in planes that have one more pixel on each side."""
TAPS = len(SHIFTS)
MOST = 8.0
"""How much e's power can make of a weight, or a worth, to both sides."""


class KernelUNet(Core):
    """(N, inputs, H, W) -> (N, 3, H, W): what the light, the first three planes, becomes, less that light, in
    network values. ``inputs`` -1..1 are network values 0..``SEEN`` of it."""

    def __init__(self, inputs: int, outputs: int, size: Size) -> None:
        super().__init__()
        if outputs != COLOURS or inputs < COLOURS:
            raise ValueError("weights of light that is not three colours of three")
        self.told = [COLOURS, 1, *(TAPS,) * LEVELS, LEVELS - 1]
        self.unet = UNet(inputs, sum(self.told), size)
        self.stride = self.unet.stride
        # Of the largest size a pixel sees three cells, one of them its own, and as many further pixels as all
        # enlargements together mix in: less than four cells.
        about = self.unet.reach + 4 * 2 ** (LEVELS - 1)
        self.reach = -(-about // self.stride) * self.stride

    def forward(
        self, x: Tensor, context: Tensor | None = None, crops: Sequence[Crop] | None = None
    ) -> Tensor:
        told = self.unet(x)
        with torch.autocast(x.device.type, enabled=False):
            rest, worth, *kernels, trust = told.float().split(self.told, 1)
            seen = (x[:, :COLOURS].float() + 1) * (SEEN / 2)
            made = self._together(light_of(seen), worth, kernels, trust.sigmoid())
            return cropped(values_of(made) - seen + rest, crops[0] if crops else None)

    def features(self, x: Tensor) -> list[Tensor]:
        return self.unet.features(x)

    def _together(self, light: Tensor, worth: Tensor, kernels: Sequence[Tensor], trust: Tensor) -> Tensor:
        """The light (N, 3, H, W) of each pixel and its neighbours, of all sizes."""
        found = list(self._levels(light, worth, kernels))
        made = found[-1]
        for level in range(LEVELS - 2, -1, -1):
            share = functional.avg_pool2d(trust[:, level : level + 1], 2**level)
            made = found[level] + (enlarge(made, 2, self.portable) - found[level]) * share
        return made

    def _levels(self, light: Tensor, worth: Tensor, kernels: Sequence[Tensor]) -> Iterator[Tensor]:
        """The same of one size after another, finest first."""
        counts = _bounded(worth).exp()
        known = torch.cat([light * counts, counts], 1)
        for level, kernel in enumerate(kernels):
            if level:
                known = functional.avg_pool2d(known, 2)
                kernel = functional.avg_pool2d(kernel, 2**level)
            total = _weighed(known, _bounded(kernel).exp())
            yield total[:, :COLOURS] / total[:, COLOURS:]


def _bounded(logits: Tensor) -> Tensor:
    """-MOST..MOST, and near 0 as they are."""
    return torch.tanh(logits / MOST) * MOST


def _weighed(planes: Tensor, weights: Tensor) -> Tensor:
    """The sum over each pixel's neighbours of planes (N, C, H, W), by weights (N, TAPS, H, W)."""
    around = functional.pad(planes, (1, 1, 1, 1), mode="replicate")
    each = (
        around[:, :, rows, columns] * weights[:, tap : tap + 1] for tap, (rows, columns) in enumerate(SHIFTS)
    )
    return functools.reduce(torch.add, each)
