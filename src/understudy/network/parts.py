"""What a U-Net has to compute so that a part of its result is that of the whole frame.

Each level computes only what the levels after it look at. The coarsest looks furthest; what comes after it,
which is half of the work, needs little more than the part itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

Crop = tuple[slice, slice]
"""Rows and columns of planes."""


def cropped(planes: Tensor, crop: Crop | None) -> Tensor:
    """Planes (N, C, H, W) without what lies outside of a crop; as they are without one."""
    return planes if crop is None else planes[:, :, crop[0], crop[1]]


class Interval(NamedTuple):
    """Along one axis, from ``start`` to before ``stop``."""

    start: int
    stop: int

    def wider(self, by: int, length: int) -> Interval:
        """With so many more on each side, where the frame has them."""
        return Interval(max(self.start - by, 0), min(self.stop + by, length))

    def coarser(self, factor: int) -> Interval:
        """What holds all of it where a step is ``factor`` times as large."""
        return Interval(self.start // factor, -(-self.stop // factor))

    def finer(self, factor: int) -> Interval:
        """The same where a step is ``factor`` times as small."""
        return Interval(self.start * factor, self.stop * factor)

    def within(self, outer: Interval) -> slice:
        """Itself, counted from the first of ``outer``."""
        return slice(self.start - outer.start, self.stop - outer.start)


class Stages(NamedTuple):
    """Along one axis of a frame, what each stage of a U-Net computes of it: ``pixels`` of the frame that go
    in; at each level, finest first and in its own cells, what is ``encoded``, and what of that goes on to the
    level below (``shrunk``) and across to the decoder (``skipped``); what of the ``decoded`` is of use, and
    of the coarsest level."""

    pixels: Interval
    encoded: Sequence[Interval]
    shrunk: Sequence[Interval]
    skipped: Sequence[Interval]
    decoded: Sequence[Interval]

    def crops(self, kept: Interval, length: int, stem: int) -> Iterator[slice]:
        """What ``UNet.forward`` cuts away, in its order."""
        yield self.pixels.within(Interval(0, length))
        yield self.encoded[0].within(Interval(0, length // stem))
        for encoded, skipped, shrunk in zip(self.encoded[:-1], self.skipped, self.shrunk, strict=True):
            yield skipped.within(encoded)
            yield shrunk.within(encoded)
        yield self.decoded[-1].within(self.encoded[-1])
        for decoded, skipped in reversed(list(zip(self.decoded[:-1], self.skipped, strict=True))):
            yield decoded.within(skipped)
        yield kept.within(self.decoded[0].finer(stem))


def stages(kept: Interval, length: int, stem: int, down: Sequence[int], up: Sequence[int]) -> Stages:
    """What is computed along one axis for the pixels ``kept`` of a frame of ``length``, a multiple of the
    stride. ``down``, ``up``: residual blocks at each level, of two 3x3 convolutions each; the stem and the
    head, of cells of ``stem`` pixels, have one."""
    lengths = [length // (stem * 2**level) for level in range(len(down))]
    decoded, skipped = [kept.coarser(stem).wider(1, lengths[0])], []
    for blocks, cells in zip(up, lengths, strict=False):
        skipped.append(decoded[-1].wider(2 * blocks, cells).coarser(2).finer(2))
        decoded.append(skipped[-1].coarser(2))
    encoded = [decoded[-1].wider(2 * down[-1], lengths[-1])]
    for blocks, cells in reversed(list(zip(down[:-1], lengths, strict=False))):
        encoded.append(encoded[-1].finer(2).wider(2 * blocks, cells))
    shrunk = [each.finer(2) for each in encoded[:-1]]
    encoded[-1] = encoded[-1].wider(1, lengths[0])  # what the stem sees goes through the first blocks too
    return Stages(encoded[-1].finer(stem), encoded[::-1], shrunk[::-1], skipped, decoded)


def crops_of(
    kept: Crop, size: tuple[int, int], stem: int, down: Sequence[int], up: Sequence[int]
) -> list[Crop]:
    """What ``UNet.forward`` cuts away to compute no more of a frame of ``size`` than ``kept`` needs."""
    axes: list[Iterable[slice]] = []
    for part, length in zip(kept, size, strict=True):
        interval = Interval(part.start, part.stop)
        axes.append(stages(interval, length, stem, down, up).crops(interval, length, stem))
    return list(zip(*axes, strict=True))


def reach_of(stride: int, stem: int, down: Sequence[int], up: Sequence[int]) -> int:
    """Pixels on each side that a part depends on which begins and ends on the stride."""
    middle = Interval(1000 * stride, 1001 * stride)
    return middle.start - stages(middle, 2001 * stride, stem, down, up).pixels.start
