"""The network that finds motion: where each pixel of one frame is in another one.

It works from coarse to fine, as PWC-Net does (Sun et al., 2018): both frames become pyramids of features;
at each level those of the second frame are carried along the motion that the coarser level has found, and
compared with those of the first over a few pixels on each side, from which one small decoder, the same for
all levels, tells what the motion was off by. Before that it is chosen, pixel by pixel, between this motion
and that of a search without learning, which is exact where there is detail, and lost where things are
covered, are small and fast, or have none. At the finer levels it spreads from where it is sure to where it
is not, among pixels that look alike. At half resolution a last stage looks at what the warped frame still
differs by; each pixel's motion is then a mix of those of the nine cells about it (as in RAFT, Teed and
Deng, 2020), which keeps edges sharp.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from understudy.network.motion_parts import (
    HALF,
    anchored,
    correlation,
    doubled,
    evened,
    likeliest,
    mixed,
    reduced_search,
    unit,
    warped,
    window,
)
from understudy.network.motion_stages import SHARPNESS, Chooser, Decoder, Edges, Pyramid, Spread, liven

SPREAD_LEVELS = 2
"""The finest so many levels, where motion spreads."""
MOST_WIDTH, MOST_LEVELS, MOST_RADIUS, MOST_TURNS = 256, 6, 6, 8


@dataclass(frozen=True)
class MotionArchitecture:
    """All that is needed to build the network again. ``widths``: channels of the features at half
    resolution and each level below; ``matched``: of what is compared; ``radius``: over how many pixels on
    each side; ``hidden``: channels of the decoder, ``state``: of what it hands on to the next level,
    ``edge``: of the last stage. ``turns``: how often the decoder works at each level, coarsest first."""

    widths: tuple[int, ...] = (24, 32, 48, 64)
    matched: int = 32
    radius: int = 3
    hidden: int = 64
    state: int = 32
    edge: int = 24
    turns: tuple[int, ...] = (3, 2, 1)

    @property
    def stride(self) -> int:
        """Of what the sides of a frame have to be multiples."""
        return int(HALF ** len(self.widths))

    def to_dict(self) -> dict[str, Any]:
        """What a header holds."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }


def architecture_from(values: dict[str, Any]) -> MotionArchitecture:
    """The architecture that a header holds. ValueError where it makes no sense, TypeError where it is
    none."""
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    shape = MotionArchitecture(**given)
    counts = (*shape.widths, shape.matched, shape.hidden, shape.state, shape.edge)
    if not 2 <= len(shape.widths) <= MOST_LEVELS or len(shape.turns) != len(shape.widths) - 1:
        raise ValueError("levels out of range")
    if not _within(counts, MOST_WIDTH) or not _within((shape.radius,), MOST_RADIUS):
        raise ValueError("channels out of range")
    if not _within(shape.turns, MOST_TURNS):
        raise ValueError("turns out of range")
    return shape


def _within(counts: tuple[Any, ...], most: int) -> bool:
    return all(type(count) is int and 1 <= count <= most for count in counts)


class MotionNetwork(nn.Module):
    """Two frames (N, 3, H, W), sides multiples of ``stride`` -> (N, 2, H, W): what is at (x, y) of the
    first is at (x, y) + motion in the second, in pixels, x to the right and y down. float32."""

    def __init__(self, architecture: MotionArchitecture) -> None:
        super().__init__()
        shape = self.architecture = architecture
        self.stride = shape.stride
        self.pyramid = Pyramid(shape.widths)
        self.project = nn.ModuleList(nn.Conv2d(width, shape.matched, 1) for width in shape.widths[1:])
        seen = (2 * shape.radius + 1) ** 2 + 2 + shape.matched + 2 + shape.state
        self.sharpness = nn.Parameter(torch.tensor(SHARPNESS))
        self.decoder = Decoder(seen, shape.hidden, shape.state)
        self.chooser = Chooser(shape.matched, shape.state, shape.edge)
        self.spread = Spread(shape.matched, shape.state, shape.edge)
        self.edges = Edges(shape.widths[0], shape.state, shape.edge)
        for layers in (self.pyramid, self.project):
            layers.apply(liven)

    def forward(self, first: Tensor, second: Tensor, searched: Tensor) -> Tensor:
        return anchored(self.levels(first, second, searched)[-1], searched)

    def levels(self, first: Tensor, second: Tensor, searched: Tensor) -> list[Tensor]:
        """What is chosen and what each turn of each level finds, coarsest first, in pixels of that level;
        the last is what was learned, at the size of the frame."""
        both = self.pyramid(torch.cat([evened(first), evened(second)]))
        matched = [project(each) for project, each in zip(self.project, both[1:], strict=True)]
        found: list[Tensor] = []
        flow, state = self._begin(matched[-1])
        for level, turns in zip(reversed(matched), self.architecture.turns, strict=True):
            if found:
                flow, state = 2 * doubled(flow), doubled(state)
            told = reduced_search(searched, first.shape[-1] // level.shape[-1])
            flow = self.chooser(level, flow, state, told)
            found.append(flow)
            for _ in range(turns):
                flow, state = self._turn(level, flow, state)
                found.append(flow)
            if level.shape[-1] >= first.shape[-1] >> SPREAD_LEVELS + 1:
                flow = self.spread(level, flow, state, told[:, 2:])
                found.append(flow)
        told = reduced_search(searched, HALF)
        flow, shares = self.edges(both[0], 2 * doubled(flow), state, told)
        return [*found, flow, mixed(2 * flow, shares)]

    def _begin(self, coarsest: Tensor) -> tuple[Tensor, Tensor]:
        count, _, height, width = coarsest.shape
        flow = coarsest.new_zeros((count // 2, 2, height, width), dtype=torch.float32)
        return flow, coarsest.new_zeros((count // 2, self.architecture.state, height, width))

    def _turn(self, level: Tensor, flow: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        first, second = level.chunk(2)
        fits = correlation(unit(first), warped(unit(second), flow), window(self.architecture.radius))
        best = likeliest(fits, self.sharpness, self.architecture.radius)
        change, state = self.decoder(torch.cat([fits, best, first, flow / 8, state], 1), best)
        return flow + change, state
