"""Where in the frame a pixel is, as two more channels: across and down, -1 to 1 from edge to edge.

The frame is the display window, which is what training sees. Overscan lies around it and so beyond -1 to 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from understudy.frames import Window

PLACES = 2
MOST = 1.25
"""How far out a place can be: an eighth of the frame on each side, as much overscan as is usual. A fit by
place was never held against anything out there, and its cubes would soon run away; what lies further out is
treated like what lies here."""


def place_planes(
    height: int, width: int, device: torch.device | str = "cpu", display: Window | None = None
) -> Tensor:
    """(2, height, width) float32: how far across, and how far down, the middle of each pixel lies.

    ``display``: where the frame lies among these pixels, counted from the first of them; without it they are
    the frame. Pixels around it lie beyond -1..1, as far as ``MOST``.
    """
    if display is None:
        across, down = _along(width, 0, width, device), _along(height, 0, height, device)
    else:
        across = _along(width, display.x, display.width, device)
        down = _along(height, display.y, display.height, device)
    return torch.stack([across.expand(height, width), down[:, None].expand(height, width)])


def _along(count: int, start: int, size: int, device: torch.device | str) -> Tensor:
    """(count,) places along one side of a frame that begins at ``start`` and is ``size`` pixels long."""
    return ((torch.arange(count, device=device) - start + 0.5) / size * 2 - 1).clamp(-MOST, MOST)


def with_places(x: Tensor) -> Tensor:
    """Whole frames (N, C, H, W) -> (N, C + 2, H, W)."""
    count, _, height, width = x.shape
    places = place_planes(height, width, x.device).to(x.dtype)
    return torch.cat([x, places.expand(count, -1, -1, -1)], 1)
