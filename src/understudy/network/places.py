"""Where in the frame a pixel is, as two more channels: across and down, -1 to 1 from edge to edge."""

from __future__ import annotations

import torch
from torch import Tensor

PLACES = 2


def place_planes(height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """(2, height, width) float32: how far across, and how far down, the middle of each pixel lies."""
    across = (torch.arange(width, device=device) + 0.5) / width * 2 - 1
    down = (torch.arange(height, device=device) + 0.5) / height * 2 - 1
    return torch.stack([across.expand(height, width), down[:, None].expand(height, width)])


def with_places(x: Tensor) -> Tensor:
    """Whole frames (N, C, H, W) -> (N, C + 2, H, W)."""
    count, _, height, width = x.shape
    places = place_planes(height, width, x.device).to(x.dtype)
    return torch.cat([x, places.expand(count, -1, -1, -1)], 1)
