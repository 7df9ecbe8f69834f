"""A network that takes what stands before a green or blue screen off it: a keyer's arithmetic, and what a
U-Net has to say to it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from understudy.network.core import Core
from understudy.network.cores import make_core
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.parts import Crop, cropped
from understudy.network.resampling import enlarge
from understudy.network.screens import (
    CELL,
    Screen,
    excess,
    find_screen,
    light_of,
    ordered,
    read_screen,
    unordered,
    value_of,
)
from understudy.network.unet import SIZES

SEEN = 12
"""Planes that the U-Net sees: the plate, the clean screen, the plate without it, two keys, and how surely the
screen is known."""
TOLD = 5
"""What it says: what is wrong with the key, with how much screen there is, and with three colours."""
COLOURS, OUTPUTS = 3, 4
LEAST_EXCESS, LEAST_SHARE = 0.02, 0.15
"""A screen has at least so much more of its colour than of the others, in light and of its own."""
BEYOND = (-0.5, 1.5)
LEAST_ALPHA, NEXT_TO_NOTHING = 0.05, 1 / 12
"""What is left of the plate is divided by no less alpha, before a bright screen by more: what is left there
is mostly rounding."""
MOST_LIGHT = 60.0
HEADROOM = 1.5
VISIBLE = 1.5
CLIP = (0.08, 0.84)
"""Less screen than the first is none, and over how much more it becomes all: what noise makes of a key."""


def can_key(shape: Architecture) -> bool:
    """Whether an architecture is one that this network can have."""
    told = shape.kind, shape.fit, shape.inputs, shape.outputs, shape.coarse, shape.scale, shape.whole
    return told == ("image", "identity", COLOURS, OUTPUTS, 1, 1, 0) and shape.size in SIZES


class KeyingNetwork(EffectNetwork):
    """(N, 3, H, W) -> the straight foreground's red, green and blue, and alpha.

    ``globals`` finds the screen of the whole frame. The plate is taken for alpha * foreground + share *
    screen, in light: a colour difference key is a first share, and 1 - that a first alpha; the U-Net corrects
    both, each by itself, as the screen's light also falls on the foreground. What is left is divided by the
    alpha, and corrected a little more. Where the frame has no screen, alpha is 1 and the foreground is the
    plate.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        self.stride = self.crop_stride = self.grid = math.lcm(self.stride, CELL)
        self.reach += CELL // 2  # of the next cell a pixel at the end of a part sees a bilinear share

    def _make_core(self, seen: int, outputs: int) -> Core:
        return make_core(self.architecture.size, SEEN, TOLD)

    def globals(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 6, H / 8, W / 8) float32: see ``find_screen``."""
        with torch.autocast(x.device.type, enabled=False):
            return find_screen(x.float(), self.portable)

    def remainder(self, x: Tensor, g: Tensor | None = None, crops: Sequence[Crop] | None = None) -> Tensor:
        """What the foreground has beyond the plate, and the alpha: (N, 4, H, W) float32."""
        kept, within = (None, None) if crops is None else (crops[0], crops[1:])
        g = self.globals(x) if g is None else g
        with torch.autocast(x.device.type, enabled=False):
            values = ordered(x[:, :3].float(), read_screen(g).green)
            screen, share, seen = self._keyed(values, g)
        told = self.unet(seen.to(x.dtype), None, within).float()
        with torch.autocast(x.device.type, enabled=False):
            parts = (cropped(each, kept) for each in (values, screen.light, share))
            return self._taken_apart(told, screen, *parts)

    def _keyed(self, values: Tensor, g: Tensor) -> tuple[Screen, Tensor, Tensor]:
        """The screen behind each pixel, the share of it by a colour difference key, and what the U-Net
        sees."""
        found = read_screen(g)
        planes = torch.cat([found.light, found.sure, value_of(found.light)], 1)
        behind = enlarge(planes, CELL, self.portable)
        screen = found._replace(light=behind[:, :3], sure=behind[:, 3:4])
        light = light_of(values)
        least = (screen.light[:, 0:1] * LEAST_SHARE).clamp(min=LEAST_EXCESS)
        by_larger, by_mean = (
            (more(light) / torch.maximum(more(screen.light), least)).clamp(*BEYOND) * found.there
            for more in (excess, _beyond_mean)
        )
        rest = value_of((light - by_larger.clamp(0.0, 1.0) * screen.light).clamp(min=0.0))
        seen = torch.cat([values, behind[:, 4:7], rest, by_larger, by_mean, screen.sure], 1)
        return screen, by_larger, (seen * 2 - 1).clamp(-VISIBLE, VISIBLE)

    def _taken_apart(
        self, told: Tensor, screen: Screen, values: Tensor, behind: Tensor, share: Tensor
    ) -> Tensor:
        """What is told of each pixel, on top of what its key says, as a change of colours and as alpha."""
        start, rise = CLIP
        alpha = self._held(1 - (share - start) / rise + told[:, 0:1], 0.0, 1.0)
        alpha = 1 - screen.there * (1 - alpha)
        share = self._held(share + told[:, 1:2], 0.0, 2.0)
        light = light_of(values)
        least = (behind[:, 0:1] * NEXT_TO_NOTHING).clamp(min=LEAST_ALPHA)
        own = self._held((light - share * behind) / torch.maximum(alpha.detach(), least), 0.0, MOST_LIGHT)
        own = torch.minimum(own, (light.amax(1, keepdim=True) * HEADROOM).clamp(min=1.0))
        made = value_of(own)
        if self.training:  # with the slope of light: that of its curve is without end in the dark
            made = own + (made - own).detach()
        change = made - value_of(light) + told[:, 2:5] * screen.there
        return torch.cat([unordered(change, screen.green), alpha], 1)

    def _held(self, values: Tensor, low: float, high: float) -> Tensor:
        """Values within bounds; while it learns, with the slope of those without: what went too far is to
        come back, also from where the result has stopped to change."""
        held = values.clamp(low, high)
        return values + (held - values).detach() if self.training else held

    def base(self, x: Tensor) -> Tensor:
        """The plate, and no alpha."""
        return torch.cat([x[:, :COLOURS], torch.zeros_like(x[:, :1])], 1)


def _beyond_mean(light: Tensor) -> Tensor:
    """How much more of the screen's colour there is than the mean of the others."""
    return light[:, 0:1] - (light[:, 1:2] + light[:, 2:3]) / 2
