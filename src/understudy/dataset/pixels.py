"""The pixels of pairs, at one scale, and where in them most is to be learned: all packed in memory, or each
made as it is asked for. Crops of both are the same to the last bit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from understudy.dataset.packing import GRID, Packed
from understudy.dataset.stream import PairStream
from understudy.device import free_memory


@dataclass(frozen=True)
class Cut:
    """Where one set of crops lies: a pair, a top-left corner and its turns, each of shape (N,)."""

    pair: Tensor
    top: Tensor
    left: Tensor
    mirror: Tensor
    flip: Tensor
    swap: Tensor


@dataclass(frozen=True)
class _Cells:
    """Running sums over cells of GRID pixels, row by row."""

    sums: Tensor
    columns: int


@dataclass(frozen=True)
class _Chances:
    """Where crops of a pair are drawn: ``cells`` by how much there is to learn, ``counting`` by what counts;
    None where all of it does."""

    cells: _Cells
    counting: _Cells | None


class Pixels(ABC):
    """Pairs on a device at one scale. ``evenly``: crops that come from anywhere show the borders of a frame
    as often as its middle, which few corners would lead to."""

    def __init__(self, device: torch.device, evenly: bool) -> None:
        self.device, self.evenly = device, evenly

    @property
    @abstractmethod
    def count(self) -> int:
        """How many pairs there are."""

    @abstractmethod
    def size(self, pair: int) -> tuple[int, int]:
        """Height and width of a pair."""

    @abstractmethod
    def chances(self, pair: int) -> _Chances:
        """Where crops of it are drawn."""

    @abstractmethod
    def gather(self, cut: Cut, size: tuple[int, int]) -> Tensor:
        """(N, C, *size): the crops of ``cut``; past the frame's edge it is mirrored."""

    def corner(
        self, pair: int, row: list[float], size: tuple[int, int], focus: float
    ) -> tuple[int, int, float, float]:
        """The top-left corner of a crop: anywhere that counts, or around a place where the effect is at
        work; and that place."""
        height, width = self.size(pair)
        most_top, most_left = max(0, height - size[0]), max(0, width - size[1])
        chances = self.chances(pair)
        cells = chances.cells if row[0] < focus else chances.counting
        if cells is None:
            if self.evenly:
                top = _within(row[1] * height - size[0] / 2, most_top)
                left = _within(row[2] * width - size[1] / 2, most_left)
            else:
                top, left = round(row[1] * most_top), round(row[2] * most_left)
            return top, left, top + row[8] * size[0], left + row[9] * size[1]
        cell = int(torch.searchsorted(cells.sums, row[3] * float(cells.sums[-1])))
        y, x = divmod(min(cell, len(cells.sums) - 1), cells.columns)
        top = _within(y * GRID - row[1] * (size[0] - GRID), most_top)
        left = _within(x * GRID - row[2] * (size[1] - GRID), most_left)
        return top, left, (y + row[8]) * GRID, (x + row[9]) * GRID


class PackedPixels(Pixels):
    """Pairs that lie one after the other in one block of memory: a whole batch is one gather."""

    def __init__(self, pairs: Packed, device: torch.device, evenly: bool) -> None:
        super().__init__(device, evenly)
        self.sizes = pairs.sizes
        pixels = self.sizes.prod(1)
        self.starts = pixels.cumsum(0) - pixels
        self.pixels = _on_device(pairs.pixels, device)
        both = zip(pairs.changes, pairs.weights, strict=True)
        self._chances = [_chances(*each) for each in both]

    @property
    def count(self) -> int:
        return len(self.sizes)

    def size(self, pair: int) -> tuple[int, int]:
        height, width = self.sizes[pair].tolist()
        return height, width

    def chances(self, pair: int) -> _Chances:
        return self._chances[pair]

    def gather(self, cut: Cut, size: tuple[int, int]) -> Tensor:
        """From the packed pixels in one indexing."""
        first, second = _places(cut, size, self.sizes[cut.pair], self.starts[cut.pair])
        there = self.pixels.device
        first, second = first.to(there, non_blocking=True), second.to(there, non_blocking=True)
        index = first[:, :, None] + second[:, None, :]
        crops = self.pixels.index_select(0, index.flatten()).unflatten(0, index.shape).permute(0, 3, 1, 2)
        return crops.to(self.device)


