"""The steps round the network, as modules that scripting and exporting both understand.

They compute what ``understudy.colour`` computes. Numbers of a step are plain attributes, so that a host that
turns the module into half precision does not round them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from understudy.colour import ColourEncoding
from understudy.network.resampling import cubic_kernel

LARGEST = 3.4028234663852886e38


class Encode(nn.Module):
    """File values -> network values of one group of channels."""

    def __init__(self, encoding: ColourEncoding) -> None:
        super().__init__()
        self.offset, self.scale, self.curved = encoding.offset, encoding.scale, encoding.k != 0.0
        self.start = 1.0 / encoding.k if self.curved else 0.0
        self.root = math.sqrt(encoding.k)
        self.k = encoding.k
        self.top = 2.0 / math.log1p(encoding.k) if self.curved else 1.0

    def forward(self, x: Tensor) -> Tensor:
        t = x - self.offset if self.offset != 0.0 else x
        if self.scale != 1.0:
            t = t / self.scale
        if not self.curved:
            return t
        size = t.abs()
        under = (size + self.start).sqrt() * self.root + 1.0
        return ((size / under) * self.k).log1p() * self.top * t.sign()


class Decode(nn.Module):
    """Network values -> file values of the output; undoes ``Encode``."""

    def __init__(self, encoding: ColourEncoding) -> None:
        super().__init__()
        self.offset, self.scale, self.curved = encoding.offset, encoding.scale, encoding.k != 0.0
        self.k = encoding.k if self.curved else 1.0
        self.rate = 0.5 * math.log1p(encoding.k)
        self.largest = LARGEST

    def forward(self, net: Tensor) -> Tensor:
        v = net
        if self.curved:
            half = (net.abs() * self.rate).expm1()
            v = ((half / self.k) * (half + 2.0)).clamp(max=self.largest) * net.sign()
        if self.scale != 1.0:
            v = v * self.scale
        return v + self.offset if self.offset != 0.0 else v


def repeated(x: Tensor, factor: int) -> Tensor:
    """(1, C, H, W) with every value ``factor`` times across and down."""
    wide = torch.stack([x] * factor, 4).reshape(x.shape[0], x.shape[1], x.shape[2], -1)
    return torch.stack([wide] * factor, 3).reshape(x.shape[0], x.shape[1], -1, wide.shape[3])


class Enlarge(nn.Module):
    """Pictures so many times larger, bicubic, as ``understudy.network.resampling`` has it."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        kernel = cubic_kernel(factor)
        self.factor, self.reach, self.shape = factor, kernel.shape[-1] // 2, list(kernel.shape)
        self.weights = kernel.flatten().tolist()

    def forward(self, x: Tensor) -> Tensor:
        kernel = torch.tensor(self.weights, dtype=torch.float32, device=x.device).reshape(self.shape)
        reach, count = self.reach, x.size(1)
        around = torch.nn.functional.pad(x, [reach, reach, reach, reach], mode="replicate")
        made = torch.nn.functional.conv2d(around, kernel.repeat(count, 1, 1, 1), groups=count)
        return torch.pixel_shuffle(made, self.factor)


class Same(nn.Module):
    """Values as they are."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class LinearToSrgb(nn.Module):
    """Scene-linear -> sRGB, IEC 61966-2-1, odd in its argument."""

    def forward(self, x: Tensor) -> Tensor:
        size = x.abs()
        curve = 1.055 * size.pow(1.0 / 2.4) - 0.055
        return torch.where(size <= 0.0031308, size * 12.92, curve) * x.sign()


class SrgbToLinear(nn.Module):
    """sRGB -> scene-linear, IEC 61966-2-1, odd in its argument."""

    def forward(self, x: Tensor) -> Tensor:
        size = x.abs()
        curve = ((size + 0.055) / 1.055).pow(2.4)
        return torch.where(size <= 0.04045, size / 12.92, curve) * x.sign()


class Power(nn.Module):
    """|value| ** exponent, odd in its argument."""

    def __init__(self, exponent: float) -> None:
        super().__init__()
        self.exponent = exponent

    def forward(self, x: Tensor) -> Tensor:
        return x.abs().pow(self.exponent) * x.sign()


class Negatives(nn.Module):
    """A curve for values from 0 up; below 0 a straight line, of slope 0 where a space holds nothing there."""

    def __init__(self, curve: nn.Module, slope: float) -> None:
        super().__init__()
        self.curve = curve
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x < 0, x * self.slope, self.curve(x.abs()))


class Table(nn.Module):
    """A rising curve by its samples, straight between them and beyond both ends.

    The samples are no buffers: half precision would spoil them.
    """

    def __init__(self, given: list[float], wanted: list[float]) -> None:
        super().__init__()
        self.given = given
        self.wanted = wanted
        self.last = len(given) - 1

    def forward(self, x: Tensor) -> Tensor:
        given = torch.tensor(self.given, dtype=torch.float32, device=x.device)
        wanted = torch.tensor(self.wanted, dtype=torch.float32, device=x.device)
        above = torch.searchsorted(given, x.contiguous()).clamp(1, self.last)
        x0, x1 = given[above - 1], given[above]
        y0, y1 = wanted[above - 1], wanted[above]
        return y0 + (x - x0) / (x1 - x0) * (y1 - y0)


class Matrix(nn.Module):
    """A 3 x 3 matrix on three channels."""

    def __init__(self, rows: list[list[float]]) -> None:
        super().__init__()
        self.rows = rows

    def forward(self, x: Tensor) -> Tensor:
        made = [x[:, 0:1] * row[0] + x[:, 1:2] * row[1] + x[:, 2:3] * row[2] for row in self.rows]
        return torch.cat(made, 1)


class OnChannels(nn.Module):
    """Steps in order on some channels, all others as they are. ``picked`` in rising order."""

    def __init__(self, steps: list[nn.Module], picked: list[int], count: int) -> None:
        super().__init__()
        self.steps = nn.Sequential(*steps)
        self.whole = picked == list(range(count))
        self.picked = picked
        self.places = [picked.index(i) + count if i in picked else i for i in range(count)]

    def forward(self, x: Tensor) -> Tensor:
        if self.whole:
            return self.steps(x)
        light = self.steps(torch.cat([x[:, i : i + 1] for i in self.picked], 1))
        both = torch.cat([x, light], 1)
        return torch.cat([both[:, i : i + 1] for i in self.places], 1)


class Groups(nn.Module):
    """Each group of neighbouring channels through a stage of its own."""

    def __init__(self, stages: list[nn.Module], counts: list[int]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.counts = counts

    def forward(self, x: Tensor) -> Tensor:
        parts: list[Tensor] = []
        start = 0
        for index, stage in enumerate(self.stages):
            stop = start + self.counts[index]
            parts.append(stage(x[:, start:stop]))
            start = stop
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)
