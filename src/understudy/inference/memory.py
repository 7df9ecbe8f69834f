"""How much memory an engine needs for a pixel, how much there is, and what running out looks like."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from understudy.device import autocast, free_memory
from understudy.inference.engine import Engine
from understudy.inference.tiles import fit_tile, margin_for, plan_tiles, round_up

if TYPE_CHECKING:
    from torch import Tensor

CPU_MOST = 2_200_000_000
"""Bytes of activations on a CPU at the most, so that a 4096x2160 frame with all its copies stays below 4
GB."""

USUAL_CHANNELS = 6
"""Channels that a frame has room for without taking it from the activations."""

CPU_EACH = 600_000_000
"""The share of each frame where many cores work on many frames at a time."""

SCRATCH = 1.5
"""The runtime's own work space, as a multiple of the activations that torch knows of."""

TOGETHER = 1.1
"""What it costs that several cores work on one frame and wait for each other."""


def activation_budget(device: torch.device, parallel: int = 1) -> int:
    """Bytes that the activations of one frame may take when ``parallel`` frames are computed at a time."""
    if device.type == "cpu":
        together = min(free_memory(device) // 2, max(CPU_MOST, CPU_EACH * parallel))
    else:
        together = int(free_memory(device) * 0.7)
    return together // parallel


def bytes_of_further(channels: int, device: torch.device) -> int:
    """What a pixel of the frame takes on a CPU, beside the activations, for channels beyond the usual ones:
    as the network takes it, in the frame that it is from, which stays for those after it, and on its way
    from there."""
    return 16 * max(0, channels - USUAL_CHANNELS) if device.type == "cpu" else 0


def bytes_per_pixel(engine: Engine, channels: int, size: int = 192) -> float:
    """The most bytes of activations that are alive at one time, for each pixel of the frame.

    Measured by counting what one small frame of ``channels`` channels makes and drops; a network that is not
    run by torch says what it needs in ``bytes_per_pixel``. What is added to the
    plate at the end is computed in bands, which count for nothing.
    """
    side = round_up(size, engine.stride)
    x = torch.rand(1, channels, side, side, device=engine.device)
    g = engine.globals(x)
    with torch.inference_mode(), autocast(engine.device, engine.precision), _Counter() as counter:
        engine.network.remainder(x, g)
    unseen = float(getattr(engine.network, "bytes_per_pixel", 0.0))
    return max(SCRATCH * (counter.most / (side * side) + unseen), 4.0 * channels)


def frames_at_a_time(engine: Engine, channels: int, frame: tuple[int, int], requested: int) -> int:
    """How many frames of ``frame`` = (height, width) to compute side by side, at most ``requested``.

    Side by side, with a core each, none waits for another; but the fewer there are, the larger are the tiles
    that memory allows, and the less is computed twice.
    """
    if engine.device.type != "cpu" or requested == 1:
        return requested
    each = bytes_per_pixel(engine, channels)
    height, width = (round_up(side, engine.stride) for side in frame)
    margin = margin_for("auto", engine.reach, engine.stride)
    costs = {}
    for count in _halvings(requested):
        pixels = int(activation_budget(engine.device, count) / each)
        tile = fit_tile(height, width, pixels, margin, engine.stride)
        tiles = plan_tiles(height, width, tile=tile, margin=margin, stride=engine.stride)
        costs[count] = sum(each.pixels for each in tiles) * (1.0 if count == requested else TOGETHER)
    return min(costs, key=lambda count: costs[count])


def _halvings(count: int) -> Iterator[int]:
    while count > 0:
        yield count
        count //= 2


class _Counter(TorchDispatchMode):
    """Adds up the storages that are alive between its start and its end."""

    def __init__(self) -> None:
        super().__init__()
        self.alive = 0
        self.most = 0
        self._holders: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor):
                self._watch(leaf)
        return out

    def _watch(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage.data_ptr(), storage.nbytes()
        if not key:
            return
        if key not in self._holders:
            self.alive += size
            self.most = max(self.most, self.alive)
        self._holders[key] = self._holders.get(key, 0) + 1
        weakref.finalize(tensor, self._drop, key, size)

    def _drop(self, key: int, size: int) -> None:
        self._holders[key] -= 1
        if not self._holders[key]:
            del self._holders[key]
            self.alive -= size
