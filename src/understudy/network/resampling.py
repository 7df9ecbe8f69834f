"""Planes at other sizes, pixel middles kept where they are: the coarse view's at the size of the fine one,
bilinear, and the plate's as large as a network that enlarges makes it, bicubic."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from understudy.frames.enlarging import REACH, cubic_taps
from understudy.network.parts import Crop, cropped


def enlarge(planes: Tensor, factor: int, portable: bool = False) -> Tensor:
    """(N, C, H, W) -> (N, C, H * factor, W * factor). ``factor`` is 1 or even. ``portable``: by operators
    that do not depend on the size, for a host that gets the network as a file."""
    if factor == 1:
        return planes
    if not portable:
        return functional.interpolate(planes, scale_factor=factor, mode="bilinear", align_corners=False)
    ramp = (torch.arange(2 * factor, device=planes.device) + 0.5) / factor
    ramp = torch.minimum(ramp, 2 - ramp).to(planes.dtype)
    count = planes.shape[1]
    kernel = (ramp[:, None] * ramp[None, :]).expand(count, 1, -1, -1)
    around = functional.pad(planes, (1, 1, 1, 1), mode="replicate")
    return functional.conv_transpose2d(
        around, kernel, stride=factor, padding=factor // 2 + factor, groups=count
    )


def resample(planes: Tensor, like: Tensor, portable: bool = False) -> Tensor:
    """(N, C, h, w) -> (N, C, H, W), the height and width of ``like``; as ``resample_to``."""
    return resample_to(planes, like.shape[-2], like.shape[-1], portable)


def resample_to(planes: Tensor, height: int, width: int, portable: bool = False) -> Tensor:
    """(N, C, H, W) -> (N, C, height, width): bilinear where that is larger, and, where it is smaller, means
    over as much as a pixel of the result covers on both sides of its middle, so that nothing flickers which
    is finer. ``portable``: as products of matrices, for a host that gets the network as a file."""
    if not portable and width > 1:  # of planes that become one pixel wide torch mixes up the rows
        size = (height, width)
        return functional.interpolate(planes, size=size, mode="bilinear", align_corners=False, antialias=True)
    down, across = _hats(planes.shape[-2], height, planes), _hats(planes.shape[-1], width, planes)
    return down @ (planes @ across.transpose(0, 1))


def _hats(length: int, size: int, like: Tensor) -> Tensor:
    """(size, length): what each pixel of the result takes of each there is; rows add up to 1."""
    step = length / size
    middles = (torch.arange(size, device=like.device) + 0.5) * step
    places = torch.arange(length, device=like.device) + 0.5
    wide = max(step, 1.0)
    weights = (1 - (places[None, :] - middles[:, None]).abs() / wide).clamp(min=0)
    return (weights / weights.sum(1, keepdim=True)).to(like.dtype)


def cubic_kernel(factor: int) -> Tensor:
    """(factor * factor, 1, 5, 5): the weights of each of the pixels that one becomes, of those about it."""
    taps = torch.from_numpy(cubic_taps(factor)).float()
    return (taps[:, None, :, None] * taps[None, :, None, :]).flatten(0, 1)[:, None]


def cells(planes: Tensor, kernel: Tensor, place: Crop | None = None) -> Tensor:
    """What each pixel of planes (N, C, H, W) becomes by a ``cubic_kernel`` of n * n pixels: (N, C * n * n, H,
    W), which ``torch.pixel_shuffle`` lays out. ``place``: of these rows and columns only. Edges are
    repeated."""
    around, missing = (None, (REACH,) * 4) if place is None else _about(place, planes.shape)
    known = functional.pad(cropped(planes, around), missing, mode="replicate")
    weights = torch.cat([kernel] * planes.shape[1])
    return functional.conv2d(known, weights, groups=planes.shape[1])


def _about(place: Crop, shape: torch.Size) -> tuple[Crop, tuple[int, int, int, int]]:
    """A place with all that a cubic kernel looks at, as far as planes of that shape have it, and how much of
    it they lack: left, right, above and below."""
    (above, below), (left, right) = (
        (min(along.start, REACH), min(length - along.stop, REACH))
        for along, length in zip(place, shape[2:], strict=True)
    )
    rows = slice(place[0].start - above, place[0].stop + below)
    columns = slice(place[1].start - left, place[1].stop + right)
    return (rows, columns), (REACH - left, REACH - right, REACH - above, REACH - below)


def sample(planes: Tensor, offset: Tensor, factor: float, size: tuple[int, int]) -> Tensor:
    """Parts of planes (N, C, H, W), enlarged by ``factor``: (N, C, *size). ``offset`` (N, 2): the row and the
    column, in pixels of ``planes``, where each part begins."""
    down, across = (
        2 * (offset[:, axis, None] + _middles(size[axis], planes) / factor) / planes.shape[2 + axis] - 1
        for axis in (0, 1)
    )
    shape = (len(planes), *size)
    grid = torch.stack([across[:, None, :].expand(shape), down[:, :, None].expand(shape)], 3)
    return functional.grid_sample(planes, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _middles(count: int, like: Tensor) -> Tensor:
    return torch.arange(count, device=like.device, dtype=like.dtype) + 0.5
