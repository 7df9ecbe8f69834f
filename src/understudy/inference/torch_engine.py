"""The torch engine: any device, float32 or bfloat16."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch

from understudy.device import autocast, memory_format
from understudy.inference.bands import finish_in_bands
from understudy.inference.engine import remainder_of
from understudy.network.parts import Crop

if TYPE_CHECKING:
    from torch import Tensor

    from understudy.models.call import NetworkCall


class TorchEngine:
    """Runs a network as it is, channels last. ``precision``: ``float32`` or ``bfloat16``. ``name``: of the
    network's own runtime where it has one.

    It computes with the thread count of the thread that calls it. ``parallel`` callers with few threads each
    get through a sequence faster than one caller with all of them, as none waits for another.
    """

    def __init__(
        self, network: Any, device: torch.device, precision: str = "float32", parallel: int = 1
    ) -> None:
        self.name = str(getattr(network, "runtime", "torch"))
        self.network = network.eval().to(device=device, memory_format=memory_format(device))
        self.device = device
        self.precision = precision
        self.stride = int(network.stride)
        self.reach = int(network.reach)
        self.parallel = parallel

    def with_call(self, call: NetworkCall) -> TorchEngine:
        """The same engine for one frame, with what goes into a network of others beside its picture."""
        view = copy.copy(self)
        view.network = self.network.with_call(call)
        return view

    def globals(self, x: Tensor) -> Tensor:
        """What is known of a whole frame (1, C, H, W), float32: (1, G), or planes (1, G, H / n, W / n)."""
        with torch.inference_mode(), autocast(self.device, self.precision):
            return self.network.globals(x)

    def run(self, x: Tensor, g: Tensor, kept: Crop | None = None) -> Tensor:
        """Network values (1, C, H, W), H and W multiples of the stride -> float32 (1, C_out, H, W), or what
        is ``kept`` of it."""
        with torch.inference_mode():
            with autocast(self.device, self.precision):
                remainder = remainder_of(self.network, x, g, kept)
            return finish_in_bands(self.network, x, remainder, kept)
