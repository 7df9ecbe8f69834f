"""The stages of a network that finds motion: what it sees, what it compares, chooses, spreads and refines."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from understudy.network.motion_parts import (
    HALF,
    RING_OFFSETS,
    correlation,
    doubled,
    on_rings,
    unit,
    warped,
)

SLOPE = 0.1
SHARPNESS = 20.0
"""How much likelier a place is at first that fits perfectly than one that does not at all, as a logarithm."""
TRUST, BELIEF = -2.0, 2.0
"""How far what fits best, and what the search has found, are followed at first, before a sigmoid."""
ALIKE, CERTAIN, SPREADS = 10.0, (8.0, 4.0), 3
"""How much more of a share a pixel has at first that looks the same, where the search was sure, and where the
motion fits, as logarithms; and how many times motion spreads at a level."""


class Pyramid(nn.Module):
    """(N, 3, H, W) -> features at H / 2, H / 4 and so on, finest first."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3 * HALF * HALF, widths[0], 3, padding=1)
        self.second = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for width in widths)
        self.shrink = nn.ModuleList(
            nn.Conv2d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in itertools.pairwise(widths)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        h = leaky_relu(self.stem(torch.pixel_unshuffle(x, HALF)), SLOPE)
        found = [leaky_relu(self.second[0](h), SLOPE)]
        for shrink, second in zip(self.shrink, self.second[1:], strict=True):
            found.append(leaky_relu(second(leaky_relu(shrink(found[-1]), SLOPE)), SLOPE))
        return found


class Decoder(nn.Module):
    """What the motion is off by, from how well it fits, what is there, and what the level before has left.
    It looks ever further around."""

    def __init__(self, inputs: int, hidden: int, state: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, hidden, 3, padding=1)
        self.inner = nn.ModuleList(
            nn.Conv2d(hidden, hidden, 3, padding=distance, dilation=distance) for distance in (1, 2, 4)
        )
        self.last = nn.Conv2d(hidden, state, 3, padding=1)
        self.head = nn.Conv2d(state, 3, 3, padding=1)
        _silence(self.head)

    def forward(self, x: Tensor, best: Tensor) -> tuple[Tensor, Tensor]:
        """What is to be added to the motion, ``best`` being what fits best, and what goes on to the next
        level."""
        h = leaky_relu(self.first(x), SLOPE)
        for layer in self.inner:
            h = h + leaky_relu(layer(h), SLOPE)
        state = leaky_relu(self.last(h), SLOPE)
        made = self.head(state).float()
        return made[:, :2] + best * (made[:, 2:] + TRUST).sigmoid(), state


class Chooser(nn.Module):
    """Which of two motions a pixel has: the one found so far, or the one that a search has found; by how well
    both fit, whether the search is sure, and what is there."""

    def __init__(self, features: int, state: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(features + state + 5, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.head = nn.Conv2d(width, 1, 3, padding=1)
        _silence(self.head)

    def forward(self, level: Tensor, flow: Tensor, state: Tensor, searched: Tensor) -> Tensor:
        """The chosen motion. ``searched``: motion and sureness (N, 3, H, W)."""
        first, second = level.chunk(2)
        found, sure = searched[:, :2], searched[:, 2:]
        ours, theirs = unit(first), unit(second)
        fits = [(ours * warped(theirs, each)).sum(1, keepdim=True) for each in (flow, found)]
        h = leaky_relu(self.first(torch.cat([first, state, *fits, (found - flow) / 8, sure], 1)), SLOPE)
        h = h + leaky_relu(self.second(h), SLOPE)
        return flow + (found - flow) * (self.head(h).float() + BELIEF).sigmoid()


class Spread(nn.Module):
    """Lets motion spread from where it is sure to where it is not, among pixels that look alike: what is
    covered in the second frame, or has no detail, moves as what it belongs to."""

    def __init__(self, features: int, state: int, width: int) -> None:
        super().__init__()
        self.alike = nn.Parameter(torch.tensor(ALIKE))
        self.certain = nn.Parameter(torch.tensor(CERTAIN))
        self.first = nn.Conv2d(features + state + 2, width, 3, padding=1)
        self.head = nn.Conv2d(width, len(RING_OFFSETS), 3, padding=1)
        _silence(self.head)

    def forward(self, level: Tensor, flow: Tensor, state: Tensor, sure: Tensor) -> Tensor:
        """The motion, each pixel's a mix of those on three rings about it. ``sure``: where the search was."""
        first, second = level.chunk(2)
        ours = unit(first)
        fits = (ours * warped(unit(second), flow)).sum(1, keepdim=True)
        h = leaky_relu(self.first(torch.cat([first, state, fits, sure], 1)), SLOPE)
        drawn = self.alike * correlation(ours, ours, RING_OFFSETS) + self.head(h).float()
        trust = self.certain[0] * sure + self.certain[1] * fits
        for _ in range(SPREADS):
            shares = (drawn + on_rings(trust)[:, 0]).softmax(1)[:, None]
            flow, trust = ((shares * on_rings(each)).sum(2) for each in (flow, trust))
        return flow


class Edges(nn.Module):
    """The last stage, at half resolution: what the motion is off by there, and of which cells about it each
    pixel's motion is a mix."""

    def __init__(self, features: int, state: int, width: int) -> None:
        super().__init__()
        self.before = nn.Conv2d(state, width, 1)
        self.first = nn.Conv2d(2 * features + 2 + width + 3, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.third = nn.Conv2d(width, width, 3, padding=1)
        self.head = nn.Conv2d(width, 2 + 9 * HALF * HALF, 3, padding=1)
        _silence(self.head)

    def forward(self, both: Tensor, flow: Tensor, state: Tensor, searched: Tensor) -> tuple[Tensor, Tensor]:
        """The motion at half resolution, in its pixels, and the shares (N, 36, H / 2, W / 2)."""
        first, second = both.chunk(2)
        apart = first - warped(second, flow)
        other = torch.cat([(searched[:, :2] - flow) / 8, searched[:, 2:]], 1)
        h = torch.cat([first, apart, flow / 8, doubled(self.before(state)), other], 1)
        h = leaky_relu(self.first(h), SLOPE)
        h = h + leaky_relu(self.second(h), SLOPE)
        h = h + leaky_relu(self.third(h), SLOPE)
        made = self.head(h).float()
        return flow + made[:, :2], made[:, 2:]


def liven(layer: nn.Module) -> None:
    """Let features begin as strong as the frame, so that they tell pixels apart before anything is
    learned."""
    if isinstance(layer, nn.Conv2d) and layer.bias is not None:
        nn.init.kaiming_normal_(layer.weight, SLOPE)
        nn.init.zeros_(layer.bias)


def _silence(layer: nn.Conv2d) -> None:
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
