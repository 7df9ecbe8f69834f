"""Pairs -> batches on the device.

Which crop of which pair a sample is, and how it is turned, is a function of (seed, step, sample) alone: the
same on every device, in every process, and after every resume, and wherever the pixels lie
(``understudy.dataset.pixels``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as functional
from torch import Tensor

from understudy.dataset.numbers import hash_numbers
from understudy.dataset.order import Order
from understudy.dataset.packing import Packed
from understudy.dataset.pixels import Cut, Pixels, pixels_of
from understudy.dataset.stream import PairStream

DRAWS = 32


@dataclass(frozen=True)
class Augmentation:
    """How crops are varied. ``turn``: mirrored and turned by right angles; ``rotate`` (radians) and ``zoom``
    (natural log) warp a share of them, ``warped``: the others stay as sharp as the frame is. ``paste``: how
    often the matted part of another crop is pasted in; ``cover``: how often background is, in such a
    shape. ``flop``, ``flip`` and ``rotation``: how often a crop is mirrored left to right, top to bottom, and
    turned by a right angle, beside ``mirror`` and ``turn``, which are an even chance of each."""

    mirror: bool = True
    turn: bool = False
    rotate: float = 0.0
    zoom: float = 0.0
    warped: float = 1.0
    paste: float = 0.0
    cover: float = 0.0
    flop: float = 0.0
    flip: float = 0.0
    rotation: float = 0.0

    @property
    def warps(self) -> bool:
        return self.rotate > 0 or self.zoom > 0


@dataclass(frozen=True)
class Batch:
    """``input`` (N, C, H, W), ``truth`` (N, C_out, H, W), ``base``, what the colour fit makes of the
    input, of the same shape (empty for a matte), and ``weight`` (N, 1, H, W), or, of several mattes,
    (N, C_out, H, W), all float32.

    Where a coarse view learns too, ``window`` is what it sees around each of these details, and ``offset``
    (N, 2) the row and the column of the window where the detail begins, in pixels of the window. ``coarse``:
    these are what the coarse view sees, and nothing else is learned from."""

    input: Tensor
    truth: Tensor
    base: Tensor
    weight: Tensor
    window: Tensor | None = None
    offset: Tensor | None = None
    coarse: bool = False

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        own = (self.input, self.truth, self.base, self.weight)
        return own if self.window is None or self.offset is None else (*own, self.window, self.offset)

    @property
    def seen(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """What the network sees: the arguments of ``EffectNetwork.answer``."""
        return (None, self.input, None) if self.coarse else (self.input, self.window, self.offset)

    def of(self, tensors: Sequence[Tensor]) -> Batch:
        """The same kind of batch, with these ``tensors``."""
        source, truth, base, weight, *further = tensors
        window, offset = further or (None, None)
        return Batch(source, truth, base, weight, window, offset, self.coarse)


def random_numbers(seed: int, step: int, samples: int) -> Tensor:
    """(samples, DRAWS) numbers in 0..1, always made on the CPU; the same for the same seed and step, and a
    sample's do not depend on how many samples there are."""
    rows = []
    for sample in range(samples):
        generator = torch.Generator().manual_seed(hash_numbers(seed, step, sample))
        rows.append(torch.rand(DRAWS, generator=generator, dtype=torch.float64))
    return torch.stack(rows)