class StreamedPixels(Pixels):
    """Pairs that are made one by one: each crop is gathered from its own."""

    def __init__(self, pairs: PairStream, device: torch.device, evenly: bool) -> None:
        super().__init__(device, evenly)
        self._pairs = pairs

    @property
    def count(self) -> int:
        return self._pairs.count

    def size(self, pair: int) -> tuple[int, int]:
        height, width = self._pairs.of(pair).sizes[0].tolist()
        return height, width

    def chances(self, pair: int) -> _Chances:
        packed = self._pairs.of(pair)
        return _chances(packed.changes[0], packed.weights[0])

    def gather(self, cut: Cut, size: tuple[int, int]) -> Tensor:
        pairs = [self._pairs.of(pair) for pair in cut.pair.tolist()]
        sizes = torch.cat([pair.sizes for pair in pairs])
        first, second = _places(cut, size, sizes, torch.zeros(len(pairs), dtype=torch.long))
        crops = [
            pair.pixels.index_select(0, (down[:, None] + across[None, :]).flatten()).unflatten(0, size)
            for pair, down, across in zip(pairs, first, second, strict=True)
        ]
        return torch.stack(crops).to(self.device).permute(0, 3, 1, 2)


def pixels_of(pairs: Packed | PairStream, device: torch.device, evenly: bool) -> Pixels:
    """The pixels of pairs, wherever they lie."""
    if isinstance(pairs, PairStream):
        return StreamedPixels(pairs, device, evenly)
    return PackedPixels(pairs, device, evenly)


def _places(cut: Cut, size: tuple[int, int], sizes: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
    """(N, h) and (N, w): the sum of the two is the row of each pixel of the crops.

    A pixel's place is the sum of what its row and its column say, so that all else is worked out along one
    axis at a time. In a turned crop the two change places.
    """
    height, width = (sizes[:, axis][:, None] for axis in (0, 1))
    down, across = (torch.arange(side)[None, :] for side in size)
    swap, flip, mirror = (each[:, None] for each in (cut.swap, cut.flip, cut.mirror))
    rows, columns = down, across
    if bool(swap.any()):
        rows, columns = torch.where(swap, across, down), torch.where(swap, down, across)
    rows = torch.where(flip, size[0] - 1 - rows, rows) + cut.top[:, None]
    columns = torch.where(mirror, size[1] - 1 - columns, columns) + cut.left[:, None]
    rows = starts[:, None] + _mirrored(rows, height) * width
    columns = _mirrored(columns, width)
    if bool(swap.any()):
        return torch.where(swap, columns, rows), torch.where(swap, rows, columns)
    return rows, columns


def _on_device(pixels: Tensor, device: torch.device) -> Tensor:
    """On the device where they leave it as much as they take; else where they are, and crops go over."""
    if device.type == "cpu" or 2 * pixels.nbytes < free_memory(device):
        return pixels.to(device)
    return pixels


def _mirrored(index: Tensor, size: Tensor) -> Tensor:
    """Positions past either end, mirrored back in, as often as it takes."""
    period = (2 * size - 2).clamp(min=1)
    index = index.remainder(period)
    return torch.where(index >= size, period - index, index)


def _within(place: float, most: int) -> int:
    """The whole number nearest to a place, from 0 to ``most``."""
    return min(max(0, round(place)), most)


def _chances(changes: Tensor, weights: Tensor) -> _Chances:
    cells = _running_sums((changes.double() + 1e-9) * (weights > 0))
    return _Chances(cells, None if bool(weights.all()) else _running_sums(weights))


def _running_sums(values: Tensor) -> _Cells:
    return _Cells(values.double().flatten().cumsum(0), values.shape[1])
