"""What computes a network: one small interface, so that torch and OpenVINO are the same to everything
above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from understudy.network.parts import Crop, cropped

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Engine(Protocol):
    """A network that is ready to run.

    ``stride``: height and width of what ``run`` takes are multiples of it. ``reach``: pixels of context on
    each side that a part can depend on which begins and ends on the stride. ``device``: where ``run`` and
    ``globals`` take and return tensors. ``parallel``: how many threads may call ``run`` at a time to good
    effect. ``network``: what it computes, as a torch module, for measuring.
    """

    name: str
    network: Any
    precision: str
    stride: int
    reach: int
    parallel: int
    device: torch.device

    def globals(self, x: Tensor) -> Tensor:
        """Whole frame (1, C, H, W) of network values -> what is global in it, (1, G)."""

    def run(self, x: Tensor, g: Tensor, kept: Crop | None = None) -> Tensor:
        """Network values (1, C, H, W) and globals (1, G) -> network values float32 (1, C_out, H, W), or of
        these the rows and columns ``kept``, for which no more is computed than they need. Of a network that
        enlarges by n: (1, C_out * n * n, H, W), which ``laid_out`` makes a picture of."""


def scale_of(network: Any) -> int:
    """How many times larger than its input the result of a network is."""
    return int(getattr(network, "scale", 1))


def laid_out(made: Tensor, scale: int) -> Tensor:
    """What an engine made, (N, C_out * scale * scale, H, W), as a picture
    (N, C_out, H * scale, W * scale)."""
    import torch

    return made if scale == 1 else torch.pixel_shuffle(made, scale)


def remainder_of(network: Any, x: Tensor, g: Tensor, kept: Crop | None) -> Tensor:
    """``network.remainder``, or what is ``kept`` of it; a network that cannot compute a part computes all."""
    if kept is None or not hasattr(network, "crops"):
        return cropped(network.remainder(x, g), kept)
    return network.remainder(x, g, network.crops(kept, tuple(x.shape[-2:])))
