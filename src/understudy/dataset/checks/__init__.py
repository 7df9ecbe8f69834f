"""What is wrong with pairs of plate and ground truth, measured on arrays: no files, no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from understudy.dataset.checks.copies import check_copies
from understudy.dataset.checks.edges import edges_of
from understudy.dataset.checks.finding import Finding, Fix, Kind, Sample
from understudy.dataset.checks.images import check_places
from understudy.dataset.checks.mattes import check_mattes
from understudy.dataset.checks.register import put_back
from understudy.dataset.checks.texture import check_texture
from understudy.dataset.checks.tones import check_tones
from understudy.temporal import reduced

__all__ = ["Finding", "Fix", "Kind", "Sample", "check_samples", "small_sample"]

LONGEST = 960
"""Pixels of the longer side at which pairs are looked at."""


def small_sample(sample: Sample, matte: bool) -> Sample:
    """The sample in the size in which it is looked at; what only pixels of the file show is kept beside."""
    longest = max(sample.plate.shape[:2])
    if longest <= LONGEST:
        return sample
    if matte:
        sample = replace(sample, edges=edges_of(sample.truth[..., 0]))
    else:
        sample = replace(sample, detail=(_middle(sample.plate), _middle(sample.truth)))
    plate, truth = reduced(sample.plate[..., :4], LONGEST), reduced(sample.truth[..., :4], LONGEST)
    beside = tuple((number, reduced(pixels[..., :4], LONGEST)) for number, pixels in sample.beside)
    if truth.ndim == 2:
        truth = truth[..., None]
    return replace(sample, plate=plate, truth=truth, beside=beside, times=longest / LONGEST)


def _laid(sample: Sample, place: tuple[float, float, float, float]) -> Sample:
    """The sample, its truth put back: what is moved has other colours at a place, but no grade."""
    values = np.array(place) / np.array([sample.times, sample.times, 1, 1])
    return replace(sample, truth=put_back(sample.truth, values))


def _middle(pixels: np.ndarray) -> np.ndarray:
    """The middle of a frame, LONGEST pixels at most, from a place that blocks of 8 x 8 begin at."""
    top, left = (max(0, side - LONGEST) // 16 * 8 for side in pixels.shape[:2])
    return np.nan_to_num(pixels[top : top + LONGEST, left : left + LONGEST, :4].astype(np.float32))


def check_samples(
    samples: Sequence[Sample],
    kind: str,
    same_channels: bool = True,
    told: Callable[[int], None] = lambda number: None,
) -> list[Finding]:
    """What is wrong with these pairs, by pair. ``kind``: image or matte; ``same_channels``: whether the truth
    is the plate, changed, so that the two can be compared. Each is made small first (``small_sample``).
    ``told`` is called with the number of each pair once that has been laid on its plate."""
    found = check_copies(samples, kind if same_channels else "other")
    if kind == "matte":
        found += check_mattes(samples, told)
    elif same_channels:
        known = {finding.pair for finding in found if finding.kind in ("same-as-plate", "padded")}
        places = [f for f in check_places(samples, told) if f.pair not in known]
        lost = {f.pair for f in places if f.kind in ("order", "off-by-one")}
        rest = [i for i in range(len(samples)) if i not in lost | known]
        lies = {f.pair: f.fix.place for f in places if f.fix and f.fix.place}
        laid = [_laid(samples[i], lies[i]) if i in lies else samples[i] for i in rest]
        tones = check_tones(laid)
        graded = {f.pair for f in tones}  # a gain makes grain louder, too
        texture = check_texture([samples[i] for i in rest])
        others = [*tones, *(f for f in texture if f.kind != "grain" or f.pair not in graded)]
        found += [*places, *(replace(f, pair=rest[f.pair]) for f in others)]
    return sorted(found, key=lambda finding: finding.pair)
