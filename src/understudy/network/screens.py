"""What stands behind a foreground: the green or blue screen of a frame, found by its colour alone.

Colours are light here, about scene-linear, with that of the screen first (``ordered``). A screen is what has
far more of its colour than of the others and lies about the frame's most usual such colour. Where the
foreground covers it, it is what the screen about has: a mean over larger and larger windows, which counts
as far as the smaller ones show none of it (normalised convolution).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

CELL = 8
"""Pixels a side of what the screen is known for: it changes little from one to the next."""
PLANES = 6
"""Of what is told of a cell: the screen's light, how surely it is seen there, whether the frame has one, and
whether that is green."""
ENDS = math.log(17.0)
"""Of the curve that scene-linear plates go through, which is followed beyond white."""
MOST = 1.4
"""The largest value that is told from others, some 3 times white."""
LEAST = 1e-6
TINY = 1e-9
"""What nothing is divided by less than."""
PURE = (0.3, 0.3)
"""How much more of its colour than of the others a screen has, as a share of it: from where on it counts, and
over how much that rises to all."""
SPREADS = (0.15, 0.08, 0.05)
"""How far from the usual colour of the frame a colour is taken for the screen's, narrower each time."""
AROUND = 4
LIT = (0.5, 0.3)
"""As bright as its surroundings: from which share on a cell counts, and over how much that rises to all. What
is half covered is darker."""
WINDOWS = (12, 4, 1)
"""Cells on each side of a window, which slide twice."""
LITTLE = 0.03
"""As much screen in a window, of what there is usually, weighs as much as all about it."""
SURE = 0.3
DARK = 0.02
SEEN = 0.003
"""What share of a frame has to be screen for it to have one."""


Mean = Callable[[Tensor, tuple[int, int], int, tuple[int, int]], Tensor]
"""Of planes the means of windows of a size, so far apart, which reach so far beyond the frame."""


class Screen(NamedTuple):
    """``light`` (N, 3, ...) of the screen, in order, where nothing stood before it; ``sure``: 0..1, how much
    of it is seen about there; ``there``: 0..1, whether there is one at all; ``green``: 1, or 0 of a blue
    one."""

    light: Tensor
    sure: Tensor
    there: Tensor
    green: Tensor


def light_of(values: Tensor) -> Tensor:
    """The light of network values: by sRGB's curve up to white, by that of scene-linear plates beyond."""
    held = values.clamp(0.0, 1.0)
    curve = ((held + 0.055) / 1.055) ** 2.4
    beyond = ((values.clamp(1.0, MOST) * ENDS).exp() - 17) / 16
    return torch.where(held <= 0.04045, held / 12.92, curve) + beyond


def value_of(light: Tensor) -> Tensor:
    """The network value of a light, from 0 up."""
    held = light.clamp(0.0, 1.0)
    curve = 1.055 * held.clamp(min=DARK / 10) ** (1 / 2.4) - 0.055
    beyond = (light.clamp(min=1.0) * 16 + 1).log() / ENDS - 1
    return torch.where(held <= 0.0031308, held * 12.92, curve) + beyond


def ordered(colours: Tensor, green: Tensor) -> Tensor:
    """Red, green, blue (N, 3, H, W) as the screen's colour, red, and the third."""
    r, g, b = colours[:, 0:1], colours[:, 1:2], colours[:, 2:3]
    return torch.cat([b + green * (g - b), r, g + green * (b - g)], 1)


def unordered(colours: Tensor, green: Tensor) -> Tensor:
    """The way back from ``ordered``."""
    key, r, other = colours[:, 0:1], colours[:, 1:2], colours[:, 2:3]
    return torch.cat([r, other + green * (key - other), key + green * (other - key)], 1)


def excess(light: Tensor) -> Tensor:
    """How much more of the screen's colour there is than of the others, (N, 1, H, W)."""
    return light[:, 0:1] - torch.maximum(light[:, 1:2], light[:, 2:3])


def find_screen(values: Tensor, portable: bool = False) -> Tensor:
    """Of network values (N, 3 or more, H, W), H and W multiples of ``CELL``: (N, ``PLANES``, H / CELL,
    W / CELL). ``portable``: by operators that do not depend on the size, for a host that gets the network as
    a file."""
    mean = _convolved if portable else _pooled
    light = light_of(values[:, :3])
    green = _is_green(light, mean)
    light = ordered(light, green)
    usual = _usual_chroma(light, mean)
    more = excess(light).clamp(0.0, 1.0)
    near = _near(_chroma(light), usual, SPREADS[-1])
    weight = more * more * near
    seen, colour = _cells(weight, mean), _cells(weight * light, mean)
    lit = _lit(seen, colour, mean)
    clean, sure = _filled(seen * lit, colour * lit, mean)
    there = (_mean(near * (more / DARK).clamp(max=1.0)) / SEEN).clamp(max=1.0)
    everywhere = torch.ones_like(sure)
    return torch.cat([clean, sure, there * everywhere, green * everywhere], 1)


