"""A small network that keeps the contract of the real ones: stride 8, a known reach, and something global."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class TinyNetwork(nn.Module):
    """A two-level U-Net with a residual; every frame's mean changes every pixel, so globals must be right."""

    stride = 8
    reach = 40

    def __init__(self, channels: int = 3, out: int | None = None, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.out = channels if out is None else out
        self.stem = nn.Conv2d(channels * 4, 12, 3, padding=1)
        self.down = nn.Conv2d(12, 16, 4, stride=4)
        self.deep = nn.Conv2d(16, 16, 3, padding=1)
        self.tail = nn.Conv2d(28, self.out * 4, 3, padding=1)
        self.mood = nn.Linear(channels, 12)

    def globals(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        return self.finish(x, self.remainder(x, g))

    def remainder(self, x: Tensor, g: Tensor) -> Tensor:
        fine = functional.silu(self.stem(functional.pixel_unshuffle(x, 2)) + self.mood(g)[:, :, None, None])
        deep = functional.silu(self.deep(self.down(fine)))
        deep = functional.interpolate(deep, scale_factor=4, mode="bilinear", align_corners=False)
        return functional.pixel_shuffle(self.tail(torch.cat([fine, deep], 1)), 2)

    def finish(self, x: Tensor, remainder: Tensor) -> Tensor:
        if self.out != x.shape[1]:
            return torch.sigmoid(remainder.float())
        return x + remainder.float()


class NothingNetwork(TinyNetwork):
    """Changes nothing at all."""

    def finish(self, x: Tensor, remainder: Tensor) -> Tensor:
        return x
