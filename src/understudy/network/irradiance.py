"""Light without what surfaces are painted with, for networks that see their albedo.

What a renderer's path finds is the light that falls on a surface times what that throws back of it. The
first is smooth nearly everywhere, the second is known from its layer: so the colours are divided by it for
the network, and what that makes of them is multiplied by it again, which keeps every texture as sharp as the
layer is. Colours are network values of scene-linear light, through the logarithmic curve. Where a renderer
knows no albedo, as of the sky, of mirrors and of lamps, it is 0, and the colours stay as they are.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from understudy.colour import LINEAR

COLOURS = 3
CURVE = math.log1p(LINEAR.k)
LARGEST = 1e30
"""Light that floats still hold when it has been divided and multiplied."""
LEAST = 0.03
"""No channel is divided by less: what is black is only noise."""
FADE = 40.0
"""How fast, with its largest channel, an albedo begins to count."""
BRIGHTEST = 6.0
"""Network value of the most light that a network may ask for: some 1.5 million times white."""


def divided(x: Tensor, albedo: int) -> Tensor:
    """(N, C, H, W) whose first three channels are colours, and three from ``albedo`` on that of the surface:
    the same, float32, with the light that falls in place of the colours."""
    with torch.autocast(x.device.type, enabled=False):
        values = x.float()
        light = light_of(values[:, :COLOURS]) / _share(values, albedo)
        return torch.cat([values_of(light), values[:, COLOURS:]], 1)


def multiplied(light: Tensor, x: Tensor, albedo: int) -> Tensor:
    """The colours (N, 3, H, W) that the surfaces of x throw back of ``light``, all of them network values."""
    falling = light_of(light.float().clamp(-BRIGHTEST, BRIGHTEST))
    return values_of(falling * _share(x.float(), albedo))


def light_of(values: Tensor) -> Tensor:
    """What ``colour.decode_tensor`` makes of LINEAR, with operators alone that every host has."""
    size = (values.abs() * CURVE).expm1() / LINEAR.k
    return size.clamp(max=LARGEST) * values.sign()


def values_of(light: Tensor) -> Tensor:
    """As ``colour.encode_tensor``."""
    return (light.abs() * LINEAR.k).log1p() / CURVE * light.sign()


def _share(x: Tensor, albedo: int) -> Tensor:
    """What the surfaces throw back of the light (N, 3, H, W); 1 where that is not known."""
    known = x[:, albedo : albedo + COLOURS].clamp(0.0, 1.0)
    unknown = (known.amax(1, keepdim=True) * -FADE).exp()
    return known.clamp(min=LEAST) * (1.0 - unknown) + unknown
