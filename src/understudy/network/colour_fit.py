"""The part of an effect that a closed-form fit of colours already explains.

Three candidates, from nothing to a cubic polynomial of the input channels, are fitted by least squares and
compared by leaving one pair out at a time; the simplest that is about as good as the best is taken. Beyond
the values that were seen the fit goes on as a straight line, so that an unseen highlight stays one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

DEGREES = {"identity": 0, "linear": 1, "cubic": 3}
CUBIC_CHANNELS = 4
RIDGE = 1e-6
GAIN_NEEDED = 0.98
MOST_PIXELS = 200_000
DRIFT_SHARE = 0.3


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
    """The range of (N, C) network values; a channel that does not vary gets a range of one around it."""
    low, high = samples.amin(0), samples.amax(0)
    flat = high - low < 1e-4
    return Scaling(torch.where(flat, low - 0.5, low), torch.where(flat, high + 0.5, high))


def exponents(channels: int, degree: int) -> list[tuple[int, ...]]:
    """The channels multiplied in each term: () is the constant, (0, 0, 2) is c0 * c0 * c2."""
    return [
        term
        for order in range(degree + 1)
        for term in itertools.combinations_with_replacement(range(channels), order)
    ]


def terms(values: Tensor, kind: str, dim: int) -> Tensor:
    """The monomials of ``values`` along ``dim``, lowest first; each is one product of an earlier one."""
    planes = values.unbind(dim)
    made: dict[tuple[int, ...], Tensor] = {(): torch.ones_like(planes[0])}
    for term in exponents(len(planes), DEGREES[kind])[1:]:
        made[term] = made[term[:-1]] * planes[term[-1]] if len(term) > 1 else planes[term[0]]
    return torch.stack(list(made.values()), dim)


def fit_colours(inputs: list[Tensor], truths: list[Tensor], same_channels: bool) -> tuple[ColourFit, Scaling]:
    """The fit for pairs of (pixels, C) and (pixels, C_out) network values, and the scaling it works in."""
    inputs, truths = _thinned(inputs), _thinned(truths)
    scaling = measure_scaling(torch.cat(inputs))
    scaled = [scaling.apply(pixels).double() for pixels in inputs]
    wanted = [
        truth.double() - (pixels if same_channels else 0)
        for pixels, truth in zip(inputs, truths, strict=True)
    ]
    kinds = [kind for kind in DEGREES if kind != "cubic" or inputs[0].shape[1] <= CUBIC_CHANNELS]
    kinds = kinds if same_channels else kinds[1:]
    scores = {kind: _left_out_error(scaled, wanted, kind) for kind in kinds}
    kind = next(each for each in kinds if scores[each] * GAIN_NEEDED <= min(scores.values()))
    if kind == "identity":
        return ColourFit(kind, torch.zeros(1, wanted[0].shape[1])), scaling
    return ColourFit(kind, _solve(*_normal_equations(scaled, wanted, kind)).float()), scaling


def steady_truths(
    inputs: list[Tensor], truths: list[Tensor], fit: ColourFit, scaling: Scaling, same_channels: bool
) -> list[Tensor] | None:
    """The truths without what differs from pair to pair as a whole, or None where hardly anything does.

    An effect that was made frame by frame often sits a little brighter or warmer on one frame than on the
    next. A network can only learn such a difference by knowing the frame by heart. Where a fit of its own
    explains much of what the shared fit leaves of each pair, the difference of the two is taken out of the
    truth, and what is learned is the effect that all pairs agree on.
    """
    kind = "cubic" if inputs[0].shape[1] <= CUBIC_CHANNELS else "linear"
    if len(inputs) < 3:
        return None
    steady, before, after = [], 0.0, 0.0
    for pixels, truth in zip(inputs, truths, strict=True):
        base = predict(pixels, fit, scaling, same_channels)
        rest = (truth - base).double()
        features = terms(scaling.apply(pixels).double(), kind, 1)
        own = (
            features @ _solve(features.T @ features / len(features), features.T @ rest / len(rest))
        ).float()
        before += rest.square().mean().item()
        after += (rest - own).square().mean().item()
        steady.append(truth - own)
    return steady if after < (1 - DRIFT_SHARE) * before else None


def predict(pixels: Tensor, fit: ColourFit, scaling: Scaling, same_channels: bool) -> Tensor:
    """(pixels, C) network values through the fit -> (pixels, C_out)."""
    change = terms(scaling.apply(pixels), fit.kind, 1) @ fit.weights
    return pixels + change if same_channels else change


def _thinned(parts: list[Tensor]) -> list[Tensor]:
    return [part[:: max(1, len(part) // MOST_PIXELS)] for part in parts]


def _normal_equations(inputs: list[Tensor], wanted: list[Tensor], kind: str) -> tuple[Tensor, Tensor]:
    features = [terms(pixels, kind, 1) for pixels in inputs]
    left = sum((f.T @ f / len(f) for f in features), torch.zeros(()))
    right = sum((f.T @ w / len(f) for f, w in zip(features, wanted, strict=True)), torch.zeros(()))
    return left, right


def _solve(left: Tensor, right: Tensor) -> Tensor:
    ridge = RIDGE * left.diagonal().mean() * torch.eye(len(left), dtype=left.dtype)
    return torch.linalg.solve(left + ridge, right)


def _left_out_error(inputs: list[Tensor], wanted: list[Tensor], kind: str) -> float:
    """Mean squared error on each pair of the fit to all the others; on the pair itself where it is alone."""
    if kind == "identity":
        return sum(w.square().mean().item() for w in wanted) / len(wanted)
    features = [terms(pixels, kind, 1) for pixels in inputs]
    lefts = [f.T @ f / len(f) for f in features]
    rights = [f.T @ w / len(f) for f, w in zip(features, wanted, strict=True)]
    error = 0.0
    for index, (f, w) in enumerate(zip(features, wanted, strict=True)):
        others = [i for i in range(len(inputs)) if i != index] or [index]
        weights = _solve(sum(lefts[i] for i in others), sum(rights[i] for i in others))
        error += (f @ weights - w).square().mean().item()
    return error / len(inputs)
