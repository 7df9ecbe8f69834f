"""A network that looks at whole pictures of one size, and tells of any frame at the frame's own size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.guided import follow
from understudy.network.parts import Crop, cropped
from understudy.network.resampling import resample_to

SUREST = 1e-6
"""How near a matte comes to 0 and 1."""


class WholeNetwork(EffectNetwork):
    """``globals`` is all the work: the frame as a picture of ``whole`` x ``whole`` pixels, what the core
    makes of it, and that at the size of the frame, with the frame's edges; ``remainder`` is that, or a part
    of it. So the stride is 1, and a part needs nothing of what lies about it but that. It learns from such
    pictures, and from crops."""

    sees_whole = True

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        self.stride, self.grid, self.reach = 1, 1, 0

    def globals(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, outputs, H, W) float32."""
        side = self.architecture.whole
        with torch.autocast(x.device.type, enabled=False):
            small = resample_to(x.float(), side, side, self.portable)
            seen = self.seen(small)
        answer = self.unet(seen).float()
        with torch.autocast(x.device.type, enabled=False):
            guides = guide_of(seen), guide_of(self.seen(x.float()))
            if self.architecture.kind != "matte":
                return follow(answer, *guides, self.portable)
            matte = follow(answer.sigmoid(), *guides, self.portable).clamp(SUREST, 1 - SUREST)
            return matte.logit()

    def remainder(self, x: Tensor, g: Tensor | None = None, crops: Sequence[Crop] | None = None) -> Tensor:
        return cropped(self.globals(x) if g is None else g, crops[0] if crops else None)

    def crops(self, kept: Crop, size: tuple[int, int]) -> list[Crop]:
        return [kept]

    def answer(self, x: Tensor | None, window: Tensor | None = None, offset: Tensor | None = None) -> Tensor:
        """Of whole pictures of the size that it looks at, or of crops."""
        assert x is not None
        return self.unet(self.seen(x))


def guide_of(seen: Tensor) -> Tensor:
    """A picture as the network sees it, about -1..1, as it guides: about 0..1."""
    return seen / 2 + 0.5