class CropSource:
    """Pairs on a device, and the crops of them.

    ``focus`` is the share of crops that are drawn where there is most to learn; the rest come from anywhere,
    or, of a pair of which only a part counts, from anywhere in that part. ``evenly``: those show the borders
    of a frame as often as its middle.
    """

    def __init__(
        self,
        pairs: Packed | PairStream,
        device: torch.device,
        crop: tuple[int, int],
        seed: int,
        focus: float,
        evenly: bool = False,
    ) -> None:
        self.crop, self.seed, self.device, self.focus = crop, seed, device, focus
        self.factor, self.parts = pairs.factor, list(pairs.parts)
        self._fine = pixels_of(pairs, device, evenly)
        self._coarse = pixels_of(pairs.coarse, device, evenly) if pairs.coarse else None
        self.stream = pairs if isinstance(pairs, PairStream) else None
        side = (pairs.side, pairs.side)
        self._whole = CropSource(pairs.whole, device, side, seed, 0.0) if pairs.whole else None

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return self._fine.count

    def batch(
        self,
        step: int,
        samples: range,
        pairs: list[int] | Order,
        augmentation: Augmentation,
        total: int,
        crop: tuple[int, int] | None = None,
        before: int | None = None,
        coarse: bool = False,
        whole: bool = False,
    ) -> Batch:
        """Those of the ``total`` samples of a step that are in ``samples``, drawn from ``pairs``. ``before``:
        how many of this size the steps before have drawn; by default as many as if all steps were alike.
        ``coarse``: only what the coarse view sees, where there is one; ``whole``: whole pictures, where there
        are such."""
        if whole and self._whole is not None:
            return self._whole.batch(step, samples, pairs, augmentation, total, None, before)
        size = crop or self.crop
        numbers = random_numbers(self.seed, step, total)[samples.start : samples.stop]
        drawn = step * total if before is None else before
        chosen, donors, grounds = self._dealt(pairs, size[0], drawn, samples)
        coarse = coarse and self._coarse is not None
        views = self._views(numbers, chosen, augmentation, size, self.focus, coarse=coarse)
        if augmentation.paste > 0 or augmentation.cover > 0:
            self._lay_others_over(views, numbers, donors, grounds, augmentation, coarse)
        source, truth, base, weight = (_ready(part) for part in views.planes[0].split(self.parts, dim=1))
        if len(views.planes) == 1:
            return Batch(source, truth, base, weight, coarse=coarse)
        window = _ready(views.planes[1][:, : self.parts[0]])
        return Batch(source, truth, base, weight, window, views.offset.to(self.device, torch.float32))

    def pairs_of(
        self,
        step: int,
        samples: range,
        pairs: list[int] | Order,
        augmentation: Augmentation,
        total: int,
        crop: tuple[int, int],
        before: int,
        *_: object,
    ) -> list[int]:
        """The pairs that ``batch`` takes crops of for the same arguments, each once."""
        chosen, donors, grounds = self._dealt(pairs, crop[0], before, samples)
        found = dict.fromkeys(chosen.tolist())
        if augmentation.paste > 0 or augmentation.cover > 0:
            numbers = random_numbers(self.seed, step, total)[samples.start : samples.stop]
            pasted, covered = numbers[:, 14] < augmentation.paste, numbers[:, 15] < augmentation.cover
            found |= dict.fromkeys([*donors[pasted | covered].tolist(), *grounds[covered].tolist()])
        return list(found)

    def _dealt(
        self, pairs: list[int] | Order, side: int, drawn: int, samples: range
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Which pairs samples are of, and which are pasted into these, and over these: those that are dealt
        next, or of a few pairs those that are next to them."""
        if isinstance(pairs, Order):
            hands = [[pairs.at(drawn + sample + by) for sample in samples] for by in range(3)]
            chosen, donors, grounds = torch.tensor(hands)
            return chosen, donors, grounds
        places = [_pair_of(self.seed, side, drawn + sample, len(pairs)) for sample in samples]
        order, dealt = torch.tensor(places), torch.tensor(pairs)
        return dealt[order], dealt[(order + 1) % len(pairs)], dealt[(order + 2) % len(pairs)]

    def _lay_others_over(
        self,
        views: _Views,
        numbers: Tensor,
        donors: Tensor,
        grounds: Tensor,
        augmentation: Augmentation,
        coarse: bool,
    ) -> None:
        """Paste into some of the crops what those of the pairs ``donors`` show, and cover some with those of
        the pairs ``grounds``. No others are drawn than it needs."""
        size = (views.planes[0].shape[2], views.planes[0].shape[3])
        pasted, covered = numbers[:, 14] < augmentation.paste, numbers[:, 15] < augmentation.cover
        rows = (pasted | covered).nonzero()[:, 0]
        if not len(rows):
            return
        under = covered[rows].nonzero()[:, 0]
        which = rows[under]
        turned, at = numbers[rows].roll(DRAWS // 2, 1), views.offset[rows]
        shown = self._views(turned, donors[rows], augmentation, size, 1.0, at, coarse)
        if len(under):
            again = numbers[which].roll(DRAWS // 4, 1)
            ground = self._views(again, grounds[which], augmentation, size, 0.0, at[under], coarse)
        for scale, crops in enumerate(views.planes):
            over = _pasted(crops[rows], shown.planes[scale], pasted[rows], self.parts)
            if len(under):
                others = shown.planes[scale][under], ground.planes[scale]
                over[under] = _covered(over[under], *others, self.parts)
            crops[rows] = over

    def _views(
        self,
        numbers: Tensor,
        pairs: Tensor,
        augmentation: Augmentation,
        size: tuple[int, int],
        focus: float,
        offset: Tensor | None = None,
        coarse: bool = False,
    ) -> _Views:
        """Crops of ``size``, and where a coarse view learns too, windows of that size around them.
        ``offset``: where in their windows the details are to lie; by default where there is most to learn."""
        source = self._coarse or self._fine
        rows = zip(pairs.tolist(), numbers.tolist(), strict=True)
        corners = torch.tensor([source.corner(pair, row, size, focus) for pair, row in rows])
        draw = self._draw(numbers, pairs, augmentation, size, corners[:, :2].long())
        crops = _crops(source, draw, numbers, augmentation, size)
        if self._coarse is None or coarse:
            return _Views([crops], torch.zeros(len(pairs), 2))
        turn = _turns(draw, numbers, augmentation)
        if offset is None:
            offset = _offset_of(corners, turn, size, self.factor)
        detail = replace(draw, **_corner_of_detail(draw, offset, turn, size, self.factor))
        return _Views([_crops(self._fine, detail, numbers, augmentation, size), crops], offset)

    def _draw(
        self,
        numbers: Tensor,
        pairs: Tensor,
        augmentation: Augmentation,
        size: tuple[int, int],
        corners: Tensor,
    ) -> Cut:
        turn = 0.5 if augmentation.turn else 0.0
        mirror = numbers[:, 4] < max(0.5 if augmentation.mirror else 0.0, augmentation.flop)
        flip = numbers[:, 5] < max(turn, augmentation.flip)
        swap = numbers[:, 6] < (turn if size[0] == size[1] else 0.0)
        if augmentation.rotation and size[0] == size[1]:
            # Rows for columns, and one of the two mirrored: a turn to one side, or to the other.
            rotated, left = numbers[:, 10] < augmentation.rotation, numbers[:, 11] < 0.5
            swap, mirror, flip = swap ^ rotated, mirror ^ (rotated & left), flip ^ (rotated & ~left)
        return Cut(pairs, corners[:, 0], corners[:, 1], mirror, flip, swap)


@dataclass(frozen=True)
class _Views:
    """``planes``: crops (N, C, H, W) and, where a coarse view learns too, the windows around them; ``offset``
    (N, 2): the row and column of the window where the detail begins."""

    planes: list[Tensor]
    offset: Tensor


def _turns(draw: Cut, numbers: Tensor, augmentation: Augmentation) -> Tensor:
    """(N, 2, 2): from a place in a crop to that in the frame, (down, across) from the middle of either."""
    angle, zoom = _angle_and_zoom(numbers, augmentation)
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    turn = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)
    turn = torch.where(draw.swap[:, None, None], turn.flip(1), turn)
    signs = 1 - 2 * torch.stack([draw.flip, draw.mirror], 1).to(turn.dtype)
    return turn * signs[:, :, None]


def _offset_of(corners: Tensor, turn: Tensor, size: tuple[int, int], factor: int) -> Tensor:
    """Where in its window the detail begins that shows the place of each of ``corners``: whole pixels of the
    window, and all of the detail inside."""
    middle = corners[:, :2] + torch.tensor(size) / 2
    there = torch.linalg.solve(turn, (corners[:, 2:] - middle).to(turn.dtype)[:, :, None])[:, :, 0]
    room = torch.tensor([side - side / factor for side in size])
    return (there + room / 2).round().clamp(torch.zeros(2), room.floor())


def _corner_of_detail(
    draw: Cut, offset: Tensor, turn: Tensor, size: tuple[int, int], factor: int
) -> dict[str, Tensor]:
    """The top-left corner, at full size, of what is gathered for each detail."""
    side = torch.tensor(size, dtype=turn.dtype)
    from_middle = offset.to(turn.dtype) + side / (2 * factor) - side / 2
    moved = (turn @ from_middle[:, :, None])[:, :, 0]
    middle = (torch.stack([draw.top, draw.left], 1) + side / 2 + moved) * factor
    corner = (middle - side / 2).round().long()
    return {"top": corner[:, 0], "left": corner[:, 1]}


def _ready(part: Tensor) -> Tensor:
    return part.float().contiguous(memory_format=torch.channels_last)


def _pair_of(seed: int, side: int, place: int, count: int) -> int:
    """Pairs are dealt like cards: each comes once before any comes again, every round in a new order. Crops
    of another ``side`` are dealt by themselves, so that each pair has its share of the large ones."""
    deal = torch.Generator().manual_seed(hash_numbers(seed, place // count, 77, side))
    return int(torch.randperm(count, generator=deal)[place % count])


def _crops(
    pixels: Pixels, cut: Cut, numbers: Tensor, augmentation: Augmentation, size: tuple[int, int]
) -> Tensor:
    """(N, C, *size): what ``cut`` says, warped as ``numbers`` say."""
    if not augmentation.warps:
        return pixels.gather(cut, size)
    region = _region_size(size, augmentation)
    around = replace(
        cut, top=cut.top - (region[0] - size[0]) // 2, left=cut.left - (region[1] - size[1]) // 2
    )
    return _warp(pixels.gather(around, region), numbers, augmentation, size)


def _region_size(crop: tuple[int, int], augmentation: Augmentation) -> tuple[int, int]:
    """What has to be gathered so that a turned and shrunk crop is filled: the crop and as many pixels on each
    side as on the other, so that one that is not warped keeps its very pixels."""
    grow = math.exp(augmentation.zoom) * (math.cos(augmentation.rotate) + math.sin(augmentation.rotate))
    height, width = (side + 2 * math.ceil(side * (grow - 1) / 2) for side in crop)
    return height, width


def _angle_and_zoom(numbers: Tensor, augmentation: Augmentation) -> tuple[Tensor, Tensor]:
    """By how much each crop is turned, in radians, and zoomed."""
    chosen = numbers[:, 7] < augmentation.warped
    angle = (numbers[:, 12] * 2 - 1) * augmentation.rotate * chosen
    return angle, ((numbers[:, 13] * 2 - 1) * augmentation.zoom * chosen).exp()


def _warp(region: Tensor, numbers: Tensor, augmentation: Augmentation, crop: tuple[int, int]) -> Tensor:
    """Crops turned by any angle and zoomed, from the middle of larger regions."""
    angle, zoom = _angle_and_zoom(numbers, augmentation)
    height, width = region.shape[-2:]
    cos, sin, zero = angle.cos() * zoom, angle.sin() * zoom, torch.zeros_like(zoom)
    across, down = crop[1] / width, crop[0] / height
    matrix = torch.stack(
        [
            torch.stack([cos * across, -sin * crop[0] / width, zero], 1),
            torch.stack([sin * crop[1] / height, cos * down, zero], 1),
        ],
        1,
    )
    count = region.shape[0]
    grid = functional.affine_grid(matrix.float(), [count, 1, *crop], align_corners=False)
    return functional.grid_sample(
        region.float().contiguous(),
        grid.to(region.device),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )


def _pasted(crops: Tensor, donors: Tensor, chosen: Tensor, parts: Sequence[int]) -> Tensor:
    """The matted part of ``donors`` over ``crops``, plate and mattes alike (Ghiasi et al., 2021)."""
    shapes = _shapes(donors, parts) * chosen.to(donors.device, donors.dtype)[:, None, None, None]
    return _laid_over(crops, donors, _union(shapes), shapes, parts)


def _covered(crops: Tensor, donors: Tensor, ground: Tensor, parts: Sequence[int]) -> Tensor:
    """Background of ``ground`` over ``crops``, in the shape of what ``donors`` show, mirrored: something
    passes before the subject, and what is pasted in does not tell by its outline that it is matted."""
    shape = _union(_shapes(donors, parts)).flip(-1) * (1 - _union(_shapes(ground, parts)))
    return _laid_over(crops, ground, shape, torch.zeros_like(shape), parts)


def _shapes(crops: Tensor, parts: Sequence[int]) -> Tensor:
    """The mattes of crops, where they are known."""
    truth, weight = crops[:, parts[0] : parts[0] + parts[1]], crops[:, -parts[3] :]
    return truth if parts[1] == 1 else truth * (weight > 0)


def _union(shapes: Tensor) -> Tensor:
    """(N, 1, H, W): what any of the mattes covers; along an edge at which two touch it is all covered."""
    return shapes if shapes.shape[1] == 1 else shapes.sum(1, keepdim=True).clamp(max=1)


def _laid_over(crops: Tensor, others: Tensor, shape: Tensor, mattes: Tensor, parts: Sequence[int]) -> Tensor:
    """The plates of ``others`` over ``crops`` where ``shape`` is above 0, and ``mattes`` as their mattes.
    Where ``others`` do not count, nothing is known of them, and nothing is taken."""
    inputs, end = parts[0], parts[0] + parts[1]
    weight, other = crops[:, -parts[3] :], others[:, -parts[3] :]
    counts = (other > 0).any(1, keepdim=True)
    shape, mattes = shape * counts, mattes * counts
    plate = crops[:, :inputs] * (1 - shape) + others[:, :inputs] * shape
    truth = crops[:, inputs:end] * (1 - shape) + mattes
    weight = torch.where(shape > 0, torch.minimum(weight, other), weight)
    return torch.cat([plate, truth, weight], 1)
