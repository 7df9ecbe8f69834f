"""The coarse view's planes at the size of the fine one: bilinear, pixel middles kept where they are."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor


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
