"""What the truth of one frame has as a whole and the others do not: a grade that was set frame by frame.

An effect that was made frame by frame often sits a little brighter or warmer on one frame than on the next. A
network can only learn such a difference by knowing the frame by heart. Where such differences are much of
what the shared fit of colours leaves, they are taken out of the truths (``steady``), and what is learned is
the effect that all frames agree on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from understudy.network.colour_fit import (
    CUBIC_CHANNELS,
    ColourFit,
    Scaling,
    equations,
    predict,
    solve,
    thinned,
)

DRIFT_SHARE = 0.2
LARGEST_DRIFT = 0.1
TRUSTED = 0.8
FEWEST_PIXELS = 1000


@dataclass(frozen=True)
class Drift:
    """What the truth of one pair has as a whole and the others do not: a fit to the input, and the ``most``
    that it adds or takes, (outputs,)."""

    fit: ColourFit
    most: Tensor


@dataclass(frozen=True)
class Drifts:
    """Of pairs that differ in overall colour: the drift of ``each``, and what the truths of all have in
    ``common`` beyond the shared fit."""

    each: list[Drift]
    common: ColourFit


def fit_drifts(
    inputs: list[Tensor], truths: list[Tensor], bases: list[Tensor], scaling: Scaling
) -> Drifts | None:
    """What each pair's truth has as a whole and the others do not, or None where that is hardly anything.
    ``bases``: what the shared fit makes of the inputs. A difference beyond a tenth of the range is none of
    these.
    """
    if len(inputs) < 3:
        return None
    kind = _kind(inputs[0])
    rests = [truth - base for truth, base in zip(truths, bases, strict=True)]
    fits = [_fit_most(*each, kind, scaling) for each in zip(inputs, rests, strict=True)]
    common = ColourFit(kind, torch.stack([fit.weights for fit, _ in fits]).mean(0))
    drifts, before, after = [], 0.0, 0.0
    for pixels, rest, (fit, trusted) in zip(inputs, rests, fits, strict=True):
        drifts.append(_beyond(common, fit, pixels[trusted], scaling))
        before += rest.square().mean().item()
        after += steady(pixels, rest, drifts[-1], scaling).square().mean().item()
    small = all(_is_small(drift) for drift in drifts)
    return Drifts(drifts, common) if small and after < (1 - DRIFT_SHARE) * before else None


def find_drift(
    pixels: Tensor, rest: Tensor, scaling: Scaling, common: ColourFit | None = None
) -> Drift | None:
    """The drift of one more frame, from ``rest`` (pixels, C_out), what its truth adds to what is expected of
    it; ``common``: how much of that is no drift, as all pairs have it. None where it is hardly anything, too
    much to be one, or where the pixels are too few to tell."""
    if len(pixels) < FEWEST_PIXELS:
        return None
    pixels, rest = thinned(pixels), thinned(rest)
    kind = common.kind if common is not None else _kind(pixels)
    fit, trusted = _fit_most(pixels, rest, kind, scaling)
    drift = _beyond(common, fit, pixels[trusted], scaling)
    few, before = pixels[trusted], rest[trusted]
    after = steady(few, before, drift, scaling)
    explains = after.square().mean().item() < (1 - DRIFT_SHARE) * before.square().mean().item()
    return drift if explains and _is_small(drift) else None


def steady(pixels: Tensor, truth: Tensor, drift: Drift, scaling: Scaling) -> Tensor:
    """A truth (pixels, C_out) without what differs from pair to pair as a whole."""
    found = predict(pixels, drift.fit, scaling, same_channels=False)
    found = torch.minimum(torch.maximum(found, -drift.most), drift.most)
    return torch.sub(truth, found, out=found)


def _kind(pixels: Tensor) -> str:
    return "cubic" if pixels.shape[1] <= CUBIC_CHANNELS else "linear"


def _beyond(common: ColourFit | None, fit: ColourFit, pixels: Tensor, scaling: Scaling) -> Drift:
    """What a fit has and the common one does not; as much as that is anywhere in ``pixels``."""
    own = fit if common is None else ColourFit(fit.kind, fit.weights - common.weights)
    return Drift(own, predict(pixels, own, scaling, same_channels=False).abs().amax(0))


def _is_small(drift: Drift) -> bool:
    return bool((drift.most < LARGEST_DRIFT).all())


def _fit_most(pixels: Tensor, rest: Tensor, kind: str, scaling: Scaling) -> tuple[ColourFit, Tensor]:
    """The fit of ``rest`` (pixels, C_out) for the four fifths of the pixels that it leaves least of, and
    which these are.

    A local fix is the largest rest there is: a fit to all pixels would take a logo that was painted out for
    what this frame makes of the logo's colour, and out of the truth it would go. So it has no say.
    """
    scaled, found = scaling.apply(pixels).double(), torch.zeros_like(rest)
    for _ in range(2):
        left = (rest - found).square().sum(1)
        trusted = left <= left.kthvalue(max(1, round(TRUSTED * len(left)))).values
        few = scaled[trusted]
        fit = ColourFit(kind, solve(*equations(few, few, rest[trusted].double(), kind)).float())
        found = predict(pixels, fit, scaling, same_channels=False)
    return fit, trusted
