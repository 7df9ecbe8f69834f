"""Work that knows no neighbours, a band of rows at a time.

Such work is a chain of small operations, each of which reads and writes all that it is given. A band stays in
the processor's cache from the first to the last of them; a whole frame goes to memory and back each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from understudy.inference.engine import scale_of
from understudy.network.parts import Crop, cropped

if TYPE_CHECKING:
    from torch import Tensor

BAND_PIXELS = 1 << 15


def row_bands(height: int, width: int, device: torch.device) -> Iterator[slice]:
    """The rows of a frame in bands from top to bottom; all at once where the device is no CPU."""
    rows = max(1, BAND_PIXELS // max(width, 1)) if device.type == "cpu" else height
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def finish_in_bands(network: Any, x: Tensor, remainder: Tensor, kept: Crop | None = None) -> Tensor:
    """``network.finish`` of inputs (N, C, H, W) and what is added to them, where ``kept``: float32
    (N, C_out, H, W)."""
    height, width = remainder.shape[-2:]
    bands = list(row_bands(height, width, x.device))
    if len(bands) == 1:
        return _finished(network, x, remainder, kept)
    down, across = kept or (slice(0, height), slice(0, width))
    out = torch.empty((x.shape[0], remainder.shape[1], height, width))
    for rows in bands:
        place = slice(down.start + rows.start, down.start + rows.stop), across
        out[:, :, rows] = _finished(network, x, remainder[:, :, rows], place)
    return out


def _finished(network: Any, x: Tensor, remainder: Tensor, place: Crop | None) -> Tensor:
    """What a place of x becomes. One that is enlarged depends on what lies about it, no other does."""
    if scale_of(network) == 1:
        return network.finish(cropped(x, place), remainder)
    return network.finish(x, remainder, place)
