"""Pairs as they are learned from, one after the other in one block of memory.

Pairs of large frames are too large to be made ready all at once: each is made, packed and let go before the
next one is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as functional
from torch import Tensor

GRID = 8
BAND = 32 * GRID
HALF_ABOVE = 1_500_000_000
NOISE = 2.0
CLEAR = 5.0
LEAST_SHARE = 1e-4
"""The share of a frame below which a matte draws no more crops for being small."""
LOCAL = (1e-4, 0.05)
MATTE_FOCUS = 0.4
EARLIER_MATTE_FOCUS = 0.8
"""What it was in runs that were begun before it was kept with them."""


@dataclass(frozen=True)
class Material:
    """One pair as it is learned from: float32 tensors (H, W, channels); ``base``, what the colour fit makes
    of the input, is empty for a matte; ``weight`` has one channel, or one for each of several mattes.
    ``shares`` (mattes,): how much a pixel of each is to draw crops, so that a small one has as many as a
    large one. ``change`` (H, W): how much there is to learn at each pixel, where that is not how far the
    truth is from ``base``."""

    input: Tensor
    truth: Tensor
    base: Tensor
    weight: Tensor
    shares: Tensor | None = None
    change: Tensor | None = None

    @property
    def parts(self) -> tuple[Tensor, ...]:
        return self.input, self.truth, self.base, self.weight

    def change_of(self, rows: slice) -> Tensor:
        """(rows, W): how much there is to learn at each pixel of these rows."""
        if self.change is not None:
            return self.change[rows]
        truth, weight = self.truth[rows], self.weight[rows]
        error = truth - self.base[rows] if self.base.shape[2] else truth
        if self.shares is not None:
            return (error.abs() * weight) @ self.shares
        size = error.abs()
        return (size[..., 0] if size.shape[2] == 1 else size.mean(2)) * weight[..., 0]

    def weight_of(self, rows: slice) -> Tensor:
        """(rows, W): how much each pixel of these rows counts, for whichever matte."""
        weight = self.weight[rows]
        return weight[..., 0] if weight.shape[2] == 1 else weight.amax(2)


def shares_of_mattes(truth: Tensor, weight: Tensor) -> Tensor | None:
    """``Material.shares`` of several mattes (H, W, mattes); None for one."""
    if weight.shape[2] < 2:
        return None
    sizes = (truth * weight).mean((0, 1))
    return sizes.mean() / (len(sizes) * sizes.clamp(min=LEAST_SHARE))


@dataclass(frozen=True)
class Packed:
    """``pixels`` (pixels of all pairs, channels of all parts), float32, or float16 when that is very much;
    ``parts`` counts the channels of each; ``sizes`` (pairs, 2) are heights and widths; ``changes`` and
    ``weights`` are the mean changes and weights in the cells of GRID x GRID pixels of each pair, (rows,
    columns). ``coarse``: the same pairs ``factor`` times smaller, where a coarse view learns too. ``whole``:
    the same pairs as pictures of one size, where whole ones are learned from."""

    pixels: Tensor
    parts: tuple[int, ...]
    sizes: Tensor
    changes: list[Tensor]
    weights: list[Tensor]
    coarse: Packed | None = None
    factor: int = 1
    whole: Packed | None = None

    @property
    def side(self) -> int:
        """The height and width of whole pictures; 0 where there are none."""
        return int(self.whole.sizes[0, 0]) if self.whole is not None else 0

    @property
    def tensors(self) -> list[Tensor]:
        """All that it consists of, always in one order."""
        own = [self.pixels, self.sizes, *self.changes, *self.weights]
        return own + [tensor for view in (self.coarse, self.whole) if view for tensor in view.tensors]

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.tensors)


@dataclass(frozen=True)
class Laying:
    """How pairs are laid down, where a sample of them tells it for all: the ``kinds`` of pixels, and the
    ``floors`` of noise (``noise_floor``), of the pairs, of their coarse view, and of whole pictures."""

    kinds: tuple[torch.dtype, torch.dtype, torch.dtype]
    floors: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def coarse(self) -> Laying:
        """That of the coarse view, by itself."""
        return self._of(1)

    @property
    def whole(self) -> Laying:
        """That of whole pictures, by themselves."""
        return self._of(2)

    def _of(self, view: int) -> Laying:
        kind, floor = self.kinds[view], self.floors[view]
        return Laying((kind, kind, kind), (floor, floor, floor))


def kind_of(total: int, channels: int) -> torch.dtype:
    """How ``total`` pixels are stored: float32, or float16 when that is very much."""
    return torch.float16 if total * channels * 4 > HALF_ABOVE else torch.float32


def pack(
    materials: Iterable[Material],
    sizes: list[tuple[int, int]],
    factor: int = 1,
    side: int = 0,
    laying: Laying | None = None,
) -> Packed:
    """Take one material at a time; ``sizes`` are the heights and widths that they will have. ``factor``: of
    the coarse view, 1 where there is none; ``side``: of whole pictures, 0 where there are none. ``laying`` is
    what these pairs tell themselves by default."""
    coming, smaller, pictures = iter(materials), list[Material](), list[Material]()
    material: Material | None = next(coming)
    assert material is not None
    parts = tuple(part.shape[2] for part in material.parts)
    total = sum(height * width for height, width in sizes)
    kind = laying.kinds[0] if laying else kind_of(total, sum(parts))
    pixels = torch.empty((total, sum(parts)), dtype=kind)
    changes: list[Tensor] = []
    weights: list[Tensor] = []
    at = 0
    while material is not None:
        at = _put(pixels, at, material)
        height = material.input.shape[0]
        changes.append(_mean_per_cell(material.change_of, height))
        weights.append(_mean_per_cell(material.weight_of, height))
        if factor > 1:
            smaller.append(shrunk(material, factor))
        if side:
            pictures.append(picture_of(material, side))
        material = None  # its memory is free before the next one is made
        material = next(coming, None)
    if parts[2]:
        changes = above(changes, laying.floors[0] if laying else noise_floor(changes, weights))
    whole = None
    if side:
        own = laying.whole if laying else None
        whole = pack(pictures, [(side, side)] * len(pictures), laying=own)
    packed = Packed(pixels, parts, torch.tensor(sizes), changes, weights, whole=whole)
    if factor == 1:
        return packed
    few = [(each.input.shape[0], each.input.shape[1]) for each in smaller]
    return replace(packed, coarse=pack(smaller, few, laying=laying.coarse if laying else None), factor=factor)


@dataclass(frozen=True)
class Further:
    """A pair that is learned from beside those that are packed. ``drawn`` (H, W): where crops of it are
    taken, as weights; None: as of any other pair."""

    material: Material
    drawn: Tensor | None = None

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.material.input.shape[:2]
        return height, width


def pack_beside(packed: Packed, further: Sequence[Further], counts: Mapping[int, Tensor]) -> Packed:
    """The pairs of ``packed`` and ``further`` ones after them. ``counts``: of pairs of ``packed``, by index,
    how much each pixel (H, W, 1), or (H, W, mattes), still counts, 0 to 1."""
    sizes = [each.size for each in further]
    if not further:
        return _silenced(packed, counts)
    added = pack((each.material for each in further), sizes, packed.factor, packed.side)
    return _joined(_silenced(packed, counts), _drawn_where(added, [each.drawn for each in further]))


def _drawn_where(packed: Packed, drawn: Sequence[Tensor | None]) -> Packed:
    """The same, with crops of each pair taken where its ``drawn`` says."""
    cells = [None if where is None else _cells_of(where) for where in drawn]
    changes, weights = (
        [own if cell is None else cell for own, cell in zip(each, cells, strict=True)]
        for each in (packed.changes, packed.weights)
    )
    coarse = packed.coarse
    if coarse is not None:
        smaller = [None if where is None else _smaller(where, packed.factor) for where in drawn]
        coarse = _drawn_where(coarse, smaller)
    return replace(packed, changes=changes, weights=weights, coarse=coarse)


def _smaller(plane: Tensor, factor: int) -> Tensor:
    return shrunk_planes(plane[:, :, None], factor)[:, :, 0]


def _cells_of(plane: Tensor) -> Tensor:
    return _mean_per_cell(lambda rows: plane[rows], plane.shape[0])


def _silenced(packed: Packed, counts: Mapping[int, Tensor]) -> Packed:
    """A copy in which pixels of some pairs count less."""
    if not counts:
        return packed
    pixels, changes, weights = packed.pixels.clone(), list(packed.changes), list(packed.weights)
    starts = packed.sizes.prod(1).cumsum(0) - packed.sizes.prod(1)
    for index, keep in counts.items():
        first = int(starts[index])
        kept = keep.flatten(0, 1)
        pixels[first : first + len(kept), -packed.parts[3] :] *= kept.to(pixels)
        cell = _cells_of(keep.amax(2)).to(weights[index])
        changes[index], weights[index] = changes[index] * cell, weights[index] * cell
    coarse = packed.coarse
    if coarse is not None:
        coarse = _silenced(
            coarse, {index: shrunk_planes(keep, packed.factor) for index, keep in counts.items()}
        )
    whole = packed.whole
    if whole is not None:
        whole = _silenced(whole, {index: _picture(keep, packed.side) for index, keep in counts.items()})
    return replace(packed, pixels=pixels, changes=changes, weights=weights, coarse=coarse, whole=whole)


def _joined(packed: Packed, added: Packed) -> Packed:
    coarse = None
    if packed.coarse is not None and added.coarse is not None:
        coarse = _joined(packed.coarse, added.coarse)
    whole = None
    if packed.whole is not None and added.whole is not None:
        whole = _joined(packed.whole, added.whole)
    return replace(
        packed,
        pixels=torch.cat([packed.pixels, added.pixels.to(packed.pixels.dtype)]),
        sizes=torch.cat([packed.sizes, added.sizes]),
        changes=[*packed.changes, *added.changes],
        weights=[*packed.weights, *added.weights],
        coarse=coarse,
        whole=whole,
    )


def picture_of(material: Material, side: int) -> Material:
    """A pair as a picture of ``side`` x ``side`` pixels, whatever its shape was. What does not count has no
    part in the truth."""
    plate, truth, base, weight = material.parts
    known = (weight > 0).to(weight.dtype)
    share = _picture(known, side).clamp(min=1e-6)
    start = base if base.shape[2] else torch.zeros_like(truth)
    error = _picture((truth - start) * known, side) / share
    smaller = _picture(base, side)
    truth = smaller + error if base.shape[2] else error
    return Material(_picture(plate, side), truth, smaller, _picture(weight, side), material.shares)


def _picture(planes: Tensor, side: int) -> Tensor:
    """(H, W, C) -> (side, side, C), as ``understudy.network.resampling.resample_to`` does it."""
    if not planes.shape[2]:
        return planes.new_zeros((side, side, 0))
    whole = planes.permute(2, 0, 1)[None]
    smaller = functional.interpolate(whole, size=(side, side), mode="bilinear", antialias=True)
    return smaller[0].permute(1, 2, 0)


def shrunk(material: Material, factor: int) -> Material:
    """The means over squares of ``factor`` x ``factor`` pixels, the last row and column repeated where they
    do not fill one. What does not count has no part in the truth. In bands of rows, as frames are large."""
    height = material.input.shape[0]
    bands = [_shrunk_band(material, slice(top, top + BAND), factor) for top in range(0, height, BAND)]
    plate, truth, base, weight = (
        torch.cat(each) for each in zip(*(band.parts for band in bands), strict=True)
    )
    return Material(plate, truth, base, weight, material.shares)


def _shrunk_band(material: Material, rows: slice, factor: int) -> Material:
    plate, truth, base, weight = (part[rows] for part in material.parts)
    known = (weight > 0).to(weight.dtype)
    start = base if base.shape[2] else torch.zeros_like(truth)
    share = shrunk_planes(known, factor).clamp(min=1e-6)
    error = shrunk_planes((truth - start) * known, factor) / share
    smaller = shrunk_planes(base, factor)
    return Material(
        shrunk_planes(plate, factor),
        smaller + error if base.shape[2] else error,
        smaller,
        shrunk_planes(weight, factor),
    )


def shrunk_planes(planes: Tensor, factor: int) -> Tensor:
    """(H, W, C) -> (H / factor, W / factor, C), rounded up."""
    if not planes.shape[2]:
        return planes.new_zeros((-(-planes.shape[0] // factor), -(-planes.shape[1] // factor), 0))
    below, right = (-side % factor for side in planes.shape[:2])
    whole = functional.pad(planes.permute(2, 0, 1)[None], (0, right, 0, below), mode="replicate")
    return functional.avg_pool2d(whole, factor)[0].permute(1, 2, 0)


def _put(pixels: Tensor, at: int, material: Material) -> int:
    """Write the parts of a material side by side from row ``at`` on; the row after the last. One channel at a
    time, in the type that it is stored in: in one go it takes twice as long."""
    height, width = material.input.shape[:2]
    after = at + height * width
    channels = [plane for part in material.parts for plane in part.to(pixels.dtype).unbind(2)]
    for channel, plane in enumerate(channels):
        pixels[at:after, channel] = plane.flatten()
    return after


def _mean_per_cell(of: Callable[[slice], Tensor], height: int) -> Tensor:
    """In bands of rows, as the change of a whole frame is large."""
    bands = [of(slice(top, top + BAND)) for top in range(0, height, BAND)]
    pooled = [functional.avg_pool2d(band[None, None], GRID, ceil_mode=True)[0, 0] for band in bands]
    return torch.cat(pooled)


def noise_floor(changes: list[Tensor], weights: list[Tensor]) -> float:
    """How much of the changes of images is what compression, dither or new grain changes everywhere: a fix of
    a thousandth of the frame would otherwise drown in it. 0 unless only a few cells stand far out; an effect
    that is at work everywhere stays as it is. Cells without weight do not count."""
    cells = torch.cat([each[weight > 0] for each, weight in zip(changes, weights, strict=True)])
    if not len(cells):
        return 0.0
    floor = NOISE * float(cells.kthvalue(max(1, len(cells) // 5)).values)
    out = cells[cells > floor]
    few = LOCAL[0] < len(out) / len(cells) < LOCAL[1]
    return floor if few and float(out.mean()) >= CLEAR * floor else 0.0


def above(changes: list[Tensor], floor: float) -> list[Tensor]:
    """Changes without what lies below the ``floor`` of noise."""
    return [(each - floor).clamp(min=0) for each in changes] if floor else changes


def focus_of(packed: Packed, matte: bool, painted: int | None = None) -> float:
    """The share of crops that is worth drawing where the change is: half for a matte, whose background has to
    be known as well, much for a local fix, little where the effect is everywhere. What does not count at all
    has no say, nor have pairs behind the first ``painted`` ones."""
    if matte:
        return MATTE_FOCUS
    both = zip(packed.changes[:painted], packed.weights[:painted], strict=True)
    cells = torch.cat([changes[weights > 0] for changes, weights in both])
    ordered = cells.sort(descending=True).values.double()
    share = ordered[: max(1, len(ordered) // 5)].sum() / ordered.sum().clamp(min=1e-12)
    return float(((share - 0.4) * 1.5).clamp(0.0, 0.6))
