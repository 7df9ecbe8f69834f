"""What every architecture is to an EffectNetwork: planes go in, and what is learned from comes out."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from understudy.network.parts import Crop


class Core(nn.Module):
    """(N, inputs, H, W), about -1..1 -> (N, outputs, H, W) at any H and W that are multiples of ``stride``.

    ``reach``: pixels on each side that a part depends on which begins and ends on the stride. ``sides``: how
    many answers of it are learned from at a time. ``portable``: compute with operators alone that do not
    depend on the size of the frame.
    """

    stride: int
    reach: int
    sides = 1
    portable = False

    def forward(
        self, x: Tensor, context: Tensor | None = None, crops: Sequence[Crop] | None = None
    ) -> Tensor:
        """The answer. ``context``: what another view of the frame tells, in planes half as large; ``crops``:
        what is cut away on the way, where only a part is asked for."""
        raise NotImplementedError

    def answers(self, x: Tensor) -> Tensor:
        """(N, sides * outputs, H, W): all that are learned from, the answer that counts first."""
        return self(x)

    def features(self, x: Tensor) -> list[Tensor]:
        """What it sees at each of its scales, finest first."""
        raise NotImplementedError

    def crops(self, kept: Crop, size: tuple[int, int]) -> list[Crop]:
        """What ``forward`` takes to compute no more than ``kept`` of an input of ``size`` = (H, W)."""
        return [kept]

    def is_silent(self) -> bool:
        """Whether it has not begun to learn, and says nothing."""
        return False
