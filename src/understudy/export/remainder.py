"""All the heavy work of a network, as modules that scripting and exporting both understand."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from understudy.export.flat import flatten
from understudy.network.guided import MOST_GUIDES, lines_of
from understudy.network.whole import SUREST, guide_of


class Remainder(nn.Module):
    """What a network that sees frames as they are makes of (1, C, H, W): float32, whatever it is computed in.
    ``half``: in half precision."""

    def __init__(self, network: Any, channels: int) -> None:
        super().__init__()
        self.core = flatten(network, _remainder, (channels,))

    def forward(self, net: Tensor, half: bool) -> Tensor:
        return self.core(net.half() if half else net).float()


class WholeRemainder(nn.Module):
    """The same of a network that sees frames whole: the frame as a picture of one size, what the network
    makes of that, and that at the frame's own size with the frame's edges, as ``understudy.network.whole``
    has it."""

    def __init__(self, network: Any, channels: int) -> None:
        super().__init__()
        side, outputs = network.architecture.whole, network.architecture.outputs
        self.side, self.outputs = side, outputs
        self.guides = min(MOST_GUIDES, channels)
        self.matte = network.architecture.kind == "matte"
        self.least, self.most = SUREST, 1.0 - SUREST
        self.resample = Resample()
        self.core = flatten(network, _core, (channels,), side)
        self.lines = flatten(network, _lines, (channels, outputs), side)
        self.guide = flatten(network, _guide, (channels,))

    def forward(self, net: Tensor, half: bool) -> Tensor:
        small = self.resample(net, self.side, self.side)
        answer = self.core(small.half() if half else small).float()
        lines = self.resample(self.lines(small, answer), net.size(2), net.size(3))
        made = self.along(lines, self.guide(net))
        if self.matte:
            made = made.clamp(min=self.least, max=self.most)
            made = (made / (1.0 - made)).log()
        return made

    def along(self, lines: Tensor, guide: Tensor) -> Tensor:
        """As ``understudy.network.guided.along``."""
        made: list[Tensor] = []
        for plane in range(self.outputs):
            start = self.outputs * self.guides + plane
            value = lines[:, start : start + 1]
            for index in range(self.guides):
                slope = plane * self.guides + index
                value = value + lines[:, slope : slope + 1] * guide[:, index : index + 1]
            made.append(value)
        return torch.cat(made, 1)


class Resample(nn.Module):
    """(1, C, h, w) at another size, as ``understudy.network.resampling.resample_to`` has it."""

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        down, across = self.hats(x, x.size(2), height), self.hats(x, x.size(3), width)
        return torch.matmul(down, torch.matmul(x, across.transpose(0, 1)))

    def hats(self, x: Tensor, length: int, size: int) -> Tensor:
        """(size, length): what each pixel of the result takes of each there is. In whole numbers as far as it
        goes: a place in a large frame is too coarse as a float."""
        middles = (torch.arange(size, device=x.device) * 2 + 1) * length
        whole = torch.div(middles, 2 * size, rounding_mode="floor")
        part = (middles - whole * (2 * size)).float() / (2 * size)
        places = torch.arange(length, device=x.device)
        apart = (places.unsqueeze(0) - whole.unsqueeze(1)).float() + 0.5 - part.unsqueeze(1)
        wide = ((part * 0.0 + 1.0) * length / size).clamp(min=1.0).unsqueeze(1)
        weights = (1.0 - apart.abs() / wide).clamp(min=0.0)
        return weights / weights.sum(1, keepdim=True)


def _remainder(network: Any, x: Tensor) -> Tensor:
    return network.remainder(x, network.globals(x))


def _core(network: Any, small: Tensor) -> Tensor:
    return network.unet(network.seen(small))


def _lines(network: Any, small: Tensor, answer: Tensor) -> Tensor:
    matte = network.architecture.kind == "matte"
    return lines_of(answer.sigmoid() if matte else answer, guide_of(network.seen(small)))


def _guide(network: Any, x: Tensor) -> Tensor:
    return guide_of(network.seen(x))[:, :MOST_GUIDES]
