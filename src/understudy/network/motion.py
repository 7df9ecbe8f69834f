"""The network that finds motion: where each pixel of one frame is in another one.

It works from coarse to fine, as PWC-Net does (Sun et al., 2018): both frames become pyramids of features;
at each level those of the second frame are carried along the motion that the coarser level has found, and
compared with those of the first over a few pixels on each side, from which one small decoder, the same for
all levels, tells what the motion was off by. At half resolution a last stage looks at what the warped frame
still differs by; each pixel's motion is then a mix of those of the nine cells about it (as in RAFT, Teed
and Deng, 2020), which keeps edges sharp.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, leaky_relu, pad, pixel_shuffle, unfold

SLOPE = 0.1
HALF = 2
LEAST_SPREAD = 0.02
FURTHEST = 4.0
"""In spreads of a frame's values: what is brighter is held."""
SHARPNESS = 20.0
"""How much likelier a place is at first that fits perfectly than one that does not at all, as a logarithm."""
TRUST = -2.0
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


class Edges(nn.Module):
    """The last stage, at half resolution: what the motion is off by there, and of which cells about it each
    pixel's motion is a mix."""

    def __init__(self, features: int, state: int, width: int) -> None:
        super().__init__()
        self.before = nn.Conv2d(state, width, 1)
        self.first = nn.Conv2d(2 * features + 2 + width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.third = nn.Conv2d(width, width, 3, padding=1)
        self.head = nn.Conv2d(width, 2 + 9 * HALF * HALF, 3, padding=1)
        _silence(self.head)

    def forward(self, first: Tensor, second: Tensor, flow: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The motion at half resolution, in its pixels, and the shares (N, 36, H / 2, W / 2)."""
        apart = first - warped(second, flow)
        h = torch.cat([first, apart, flow / 8, _doubled(self.before(state))], 1)
        h = leaky_relu(self.first(h), SLOPE)
        h = h + leaky_relu(self.second(h), SLOPE)
        h = h + leaky_relu(self.third(h), SLOPE)
        made = self.head(h).float()
        return flow + made[:, :2], made[:, 2:]


def _liven(layer: nn.Module) -> None:
    """Let features begin as strong as the frame, so that they tell pixels apart before anything is
    learned."""
    if isinstance(layer, nn.Conv2d) and layer.bias is not None:
        nn.init.kaiming_normal_(layer.weight, SLOPE)
        nn.init.zeros_(layer.bias)


def _silence(layer: nn.Conv2d) -> None:
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


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
        self.edges = Edges(shape.widths[0], shape.state, shape.edge)
        for layers in (self.pyramid, self.project):
            layers.apply(_liven)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.levels(first, second)[-1]

    def levels(self, first: Tensor, second: Tensor) -> list[Tensor]:
        """What each turn of each level finds, coarsest first, in pixels of that level; the last is the
        result."""
        both = self.pyramid(torch.cat([evened(first), evened(second)]))
        matched = [project(each) for project, each in zip(self.project, both[1:], strict=True)]
        found: list[Tensor] = []
        flow, state = self._begin(matched[-1])
        for level, turns in zip(reversed(matched), self.architecture.turns, strict=True):
            if found:
                flow, state = 2 * _doubled(flow), _doubled(state)
            for _ in range(turns):
                flow, state = self._turn(level, flow, state)
                found.append(flow)
        finest = both[0].chunk(2)
        flow, shares = self.edges(finest[0], finest[1], 2 * _doubled(flow), state)
        return [*found, flow, mixed(2 * flow, shares)]

    def _begin(self, coarsest: Tensor) -> tuple[Tensor, Tensor]:
        count, _, height, width = coarsest.shape
        size = count // 2, self.architecture.state, height, width
        return coarsest.new_zeros((count // 2, 2, height, width), dtype=torch.float32), coarsest.new_zeros(
            size
        )

    def _turn(self, level: Tensor, flow: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        first, second = level.chunk(2)
        fits = correlation(_even(first), warped(_even(second), flow), self.architecture.radius)
        best = likeliest(fits, self.sharpness, self.architecture.radius)
        change, state = self.decoder(torch.cat([fits, best, first, flow / 8, state], 1), best)
        return flow + change, state


def evened(frames: Tensor) -> Tensor:
    """Frames (N, 3, H, W) about 0, as if all were of one exposure and contrast."""
    frames = frames.float()
    about = frames - frames.mean((2, 3), keepdim=True)
    spread = about.square().mean((1, 2, 3), keepdim=True).sqrt()
    return (about / (spread + LEAST_SPREAD)).clamp(-FURTHEST, FURTHEST)


def _even(features: Tensor) -> Tensor:
    """Features of length 1 at each pixel, about what they are over the whole frame."""
    features = features.float()
    features = features - features.mean((2, 3), keepdim=True)
    return features * (features.square().sum(1, keepdim=True) + 1e-6).rsqrt()


def _doubled(planes: Tensor) -> Tensor:
    """Planes at twice their size."""
    return interpolate(planes, scale_factor=2.0, mode="bilinear", align_corners=False)


def warped(planes: Tensor, flow: Tensor) -> Tensor:
    """Planes (N, C, H, W) read at each pixel's place plus ``flow``; 0 beyond the frame."""
    height, width = planes.shape[-2:]
    across = (torch.arange(width, device=flow.device, dtype=torch.float32) + flow[:, 0]) * (2 / width)
    down = (torch.arange(height, device=flow.device, dtype=torch.float32)[:, None] + flow[:, 1]) * (
        2 / height
    )
    places = torch.stack([across + (1 / width - 1), down + (1 / height - 1)], 3)
    return grid_sample(planes.float(), places, mode="bilinear", padding_mode="zeros", align_corners=False)


def correlation(first: Tensor, second: Tensor, radius: int) -> Tensor:
    """(N, (2 radius + 1)^2, H, W): how alike each pixel of ``first`` is to those of ``second`` about its
    place."""
    made: Tensor = _Correlation.apply(first, pad(second, [radius] * 4), radius)
    return made


class _Correlation(torch.autograd.Function):
    """Its gradients are added up in place, in a quarter of the time of what torch derives by itself."""

    @staticmethod
    def forward(context: Any, first: Tensor, around: Tensor, radius: int) -> Tensor:
        context.save_for_backward(first, around)
        products = torch.empty_like(first)
        places = _places(first, radius)
        made = first.new_empty((first.shape[0], len(places), *first.shape[2:]))
        for number, (rows, columns) in enumerate(places):
            torch.mul(first, around[:, :, rows, columns], out=products)
            torch.sum(products, 1, out=made[:, number])
        context.places = places
        return made

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        first, around = context.saved_tensors
        of_first, of_around = torch.zeros_like(first), torch.zeros_like(around)
        for number, (rows, columns) in enumerate(context.places):
            weight = gradients[0][:, number : number + 1]
            of_first.addcmul_(around[:, :, rows, columns], weight)
            of_around[:, :, rows, columns].addcmul_(first, weight)
        return of_first, of_around, None


def _places(planes: Tensor, radius: int) -> list[tuple[slice, slice]]:
    """Rows and columns of all places about each pixel, in planes that are wider by a radius."""
    height, width = planes.shape[-2:]
    steps = range(2 * radius + 1)
    return [(slice(y, y + height), slice(x, x + width)) for y in steps for x in steps]


def likeliest(fits: Tensor, sharpness: Tensor, radius: int) -> Tensor:
    """Where it fits best, (N, 2, H, W) in pixels: the mean of all places, each by how well it fits."""
    shares = (fits * sharpness).softmax(1)
    steps = torch.arange(-radius, radius + 1, device=fits.device, dtype=torch.float32)
    down, across = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([(shares * each.reshape(1, -1, 1, 1)).sum(1) for each in (across, down)], 1)


def mixed(flow: Tensor, shares: Tensor) -> Tensor:
    """Motion (N, 2, H, W) at twice its size, each pixel's a mix of those of the nine cells about it."""
    count, _, height, width = flow.shape
    share = shares.view(count, 1, 9, HALF * HALF, height, width).softmax(2)
    cells = unfold(pad(flow, [1] * 4, mode="replicate"), 3).view(count, 2, 9, 1, height, width)
    return pixel_shuffle((share * cells).sum(2).flatten(1, 2), HALF)


def reduced_truth(truth: Tensor, times: int) -> Tensor:
    """True motion (N, 2, H, W) at a size so many times smaller, in the pixels of that size."""
    return avg_pool2d(truth, times) / times
