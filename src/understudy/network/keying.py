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
CLEAN = 6
"""Planes of a clean plate."""
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
    made = shape.kind, shape.outputs
    told = shape.fit, shape.inputs, shape.coarse, shape.scale, shape.whole
    fits = made in (("image", OUTPUTS), ("matte", 1)) and told == ("identity", COLOURS, 1, 1, 0)
    return fits and shape.size in SIZES


class KeyingNetwork(EffectNetwork):
    """(N, 3, H, W) -> the straight foreground's red, green and blue, and alpha; of a matte the alpha alone.

    ``globals`` finds the screen of the whole frame. The plate is taken for alpha * foreground + share *
    screen, in light: a colour difference key is a first share, and 1 - that a first alpha; the U-Net corrects
    both, each by itself, as the screen's light also falls on the foreground. What is left is divided by the
    alpha, and corrected a little more. Where the frame has no screen, alpha is 1 and the foreground is the
    plate. It learns from crops that have the ``clean_plate`` of their whole frames behind them.
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
            screen, clean = self._behind(g)
            values = ordered(x[:, :COLOURS].float(), screen.green)
            share, seen = self._keyed(values, screen, clean)
        told = self.unet(seen.to(x.dtype), None, within).float()
        with torch.autocast(x.device.type, enabled=False):
            parts = (cropped(each, kept) for each in (values, screen.light, share))
            return self._taken_apart(told, screen, *parts)

    def clean_plate(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) of any size -> (N, ``CLEAN``, H, W): the clean screen behind each pixel, red, green
        and blue; how surely it is known; whether the frame has one, and whether that is green, the same
        everywhere."""
        height, width = x.shape[-2:]
        below, right = -height % self.stride, -width % self.stride
        padded = torch.nn.functional.pad(x.float(), (0, right, 0, below), mode="replicate")
        screen, clean = self._behind(self.globals(padded))
        everywhere = [each.expand_as(screen.sure) for each in (screen.there, screen.green)]
        planes = torch.cat([unordered(clean, screen.green), screen.sure, *everywhere], 1)
        return planes[..., :height, :width]

    def first_alpha(self, x: Tensor) -> Tensor:
        """(N, 1, H, W): the alpha by its colour difference key alone, of what ``answer`` takes."""
        with torch.autocast(x.device.type, enabled=False):
            screen, clean = _given(x)
            share = self._keyed(ordered(x[:, :COLOURS].float(), screen.green), screen, clean)[0]
            return 1 - screen.there * ((share - CLIP[0]) / CLIP[1]).clamp(0.0, 1.0)

    def answer(self, x: Tensor | None, window: Tensor | None = None, offset: Tensor | None = None) -> Tensor:
        """Of crops with the ``clean_plate`` of their frames behind the plate, (N, 3 + CLEAN, H, W); or of
        whole pictures alone, (N, 3, H, W)."""
        assert x is not None
        if x.shape[1] == COLOURS:
            return self.remainder(x)
        with torch.autocast(x.device.type, enabled=False):
            screen, clean = _given(x)
            values = ordered(x[:, :COLOURS].float(), screen.green)
            share, seen = self._keyed(values, screen, clean)
        told = self.unet(seen.to(x.dtype)).float()
        with torch.autocast(x.device.type, enabled=False):
            return self._taken_apart(told, screen, values, screen.light, share)

    def finish(self, x: Tensor, remainder: Tensor, place: Crop | None = None) -> Tensor:
        if self.architecture.kind == "matte":  # an alpha already
            return remainder.float()
        return super().finish(x, remainder, place)

    def _behind(self, g: Tensor) -> tuple[Screen, Tensor]:
        """The screen behind each pixel, in light, and the same in network values; both in order."""
        found = read_screen(g)
        planes = torch.cat([found.light, found.sure, value_of(found.light)], 1)
        behind = enlarge(planes, CELL, self.portable)
        return found._replace(light=behind[:, :3], sure=behind[:, 3:4]), behind[:, 4:7]

    def _keyed(self, values: Tensor, screen: Screen, clean: Tensor) -> tuple[Tensor, Tensor]:
        """The share of the screen by a colour difference key, and what the U-Net sees."""
        light = light_of(values)
        least = (screen.light[:, 0:1] * LEAST_SHARE).clamp(min=LEAST_EXCESS)
        by_larger, by_mean = (
            (more(light) / torch.maximum(more(screen.light), least)).clamp(*BEYOND) * screen.there
            for more in (excess, _beyond_mean)
        )
        rest = value_of((light - by_larger.clamp(0.0, 1.0) * screen.light).clamp(min=0.0))
        seen = torch.cat([values, clean, rest, by_larger, by_mean, screen.sure], 1)
        return by_larger, (seen * 2 - 1).clamp(-VISIBLE, VISIBLE)

    def _taken_apart(
        self, told: Tensor, screen: Screen, values: Tensor, behind: Tensor, share: Tensor
    ) -> Tensor:
        """What is told of each pixel, on top of what its key says, as a change of colours and as alpha; of a
        matte as alpha alone."""
        start, rise = CLIP
        alpha = self._held(1 - (share - start) / rise + told[:, 0:1], 0.0, 1.0)
        alpha = 1 - screen.there * (1 - alpha)
        if self.architecture.kind == "matte":
            return alpha
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


def _given(x: Tensor) -> tuple[Screen, Tensor]:
    """What ``KeyingNetwork._behind`` tells, from the clean plate behind the plate's channels."""
    planes = x[:, COLOURS : COLOURS + CLEAN].float()
    there, green = (planes[:, place : place + 1].amax((2, 3), keepdim=True) for place in (4, 5))
    clean = ordered(planes[:, :3], green)
    return Screen(light_of(clean), planes[:, 3:4], there, green), clean


def _beyond_mean(light: Tensor) -> Tensor:
    """How much more of the screen's colour there is than the mean of the others."""
    return light[:, 0:1] - (light[:, 1:2] + light[:, 2:3]) / 2
