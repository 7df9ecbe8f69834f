"""Mattes: whether their contours lie on edges of their plates, and whether they are inverted or empty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from understudy.dataset.checks.contour import Lie, lie_of
from understudy.dataset.checks.edges import edges_of
from understudy.dataset.checks.finding import Finding, Fix, Sample
from understudy.dataset.checks.images import in_order, misplaced, off_by_one
from understudy.dataset.checks.register import put_back
from understudy.dataset.checks.resampled import EXACT, TRANSFORM, check_resampled

NOTHING = 0.0005
"""The share of a frame below which a matte is empty."""
BETTER = 0.11
"""By how much (logarithm) edges on another plate have to be stronger than on the own one."""
LEAST, SPREADS = 0.4, 4.0
OTHERS = 4
"""Of fewer other mattes their spread is not known well enough."""
FOREIGN = 1.12
PLAIN = 1.3
WHOLE = 0.8
"""The share of crisp edges of a matte that was not resampled."""
COUNTED, NEAR = 0.17, 2.5
"""How sure, and how small, in pixels, a shift has to be for whole pixels to be counted."""


def check_mattes(
    samples: Sequence[Sample], told: Callable[[int], None] = lambda number: None
) -> list[Finding]:
    """What is wrong with mattes, each against its plate and against the others. ``told`` is called with the
    number of each."""
    mattes = [sample.truth[..., 0] for sample in samples]
    shares = [float(matte.mean()) for matte in mattes]
    found = {**_empty(samples, shares), **_inverted(samples, mattes, shares)}
    found |= check_resampled(samples, [i for i in range(len(samples)) if i not in found])
    lies = {}
    for i, sample in enumerate(samples):
        if i not in found and (lie := lie_of(mattes[i], sample.plate)):
            lies[i] = lie
        told(sample.number)
    found |= _foreign(samples, mattes, {i: lie.support for i, lie in lies.items()})
    return [*found.values(), *_moved(samples, {i: lie for i, lie in lies.items() if i not in found})]


def _empty(samples: Sequence[Sample], shares: list[float]) -> dict[int, Finding]:
    flat = {i: share for i, share in enumerate(shares) if share < NOTHING or share > 1 - NOTHING}
    if len(flat) == len(shares):
        return {}  # said in its own words by whoever loads them
    remedy = "If that is right, keep it; else check the channel and the node that rendered it."
    said = {i: f"the matte is {'empty' if share < 0.5 else 'white everywhere'}" for i, share in flat.items()}
    return {i: Finding(i, samples[i].name, samples[i].number, "empty", said[i], remedy, 0.8) for i in flat}


def _inverted(samples: Sequence[Sample], mattes: list[np.ndarray], shares: list[float]) -> dict[int, Finding]:
    """A matte that is white along the borders where the others are black, or the other way round, and that
    covers what they leave."""
    if len(mattes) < 3:
        return {}
    rims = [_rim(matte) for matte in mattes]
    found = {}
    for i, (share, rim) in enumerate(zip(shares, rims, strict=True)):
        other_share = float(np.median([s for k, s in enumerate(shares) if k != i]))
        other_rim = float(np.median([r for k, r in enumerate(rims) if k != i]))
        nearer = abs(1 - share - other_share) + abs(1 - rim - other_rim)
        if nearer < 0.5 * (abs(share - other_share) + abs(rim - other_rim)) and abs(rim - other_rim) > 0.4:
            said = f"the matte is inverted: it covers {share:.0%}, the others {other_share:.0%}"
            remedy = "Invert it, or let --repair do so."
            fix = Fix(inverted=True)
            found[i] = Finding(i, samples[i].name, samples[i].number, "inverted", said, remedy, 0.95, fix)
    return found


def _rim(matte: np.ndarray) -> float:
    """How white a matte is along the borders of the frame."""
    return float(np.concatenate([matte[0], matte[-1], matte[:, 0], matte[:, -1]]).mean())


def _foreign(
    samples: Sequence[Sample], mattes: list[np.ndarray], own: dict[int, float]
) -> dict[int, Finding]:
    """Mattes that lie better on the plate of a neighbour or of another pair, or on no plate at all."""
    found: dict[int, Finding] = {}
    for i in own:
        beside = [(number, _support(mattes[i], pixels)) for number, pixels in samples[i].beside]
        others = [(samples[k].number, _support(mattes[i], samples[k].plate)) for k in own if k != i]
        if max((support for _, support in (*beside, *others)), default=0.0) > own[i] * np.exp(BETTER):
            number, best = max((*beside, *others), key=lambda each: each[1])
            if best < PLAIN or _support_put_back(mattes[i], samples[i].plate) > best:
                continue
            sample = samples[i]
            near = number in dict(beside)
            confidence = float(np.clip(0.5 + np.log(best / own[i]), 0.5, 0.97))
            found[i] = off_by_one(i, sample, number) if near else in_order(i, sample, number, confidence)
        elif own[i] < FOREIGN and np.median([own[k] for k in own if k != i] or [0]) > PLAIN:
            said = "the contour of the matte follows no edges of the plate"
            remedy = "It may be the matte of another frame or shot: lay it over the plate."
            found[i] = Finding(i, samples[i].name, samples[i].number, "foreign", said, remedy, 0.7)
    return found


def _support(matte: np.ndarray, plate: np.ndarray) -> float:
    lie = lie_of(matte, plate) if matte.shape == plate.shape[:2] else None
    return lie.support if lie else 0.0


def _support_put_back(matte: np.ndarray, plate: np.ndarray) -> float:
    """How well a matte lies on its own plate once it is put back on the edges there."""
    for _ in range(2):
        lie = lie_of(matte, plate)
        if lie is None:
            return 0.0
        matte = put_back(matte[..., None], np.array([*lie.values[:2], 0, 0]))[..., 0]
    return _support(matte, plate)


def _moved(samples: Sequence[Sample], lies: dict[int, Lie]) -> list[Finding]:
    """Mattes that lie off the edges by more than the others do: shadows and soft edges move all of them."""
    found = []
    for i, lie in lies.items():
        rest = np.array([other.values[:2] for k, other in lies.items() if k != i])
        if len(rest) < OTHERS:
            continue
        middle = np.median(rest, 0)
        apart = np.linalg.norm(rest - middle, axis=1)
        off = lie.values[:2] - middle
        limit = max(
            LEAST,
            SPREADS * float(np.median(apart)),
            1.5 * float(apart.max()),
            4 * float(np.hypot(*lie.errors[:2])),
        )
        if np.hypot(*off) > limit:
            noise = np.hypot(rest.std(0, ddof=1), lie.errors[:2])
            found.append(_shifted(i, samples[i], off, float(noise.max())))
    return found


def _shifted(index: int, sample: Sample, off: np.ndarray, noise: float) -> Finding:
    """The finding of a matte that lies ``off`` (right, down) by ``noise`` more or less, and was not seen to
    be resampled: where its edges are crisp, it was moved by whole pixels, so that these can be counted."""
    edges = sample.edges or edges_of(sample.truth[..., 0])
    exact = noise * sample.times <= EXACT
    crisp = edges.crisp[:, -1]
    if (crisp[np.isfinite(crisp)] > WHOLE).any():
        counted = np.round(off * sample.times) / sample.times
        away = float(np.abs(counted - off).max())
        sure = noise * sample.times <= COUNTED and np.abs(off).max() <= NEAR
        exact = bool(sure and counted.any() and away < 3 * noise)
        off = counted if exact else off
    found = misplaced(index, sample, "shift", np.array([*off, 0, 0]), 0.6)
    return found if exact else replace(found, fix=None, remedy=TRANSFORM)
