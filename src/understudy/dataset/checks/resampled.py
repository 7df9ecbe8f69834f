"""Mattes that were resampled while the others were not; where they then lie is read from their contours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from understudy.dataset.checks.contour import Lie, lie_of
from understudy.dataset.checks.edges import LEAST, edges_of, softer
from understudy.dataset.checks.finding import Finding, Kind, Sample
from understudy.dataset.checks.images import misplaced

SEEN = 3.0
"""By how many standard deviations a matte has to lie off before it is said by how much."""
EXACT = 0.15
"""How sure, in pixels, a shift has to be before it is put back."""
TRANSFORM = "Look for a transform or a filter in the script that rendered it."
PLAINER = 1.2
"""By how much surer scale or rotation have to be than a shift, of which a matte in one place looks alike."""
KINDS: dict[Kind, tuple[int, ...]] = {"shift": (0, 1), "scale": (2,), "rotation": (3,)}
WIDER = 4


@dataclass(frozen=True)
class _Off:
    """By how much a matte lies off as the others do not, if it is of one kind: ``values`` (right, down,
    scale, turn), ``noise`` their standard deviations, ``sure`` by how many of them it is off."""

    values: np.ndarray
    noise: np.ndarray
    sure: float


def check_resampled(samples: Sequence[Sample], asked: Sequence[int]) -> dict[int, Finding]:
    """Findings, by pair, on mattes whose edges only a transform or a filter can have made so soft."""
    edges = [samples[i].edges or edges_of(samples[i].truth[..., 0]) for i in asked]
    soft = {asked[place]: shares for place, shares in softer(edges).items()}
    if not soft:
        return {}
    rest = [samples[i] for i in asked if i not in soft]
    others = {kind: [_lie(sample, kind) for sample in rest] for kind in KINDS}
    return {i: _finding(i, samples[i], others, *shares) for i, shares in soft.items()}


def _lie(sample: Sample, kind: Kind) -> Lie | None:
    return lie_of(sample.truth[..., 0], sample.plate, (*KINDS[kind], WIDER))


def _off(own: Lie | None, others: Sequence[Lie | None], kind: Kind) -> _Off | None:
    rest = np.array([lie.values[:4] for lie in others if lie])
    if own is None or len(rest) < LEAST:
        return None
    at = list(KINDS[kind])
    values, noise = np.zeros(4), np.zeros(4)
    values[at] = (own.values[:4] - np.median(rest, 0))[at]
    noise[at] = np.hypot(rest.std(0, ddof=1), own.errors[:4])[at]
    return _Off(values, noise, float(np.linalg.norm(values[at] / noise[at])))


def _finding(
    index: int, sample: Sample, others: dict[Kind, list[Lie | None]], own: float, least: float
) -> Finding:
    said = f"the matte was resampled: {own:.0%} of its edges are crisp, of the others {least:.0%} or more"
    found = {kind: off for kind in KINDS if (off := _off(_lie(sample, kind), others[kind], kind))}
    kind: Kind = max(found, key=lambda k: found[k].sure / (1 if k == "shift" else PLAINER), default="shift")
    if kind not in found or found[kind].sure < SEEN:
        said += "; where it lies cannot be measured on its contour"
        return Finding(index, sample.name, sample.number, kind, said, TRANSFORM, 0.75)
    moved = misplaced(index, sample, kind, found[kind].values, 0.9)
    fix = moved.fix if kind == "shift" and found[kind].noise.max() * sample.times <= EXACT else None
    remedy = moved.remedy if fix else TRANSFORM
    return replace(moved, measure=f"{said}; {moved.measure}", remedy=remedy, fix=fix)
