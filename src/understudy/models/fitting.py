"""Frames of any size through a network of one size: resized there and back, in tiles, or fitted into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from understudy.errors import ModelFileError

if TYPE_CHECKING:
    from torch import Tensor

Size = tuple[int, int]
"""(height, width)"""
Run = Callable[[Sequence["Tensor"]], list["Tensor"]]
"""Images (N, C, H, W) of the network's size -> what it makes of them, each (N, C, h, w)."""
Fit = Callable[[Run, Sequence["Tensor"], Size, "Filter"], list["Tensor"]]

ALIKE = 0.06
"""How much the two sides of an answer may differ in proportion, such as 65 of 513 and 64 of 512."""
LEAST = 1 / 64
"""Answers smaller than this are not pictures."""
RADIUS = 3
SMOOTH = 1e-4


class Filter(NamedTuple):
    """``kind``: bilinear, bicubic, lanczos, linear or nearest. ``white``, ``answer_white``: up to which value
    a picture and an answer may be sharpened where they reach no higher."""

    kind: str
    white: float = 1.0
    answer_white: float = 1.0

    @property
    def of_answer(self) -> Filter:
        return self._replace(white=self.answer_white)


def resample(planes: Tensor, size: Size, by: Filter) -> Tensor:
    """Planes (N, C, H, W) at another size, pixel middles kept. What is made smaller is averaged, but by
    ``linear`` and ``nearest``. Nothing goes below 0 or above white, nor below or above what is there.
    ModelFileError where this version of torch has no such filter."""
    import torch

    if planes.shape[-2:] == size:
        return planes
    if by.kind in ("linear", "nearest"):
        return _along(planes, size, by.kind)
    low = torch.clamp(planes.amin((2, 3), keepdim=True), max=0.0)
    high = torch.clamp(planes.amax((2, 3), keepdim=True), min=by.white)
    across = _along(planes, (planes.shape[-2], size[1]), by.kind)  # first, and held, as is done with 8 bits
    return _along(torch.clamp(across, low, high), size, by.kind).clamp(low, high)


def _along(planes: Tensor, size: Size, kind: str) -> Tensor:
    from torch.nn.functional import interpolate

    if planes.shape[-2:] == size:
        return planes
    if kind == "nearest":
        return interpolate(planes, size=size, mode="nearest-exact")
    if kind == "linear":
        return interpolate(planes, size=size, mode="bilinear", align_corners=False)
    try:
        return interpolate(planes, size=size, mode=kind, antialias=True)
    except (NotImplementedError, ValueError) as error:
        raise ModelFileError(
            f"This version of torch has no {kind} filter.",
            expected="filter = bilinear, bicubic, linear or nearest",
            found=f"filter = {kind}",
            remedy="Use another one, or a newer torch.",
        ) from error


def larger_by(made: Tensor, sent: Size) -> int:
    """How many times larger an answer is than what was ``sent``; 1 for one that is not larger."""
    return max(1, round(made.shape[-1] / sent[1]))


def is_like(rows: int, columns: int, sent: Size, tolerance: float = ALIKE) -> bool:
    """Whether a picture of so many rows and columns has the proportions of what was sent."""
    if min(rows, columns) == 1 < min(sent):
        return False
    down, across = rows / sent[0], columns / sent[1]
    return min(down, across) >= LEAST and abs(down - across) <= tolerance * min(down, across)


def resized(run: Run, images: Sequence[Tensor], size: Size, by: Filter) -> list[Tensor]:
    """The whole frame at the network's size; what it makes, at the frame's (times the network's scale)."""
    height, width = images[0].shape[-2:]
    results = run([resample(each, size, by) for each in images])
    return [_back(each, (height, width), size, by) for each in results]


def _back(made: Tensor, frame: Size, size: Size, by: Filter) -> Tensor:
    """A picture at the frame's size, times the network's scale; what is no picture of ``size`` as it is."""
    if made.ndim != 4 or not is_like(made.shape[-2], made.shape[-1], size):
        return made
    scale = larger_by(made, size)
    return resample(made, (frame[0] * scale, frame[1] * scale), by.of_answer)


def inner_size(frame: Size, size: Size, largest: float = 1.0) -> Size:
    """How large a frame becomes that is fitted into ``size`` in its own proportions, enlarged no more than
    ``largest`` times."""
    shrink = min(size[0] / frame[0], size[1] / frame[1], largest)
    return max(1, int(frame[0] * shrink + 0.5)), max(1, int(frame[1] * shrink + 0.5))