def read_screen(planes: Tensor) -> Screen:
    """What ``find_screen`` told, by name; what is one for a frame as (N, 1, 1, 1)."""
    there, green = (planes[:, place : place + 1].amax((2, 3), keepdim=True) for place in (4, 5))
    return Screen(planes[:, :3], planes[:, 3:4], there, green)


def _mean(planes: Tensor) -> Tensor:
    return planes.mean((2, 3), keepdim=True)


def _chroma(light: Tensor) -> Tensor:
    return light / (light.sum(1, keepdim=True) + 1e-3)


def _near(chroma: Tensor, usual: Tensor, spread: float) -> Tensor:
    """1 at the usual chroma, down to 0 away from it."""
    return ((chroma - usual).square().sum(1, keepdim=True) * (-0.5 / spread**2)).exp()


def _purity(light: Tensor) -> Tensor:
    """How much like any screen of this colour it is."""
    more = excess(light).clamp(0.0, 1.0)
    start, rise = PURE
    share = more / (light[:, 0:1] + DARK / 2)
    return ((share - start) / rise).clamp(0.0, 1.0) * more * more


def _is_green(light: Tensor, mean: Mean) -> Tensor:
    """(N, 1, 1, 1): 1 where there is more green screen than blue, else 0."""
    small = mean(light, (CELL // 2, CELL // 2), CELL // 2, (0, 0))
    one = torch.ones_like(_mean(small[:, :1]))
    green, blue = (_mean(_purity(ordered(small, each))) for each in (one, one * 0))
    return (green >= blue).to(light.dtype)


def _usual_chroma(light: Tensor, mean: Mean) -> Tensor:
    """(N, 3, 1, 1): that of the most screen in the frame, by narrowing down from the mean of all."""
    weight = _purity(light)
    seen, colour = _cells(weight, mean), _cells(weight * light, mean)
    cells, counts = _chroma(colour / seen.clamp(min=TINY)), seen
    usual = _mean(counts * cells) / _mean(counts).clamp(min=TINY)
    for spread in SPREADS[:-1]:
        counts = seen * _near(cells, usual, spread)
        usual = _mean(counts * cells) / _mean(counts).clamp(min=TINY)
    return usual


def _lit(seen: Tensor, colour: Tensor, mean: Mean) -> Tensor:
    """0..1: whether what is seen of the screen in each cell is as bright as about it."""
    more = excess(colour / seen.clamp(min=TINY))
    about = _slid(seen * more, AROUND, mean) / _slid(seen, AROUND, mean).clamp(min=TINY)
    start, rise = LIT
    return ((more / (about + LEAST) - start) / rise).clamp(0.0, 1.0)


def _filled(seen: Tensor, colour: Tensor, mean: Mean) -> tuple[Tensor, Tensor]:
    """The screen's light in each cell (N, 3, h, w), and how much of it is seen about there (N, 1, h, w)."""
    usual = _mean(seen * seen) / _mean(seen).clamp(min=TINY)
    clean = _mean(colour) / _mean(seen).clamp(min=TINY)
    share = seen
    for window in WINDOWS:
        share = _slid(seen, window, mean)
        known = _slid(colour, window, mean) + clean * usual * LITTLE
        clean = known / (share + usual * LITTLE).clamp(min=TINY)
    return clean, share / (share + usual * SURE).clamp(min=TINY)


def _cells(planes: Tensor, mean: Mean) -> Tensor:
    return mean(planes, (CELL, CELL), CELL, (0, 0))


def _slid(planes: Tensor, window: int, mean: Mean) -> Tensor:
    """The mean over a window about each cell, twice; 0 beyond the frame."""
    size = 2 * window + 1
    for _ in range(2):
        planes = mean(mean(planes, (size, 1), 1, (window, 0)), (1, size), 1, (0, window))
    return planes


def _pooled(planes: Tensor, size: tuple[int, int], step: int, beyond: tuple[int, int]) -> Tensor:
    """Means of windows."""
    return avg_pool2d(planes, size, step, beyond)


def _convolved(planes: Tensor, size: tuple[int, int], step: int, beyond: tuple[int, int]) -> Tensor:
    """The same as a convolution, which no host's way to export asks for the size of the frame."""
    count = planes.shape[1]
    kernel = torch.full((count, 1, *size), 1 / (size[0] * size[1]), device=planes.device)
    return conv2d(planes, kernel, stride=step, padding=beyond, groups=count)
