"""What a network that finds motion computes without learning: frames carried along motion, and compared."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, max_pool2d, pad, pixel_shuffle, unfold

LEAST_SPREAD = 0.02
FURTHEST = 4.0
"""In spreads of a frame's values: what is brighter is held."""
HALF = 2
ALL_AROUND = 10
"""Pixels on each side in which a search has to be sure, to be believed; even."""
Offsets = tuple[tuple[int, int], ...]


def evened(frames: Tensor) -> Tensor:
    """Frames (N, 3, H, W) about 0, as if all were of one exposure and contrast."""
    frames = frames.float()
    about = frames - frames.mean((2, 3), keepdim=True)
    spread = about.square().mean((1, 2, 3), keepdim=True).sqrt()
    return (about / (spread + LEAST_SPREAD)).clamp(-FURTHEST, FURTHEST)


def unit(features: Tensor) -> Tensor:
    """Features of length 1 at each pixel, about what they are over the whole frame."""
    features = features.float()
    features = features - features.mean((2, 3), keepdim=True)
    return features * (features.square().sum(1, keepdim=True) + 1e-6).rsqrt()


def doubled(planes: Tensor) -> Tensor:
    """Planes at twice their size."""
    return interpolate(planes, scale_factor=2.0, mode="bilinear", align_corners=False)


def warped(planes: Tensor, flow: Tensor) -> Tensor:
    """Planes (N, C, H, W) read at each pixel's place plus ``flow``; 0 beyond the frame."""
    height, width = planes.shape[-2:]
    across = (torch.arange(width, device=flow.device, dtype=torch.float32) + flow[:, 0]) * (2 / width)
    down = (torch.arange(height, device=flow.device, dtype=torch.float32)[:, None] + flow[:, 1]) * (
        2 / height
    )
    places = torch.stack([across + (1 / width - 1), down + (1 / height - 1)], 3)
    return grid_sample(planes.float(), places, mode="bilinear", padding_mode="zeros", align_corners=False)


def correlation(first: Tensor, second: Tensor, offsets: Offsets) -> Tensor:
    """(N, offsets, H, W): how alike each pixel of ``first`` is to that of ``second`` at each offset (down,
    across) from its place; 0 beyond the frame."""
    reach = max(abs(step) for offset in offsets for step in offset)
    return _Correlation.apply(first, pad(second, [reach] * 4), offsets, reach)


class _Correlation(torch.autograd.Function):
    """Its gradients are added up in place, in a quarter of the time of what torch derives by itself."""

    @staticmethod
    def forward(context: Any, first: Tensor, around: Tensor, offsets: Offsets, reach: int) -> Tensor:
        context.save_for_backward(first, around)
        products = torch.empty_like(first)
        places = _places(first, offsets, reach)
        made = first.new_empty((first.shape[0], len(places), *first.shape[2:]))
        for number, (rows, columns) in enumerate(places):
            torch.mul(first, around[:, :, rows, columns], out=products)
            torch.sum(products, 1, out=made[:, number])
        context.places = places
        return made

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        first, around = context.saved_tensors
        of_first, of_around = torch.zeros_like(first), torch.zeros_like(around)
        for number, (rows, columns) in enumerate(context.places):
            weight = gradients[0][:, number : number + 1]
            of_first.addcmul_(around[:, :, rows, columns], weight)
            of_around[:, :, rows, columns].addcmul_(first, weight)
        return of_first, of_around, None, None


def _places(planes: Tensor, offsets: Offsets, reach: int) -> list[tuple[slice, slice]]:
    """Rows and columns of each offset, in planes that are wider by a reach."""
    height, width = planes.shape[-2:]
    corners = [(reach + down, reach + across) for down, across in offsets]
    return [(slice(top, top + height), slice(left, left + width)) for top, left in corners]


def window(radius: int) -> Offsets:
    """All offsets up to a radius, row by row."""
    steps = range(-radius, radius + 1)
    return tuple((down, across) for down in steps for across in steps)


RINGS = (1, 2, 4)
RING_OFFSETS: Offsets = tuple((down * far, across * far) for far in RINGS for down, across in window(1))
"""Each pixel's own place, once for each ring, and those of the eight about it on three rings."""


def on_rings(planes: Tensor) -> Tensor:
    """(N, C, 27, H, W): what planes (N, C, H, W) hold at ``RING_OFFSETS`` from each pixel; beyond the frame
    its border."""
    count, channels, height, width = planes.shape
    rings = [unfold(pad(planes, [far] * 4, mode="replicate"), 3, dilation=far) for far in RINGS]
    return torch.cat([ring.view(count, channels, 9, height, width) for ring in rings], 2)


def likeliest(fits: Tensor, sharpness: Tensor, radius: int) -> Tensor:
    """Where it fits best, (N, 2, H, W) in pixels: the mean of all places, each by how well it fits."""
    shares = (fits * sharpness).softmax(1)
    steps = torch.arange(-radius, radius + 1, device=fits.device, dtype=torch.float32)
    down, across = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([(shares * each.reshape(1, -1, 1, 1)).sum(1) for each in (across, down)], 1)


def mixed(flow: Tensor, shares: Tensor) -> Tensor:
    """Motion (N, 2, H, W) at twice its size, each pixel's a mix of those of the nine cells about it."""
    count, _, height, width = flow.shape
    share = shares.view(count, 1, 9, HALF * HALF, height, width).softmax(2)
    cells = unfold(pad(flow, [1] * 4, mode="replicate"), 3).view(count, 2, 9, 1, height, width)
    return pixel_shuffle((share * cells).sum(2).flatten(1, 2), HALF)


def anchored(flow: Tensor, searched: Tensor) -> Tensor:
    """The motion, and in its place that of the search (N, 3, H, W) wherever this is sure all around: there
    it is exact, which what was learned is not."""
    doubtful = max_pool2d(1 - searched[:, 2:], 2 * ALL_AROUND + 1, 1, ALL_AROUND)
    sure = avg_pool2d(1 - doubtful, ALL_AROUND + 1, 1, ALL_AROUND // 2, count_include_pad=False)
    return flow + (searched[:, :2] - flow) * sure * (1 - doubtful)


def reduced_search(searched: Tensor, times: int) -> Tensor:
    """What a search has found at a size so many times smaller, in the pixels of that size."""
    small = avg_pool2d(searched, times)
    return torch.cat([small[:, :2] / times, small[:, 2:]], 1)


def reduced_truth(truth: Tensor, times: int) -> Tensor:
    """True motion (N, 2, H, W) at a size so many times smaller, in the pixels of that size."""
    return avg_pool2d(truth, times) / times