def entered(images: Sequence[Tensor], size: Size, by: Filter, fit: str) -> tuple[list[Tensor], Size]:
    """Pictures brought to the network's size, by ``resize`` or ``pad``; and the part of it that they fill,
    from the top left."""
    height, width = images[0].shape[-2:]
    if fit == "resize":
        return [resample(each, size, by) for each in images], size
    inner = inner_size((height, width), size)

    def placed(planes: Tensor) -> Tensor:
        canvas = planes.new_zeros((*planes.shape[:2], *size))
        canvas[..., : inner[0], : inner[1]] = resample(planes, inner, by)
        return canvas

    return [placed(each) for each in images], inner


def padded(run: Run, images: Sequence[Tensor], size: Size, by: Filter) -> list[Tensor]:
    """The whole frame in its own proportions, as large as it fits, at the top left of black; what it makes is
    cut and enlarged back."""
    height, width = images[0].shape[-2:]
    placed, inner = entered(images, size, by, "pad")
    cut = []
    for made in run(placed):
        if made.ndim == 4:
            down, across = made.shape[-2] / size[0], made.shape[-1] / size[1]
            rows, columns = max(1, round(inner[0] * down)), max(1, round(inner[1] * across))
            made = _back(made[..., :rows, :columns], (height, width), inner, by)
        cut.append(made)
    return cut


def tiled(run: Run, images: Sequence[Tensor], size: Size, by: Filter) -> list[Tensor]:
    """The frame in tiles of the network's size, which overlap by a quarter and are blended into each other;
    a frame that is smaller is repeated at its border."""
    import torch
    from torch.nn.functional import pad

    height, width = images[0].shape[-2:]
    below, right = max(0, size[0] - height), max(0, size[1] - width)
    if below or right:
        images = [pad(each, (0, right, 0, below), mode="replicate") for each in images]
    full = (height + below, width + right)
    sums: list[Tensor] = []
    weights: list[Tensor] = []
    for top in _starts(full[0], size[0]):
        for left in _starts(full[1], size[1]):
            rows, columns = slice(top, top + size[0]), slice(left, left + size[1])
            results = run([each[..., rows, columns].contiguous() for each in images])
            for index, made in enumerate(results):
                scale = larger_by(made, size)
                made = _back(made, size, size, by)
                if index == len(sums):
                    shape = (*made.shape[:2], full[0] * scale, full[1] * scale)
                    sums.append(made.new_zeros(shape))
                    weights.append(made.new_zeros(shape[-2:]))
                place = (slice(top * scale, rows.stop * scale), slice(left * scale, columns.stop * scale))
                ramp = torch.outer(_ramp(size[0] * scale, made), _ramp(size[1] * scale, made))
                sums[index][..., place[0], place[1]] += made * ramp
                weights[index][place] += ramp
    return [_cut(total / weight, full, (height, width)) for total, weight in zip(sums, weights, strict=True)]


def _cut(made: Tensor, full: Size, frame: Size) -> Tensor:
    scale = made.shape[-1] // full[1]
    return made[..., : frame[0] * scale, : frame[1] * scale]


def _starts(length: int, tile: int) -> list[int]:
    """Where tiles begin, evenly spread, each sharing at least a quarter with the next."""
    if length <= tile:
        return [0]
    count = -(-(length - tile) // max(1, tile - tile // 4)) + 1
    return [round(index * (length - tile) / (count - 1)) for index in range(count)]


def _ramp(length: int, like: Tensor) -> Tensor:
    """Weights along a tile: up to 1 over the quarter at each end."""
    import torch

    steps = torch.arange(length, device=like.device, dtype=torch.float32) + 0.5
    return (torch.minimum(steps, length - steps) / max(1.0, length / 4)).clamp(max=1.0)


FITS: dict[str, Fit] = {"resize": resized, "pad": padded, "tile": tiled}


BILINEAR = Filter("linear")


def along_edges(small: Tensor, guide: Tensor) -> Tensor:
    """An answer (N, C, h, w) at the size of ``guide`` (N, 1, H, W), along whose edges it is drawn: a guided
    filter whose terms are found at the small size."""
    from torch.nn.functional import avg_pool2d

    def mean(planes: Tensor) -> Tensor:
        return avg_pool2d(planes, 2 * RADIUS + 1, 1, RADIUS, count_include_pad=False)

    size = guide.shape[-2], guide.shape[-1]
    guide = guide.clamp(min=0)
    guide = guide / (1 + guide)
    low = resample(guide, (small.shape[-2], small.shape[-1]), Filter("bilinear"))
    middle = mean(low)
    slope = (mean(low * small) - middle * mean(small)) / (mean(low * low) - middle * middle + SMOOTH)
    base = mean(small) - slope * middle
    made = resample(mean(slope), size, BILINEAR) * guide + resample(mean(base), size, BILINEAR)
    return made.clamp(small.amin((2, 3), keepdim=True), small.amax((2, 3), keepdim=True))
