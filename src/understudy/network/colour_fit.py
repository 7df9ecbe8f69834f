"""The part of an effect that a closed-form fit of colours already explains.

Four candidates, from nothing to a cubic polynomial of the input channels whose linear part also changes over
the frame (``placed``: a vignette, light of another colour from one side), are fitted by least squares and
compared by leaving one pair out at a time; the simplest that is about as good as the best is taken. Beyond
the values that were seen it changes a value by as much as at their end: an unseen highlight stays one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

DEGREES = {"identity": 0, "linear": 1, "cubic": 3, "placed": 3}
PLACE_DEGREE = 3
CUBIC_CHANNELS = 4
RIDGE = 1e-6
GAIN_NEEDED = {"linear": 0.98, "cubic": 0.98, "placed": 0.25}
UNSEEN = (0.1 / 255) ** 2
MOST_PIXELS = 200_000
AT_A_TIME = 1 << 16
OUTLIERS = 0.001
BEYOND = 0.25


@dataclass(frozen=True)
class ColourFit:
    """``kind`` of polynomial and its ``weights`` (terms, outputs) over the inputs through a ``Scaling``."""

    kind: str
    weights: Tensor


@dataclass(frozen=True)
class Scaling:
    """The range of each input channel over the pairs: what is taken for -1 and 1. Tensors of shape (C,)."""

    low: Tensor
    high: Tensor

    def apply(self, pixels: Tensor) -> Tensor:
        """(..., C) network values -> about -1..1, held at the ends of the range."""
        clamped = torch.minimum(torch.maximum(pixels, self.low), self.high)
        return (clamped - self.low) / (self.high - self.low) * 2 - 1


def measure_scaling(samples: Tensor) -> Scaling:
    """The range of (N, C) network values; a channel that does not vary gets a range of one around it.

    One pixel in a thousand may lie outside on either side: a single hot pixel would otherwise leave all
    others a small part of the range. What lies near counts all the same.
    """
    rank = max(1, round(OUTLIERS * len(samples)))
    low, high = (samples.kthvalue(k, 0).values for k in (rank, len(samples) + 1 - rank))
    more = BEYOND * (high - low)
    low, high = torch.maximum(low - more, samples.amin(0)), torch.minimum(high + more, samples.amax(0))
    flat = high - low < 1e-4
    return Scaling(torch.where(flat, low - 0.5, low), torch.where(flat, high + 0.5, high))


def exponents(channels: int, degree: int) -> list[tuple[int, ...]]:
    """The channels multiplied in each term: () is the constant, (0, 0, 2) is c0 * c0 * c2."""
    return [
        term
        for order in range(degree + 1)
        for term in itertools.combinations_with_replacement(range(channels), order)
    ]


def count_terms(channels: int, kind: str) -> int:
    """How many ``terms`` there are of so many channels."""
    count = len(exponents(channels, DEGREES[kind]))
    return count + (len(exponents(2, PLACE_DEGREE)) - 1) * (1 + channels) if kind == "placed" else count


def terms(values: Tensor, kind: str, dim: int, places: Tensor | None = None) -> Tensor:
    """The monomials of ``values`` along ``dim``, lowest first; for ``placed`` then those of ``places`` (two
    along ``dim``), each alone and times every value."""
    planes = list(values.unbind(dim))
    made = _monomials(planes, DEGREES[kind])
    if kind == "placed":
        assert places is not None
        for place in _monomials(list(places.unbind(dim)), PLACE_DEGREE)[1:]:
            made += [place, *(place * plane for plane in planes)]
    return torch.stack(made, dim)


def _monomials(planes: list[Tensor], degree: int) -> list[Tensor]:
    """Each is one product of an earlier one."""
    made: dict[tuple[int, ...], Tensor] = {(): torch.ones_like(planes[0])}
    for term in exponents(len(planes), degree)[1:]:
        made[term] = made[term[:-1]] * planes[term[-1]] if len(term) > 1 else planes[term[0]]
    return list(made.values())


def fit_colours(
    inputs: list[Tensor], truths: list[Tensor], same_channels: bool, places: list[Tensor] | None = None
) -> tuple[ColourFit, Scaling]:
    """The fit for pairs of (pixels, C) and (pixels, C_out) network values, and the scaling it works in. Only
    where ``places`` (pixels, 2) are given, of more than one pair, can it be ``placed``."""
    where = [thinned(each) for each in places] if places else [torch.zeros(0, 2)] * len(inputs)
    inputs, truths = [thinned(each) for each in inputs], [thinned(each) for each in truths]
    scaling = measure_scaling(torch.cat(inputs))
    scaled = [scaling.apply(pixels).double() for pixels in inputs]
    wanted = [
        truth.double() - (pixels if same_channels else 0)
        for pixels, truth in zip(inputs, truths, strict=True)
    ]
    kinds = [kind for kind in DEGREES if DEGREES[kind] < 3 or inputs[0].shape[1] <= CUBIC_CHANNELS]
    kinds = [kind for kind in kinds if same_channels or kind != "identity"]
    kinds = [kind for kind in kinds if (places and len(inputs) > 1) or kind != "placed"]
    samples = list(zip(scaled, where, wanted, strict=True))
    scores = {kind: _left_out_error(samples, kind) for kind in kinds}
    kind = _simplest_good(scores)
    if kind == "identity":
        return ColourFit(kind, torch.zeros(1, wanted[0].shape[1])), scaling
    sides = [equations(*sample, kind) for sample in samples]
    left, right = (torch.stack(each).sum(0) for each in zip(*sides, strict=True))
    return ColourFit(kind, solve(left, right).float()), scaling


def _simplest_good(scores: dict[str, float]) -> str:
    """The kind to take, by its errors on pairs left out. A kind replaces a simpler one when it leaves no more
    than its share (GAIN_NEEDED) of that one's error, and the difference could be seen. The share of
    ``placed`` is small: where light and subject are both part of the effect, a fit by place explains some of
    it by where the subject happened to be."""
    kinds = list(scores)
    best = kinds[0]
    for kind in kinds[1:]:
        if scores[kind] < GAIN_NEEDED[kind] * scores[best] - UNSEEN:
            best = kind
    return best


def predict(
    pixels: Tensor, fit: ColourFit, scaling: Scaling, same_channels: bool, places: Tensor | None = None
) -> Tensor:
    """(pixels, C) network values, at ``places`` (pixels, 2), through the fit -> (pixels, C_out)."""
    change = torch.empty(len(pixels), fit.weights.shape[1])
    for start in range(0, len(pixels), AT_A_TIME):
        part = slice(start, start + AT_A_TIME)
        where = None if places is None else places[part]
        change[part] = (fit.weights.T @ _term_rows(scaling.apply(pixels[part]), fit.kind, where)).T
    return torch.add(pixels, change, out=change) if same_channels else change


def thinned(pixels: Tensor) -> Tensor:
    """Every so many of (pixels, C), so that less than twice MOST_PIXELS are left."""
    return pixels[:: max(1, len(pixels) // MOST_PIXELS)]


def equations(pixels: Tensor, places: Tensor, wanted: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """The two sides of the normal equations of one pair, in double precision."""
    features = _term_rows(pixels, kind, places.double())
    return features @ features.T / len(pixels), features @ wanted / len(pixels)


def _term_rows(pixels: Tensor, kind: str, places: Tensor | None) -> Tensor:
    """The ``terms`` of (pixels, C), one in a row: rows are made and multiplied several times as fast as
    columns."""
    return terms(pixels.T.contiguous(), kind, 0, None if places is None else places.T)


def solve(left: Tensor, right: Tensor) -> Tensor:
    """The weights (terms, outputs) that fulfil normal equations best, drawn a little to nothing."""
    ridge = RIDGE * left.diagonal().mean() * torch.eye(len(left), dtype=left.dtype)
    return torch.linalg.solve(left + ridge, right)


def _left_out_error(samples: list[tuple[Tensor, Tensor, Tensor]], kind: str) -> float:
    """Mean squared error on each pair of the fit to all the others; on the pair itself where it is alone."""
    powers = [wanted.square().mean(0).sum() for _, _, wanted in samples]
    if kind == "identity":
        return float(sum(powers)) / len(samples)
    sides = [equations(*sample, kind) for sample in samples]
    error = 0.0
    for index, (left, right) in enumerate(sides):
        others = [each for i, each in enumerate(sides) if i != index] or [sides[index]]
        weights = solve(
            torch.stack([each[0] for each in others]).sum(0), torch.stack([each[1] for each in others]).sum(0)
        )
        error += float(powers[index] - 2 * (weights * right).sum() + (weights * (left @ weights)).sum())
    return error / len(samples)
