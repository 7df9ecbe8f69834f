"""How much memory an engine needs for a pixel, how much there is, and what running out looks like."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from understudy.device import autocast, free_memory
from understudy.inference.engine import Engine
from understudy.inference.tiles import round_up

if TYPE_CHECKING:
    from torch import Tensor

CPU_MOST = 1_600_000_000
"""Bytes of activations on a CPU at the most, so that a 4096x2160 frame with all its copies stays below 4
GB."""

CPU_EACH = 600_000_000
"""The share of each frame where many cores work on many frames at a time."""

SCRATCH = 1.5
"""The runtime's own work space, as a multiple of the activations that torch knows of."""


def activation_budget(device: torch.device, parallel: int = 1) -> int:
    """Bytes that the activations of one frame may take when ``parallel`` frames are computed at a time."""
    if device.type == "cpu":
        together = min(free_memory(device) // 2, max(CPU_MOST, CPU_EACH * parallel))
    else:
        together = int(free_memory(device) * 0.7)
    return together // parallel


def bytes_per_pixel(engine: Engine, channels: int, size: int = 192) -> float:
    """The most bytes of activations that are alive at one time, for each pixel of the frame.

    Measured by counting what one small frame of ``channels`` channels makes and drops. What is added to the
    plate at the end is computed in bands, which count for nothing.
    """
    side = round_up(size, engine.stride)
    x = torch.rand(1, channels, side, side, device=engine.device)
    g = engine.globals(x)
    with torch.inference_mode(), autocast(engine.device, engine.precision), _Counter() as counter:
        engine.network.remainder(x, g)
    return max(SCRATCH * counter.most / (side * side), 4.0 * channels)


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
