"""Any frame through a network, whole or in tiles.

A tile takes more of the frame than it keeps: with at least the network's reach on every inner side cropped
away, what is kept equals the whole frame's result. What is global comes in from outside, the same for every
tile. Only where an artist asks for less context than the reach do neighbours differ, and are then blended
into each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from understudy.inference.engine import Engine
from understudy.network.parts import Crop, cropped

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Span:
    """Along one axis: the network sees ``start``..``stop``; of that, ``keep_start``..``keep_stop`` is its
    own."""

    start: int
    stop: int
    keep_start: int
    keep_stop: int


@dataclass(frozen=True)
class Tile:
    """One tile of a padded frame, in pixels."""

    rows: Span
    columns: Span

    @property
    def pixels(self) -> int:
        """What the network sees of it."""
        return (self.rows.stop - self.rows.start) * (self.columns.stop - self.columns.start)


def round_up(value: int, step: int) -> int:
    """The first multiple of ``step`` that is at least ``value``."""
    return -(-value // step) * step


def margin_for(overlap: int | str, reach: int, stride: int) -> int:
    """Pixels of context on each inner side of a tile: the reach, or what the artist asks for, on the
    stride."""
    return round_up(reach if overlap == "auto" else int(overlap), stride)


def smallest_tile(margin: int, stride: int) -> int:
    """The smallest tile that still keeps something of its own."""
    return 2 * margin + stride


def plan_axis(length: int, tile: int, margin: int, stride: int) -> tuple[Span, ...]:
    """Spans of equal size that cover ``length`` (a multiple of the stride), none longer than ``tile``.

    Every start is a multiple of the stride. A ``tile`` below the smallest possible counts as the smallest.
    """
    if tile >= length:
        return (Span(0, length, 0, length),)
    tile = max(tile // stride * stride, smallest_tile(margin, stride))
    if tile >= length:
        return (Span(0, length, 0, length),)
    own = length - 2 * margin
    count = -(-own // (tile - 2 * margin))
    step = round_up(-(-own // count), stride)
    tile = step + 2 * margin
    starts = [min(index * step, length - tile) for index in range(count)]
    cuts = [0, *(start + margin for start in starts[1:]), length]
    return tuple(
        Span(start, start + tile, cuts[index], cuts[index + 1]) for index, start in enumerate(starts)
    )


def plan_tiles(
    height: int, width: int, *, tile: tuple[int, int], margin: int, stride: int
) -> tuple[Tile, ...]:
    """The tiles, of at most ``tile`` = (height, width), that cover a padded frame row by row."""
    rows = plan_axis(height, tile[0], margin, stride)
    columns = plan_axis(width, tile[1], margin, stride)
    return tuple(Tile(row, column) for row in rows for column in columns)


def fit_tile(height: int, width: int, pixels: int, margin: int, stride: int) -> tuple[int, int]:
    """The (height, width) of at most ``pixels`` pixels that covers the padded frame with the least work in
    all.

    The frame itself where it fits; where not even the smallest tile does, the smallest tile.
    """
    if height * width <= pixels:
        return height, width
    least = smallest_tile(margin, stride)
    best, best_work = (min(least, height), min(least, width)), float("inf")
    for rows in range(1, height // stride + 1):
        tall = _size_for(height, rows, margin, stride)
        wide = min(width, pixels // tall // stride * stride)
        if wide < min(least, width):
            if tall <= least:
                break
            continue
        columns = len(plan_axis(width, wide, margin, stride))
        wide = _size_for(width, columns, margin, stride)
        work = len(plan_axis(height, tall, margin, stride)) * columns * tall * wide
        if work < best_work:
            best, best_work = (tall, wide), work
        if tall <= least:
            break
    return best


def _size_for(length: int, count: int, margin: int, stride: int) -> int:
    """How long a span is when ``count`` of them share ``length``."""
    if count == 1:
        return length
    share = max(-(-(length - 2 * margin) // count), stride)
    return min(length, round_up(share, stride) + 2 * margin)


def pad_to_stride(x: Tensor, stride: int) -> Tensor:
    """(1, C, H, W) with bottom and right repeated until H and W are multiples of the stride."""
    height, width = x.shape[-2:]
    below, right = round_up(height, stride) - height, round_up(width, stride) - width
    if not below and not right:
        return x
    return functional.pad(x, (0, right, 0, below), mode="replicate")


def run_tiled(
    engine: Engine,
    x: Tensor,
    g: Tensor,
    tile: tuple[int, int] | None = None,
    overlap: int | str = "auto",
    kept: Crop | None = None,
) -> Tensor:
    """A padded frame (1, C, H, W), H and W multiples of the stride, through the network.

    ``tile``: None for the whole frame at once, else (height, width) of the largest tile. ``overlap``:
    pixels of context on each inner side of a tile; ``auto`` is the network's reach. Returns float32 (1,
    C_out, H, W) on the same device, within 1e-3 of the whole frame in float32 where the overlap is at least
    the reach; of these the rows and columns ``kept``, where only they are asked for.
    """
    if tile is None:
        return engine.run(x, g, kept)
    height, width = x.shape[-2:]
    margin = margin_for(overlap, engine.reach, engine.stride)
    tiles = plan_tiles(height, width, tile=tile, margin=margin, stride=engine.stride)
    if len(tiles) == 1:
        return engine.run(x, g, kept)
    run = _run_cropped if margin >= engine.reach else _run_blended
    return cropped(run(engine, x, g, tiles), kept)


def _run_tile(engine: Engine, x: Tensor, g: Tensor, tile: Tile) -> Tensor:
    rows, columns = slice(tile.rows.start, tile.rows.stop), slice(tile.columns.start, tile.columns.stop)
    if g.ndim == 4:
        g = cut(g, rows, columns, x.shape[-1] // g.shape[-1])
    return engine.run(cut(x, rows, columns), g)


def cut(planes: Tensor, rows: slice, columns: slice, factor: int = 1) -> Tensor:
    """What lies under rows and columns of the frame in planes (1, C, H, W) ``factor`` times smaller than
    it."""
    down = slice(rows.start // factor, rows.stop // factor)
    across = slice(columns.start // factor, columns.stop // factor)
    return planes[:, :, down, across]


def _empty_like(x: Tensor, channels: int) -> Tensor:
    shape = (1, channels, *x.shape[-2:])
    return torch.empty(shape, device=x.device, memory_format=torch.channels_last)


def _run_cropped(engine: Engine, x: Tensor, g: Tensor, tiles: tuple[Tile, ...]) -> Tensor:
    whole: Tensor | None = None
    for tile in tiles:
        y = _run_tile(engine, x, g, tile)
        whole = _empty_like(x, y.shape[1]) if whole is None else whole
        rows, columns = tile.rows, tile.columns
        own = y[
            :,
            :,
            rows.keep_start - rows.start : rows.keep_stop - rows.start,
            columns.keep_start - columns.start : columns.keep_stop - columns.start,
        ]
        whole[:, :, rows.keep_start : rows.keep_stop, columns.keep_start : columns.keep_stop] = own
    assert whole is not None
    return whole


def _run_blended(engine: Engine, x: Tensor, g: Tensor, tiles: tuple[Tile, ...]) -> Tensor:
    """Straight ramps across what neighbours share, divided by their sum, so that flat stays flat."""
    height, width = x.shape[-2:]
    down = _axis_weights(tuple(dict.fromkeys(tile.rows for tile in tiles)), height)
    across = _axis_weights(tuple(dict.fromkeys(tile.columns for tile in tiles)), width)
    whole: Tensor | None = None
    for tile in tiles:
        y = _run_tile(engine, x, g, tile)
        whole = _empty_like(x, y.shape[1]).zero_() if whole is None else whole
        weight = down[tile.rows].to(x.device)[:, None] * across[tile.columns].to(x.device)[None, :]
        rows, columns = tile.rows, tile.columns
        whole[:, :, rows.start : rows.stop, columns.start : columns.stop] += y * weight
    assert whole is not None
    return whole


def _axis_weights(spans: tuple[Span, ...], length: int) -> dict[Span, Tensor]:
    """For each span a weight per pixel; the weights of all spans add up to 1 at every pixel."""
    weights: dict[Span, Tensor] = {}
    total = torch.zeros(length)
    for index, span in enumerate(spans):
        weight = torch.ones(span.stop - span.start)
        if index > 0:
            shared = max(spans[index - 1].stop - span.start, 0)
            weight[:shared] = torch.minimum(weight[:shared], _ramp(shared))
        if index + 1 < len(spans):
            shared = max(span.stop - spans[index + 1].start, 0)
            if shared:
                weight[-shared:] = torch.minimum(weight[-shared:], _ramp(shared).flip(0))
        weights[span] = weight
        total[span.start : span.stop] += weight
    return {span: weight / total[span.start : span.stop] for span, weight in weights.items()}


def _ramp(length: int) -> Tensor:
    return (torch.arange(length, dtype=torch.float32) + 0.5) / max(length, 1)
