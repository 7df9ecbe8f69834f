"""Images: grain, and the blocks of a lossy compression, that one truth has and the others have not."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from understudy.dataset.checks.blocks import SMALLEST, coded_anew
from understudy.dataset.checks.finding import Finding, Sample
from understudy.dataset.checks.planes import blurred, brightness

FEWEST = 3
NOISIER = 0.35
SPREADS = 5.0


def check_texture(samples: Sequence[Sample]) -> list[Finding]:
    """Truths with more grain in flat places than the others, or with blocks of 8 x 8 that their plates
    lack."""
    details = [_detail(sample) for sample in samples]
    if not samples or any(detail is None for detail in details):
        return []
    known = [detail for detail in details if detail is not None]
    blocked = {i: _blocked(i, samples[i]) for i, pair in enumerate(known) if coded_anew(*pair)}
    planes = [(brightness(plate), brightness(truth)) for plate, truth in known]
    return [*blocked.values(), *(f for f in _grainy(samples, planes) if f.pair not in blocked)]


def _detail(sample: Sample) -> tuple[np.ndarray, np.ndarray] | None:
    """Plate and truth in pixels of the file, as both are gone in smaller frames."""
    pair = (sample.plate, sample.truth) if sample.times == 1 else sample.detail
    return pair if pair is not None and min(pair[1].shape[:2]) >= SMALLEST else None


def _blocked(index: int, sample: Sample) -> Finding:
    said = "the ground truth has the blocks of a lossy compression, which its plate has not"
    remedy = "Render it without losses (EXR, PNG, TIFF); this cannot be taken off."
    return Finding(index, sample.name, sample.number, "recompression", said, remedy, 0.9)


def _grainy(samples: Sequence[Sample], planes: list[tuple[np.ndarray, np.ndarray]]) -> list[Finding]:
    if len(samples) < FEWEST:
        return []
    levels = [_grain(plate, truth) for plate, truth in planes]
    own = [_grain(plate, plate) for plate, _ in planes]
    excess = np.log(np.array(levels) + 0.002) - 0.5 * np.log(np.array(own) + 0.002)
    found = []
    for i, sample in enumerate(samples):
        rest = np.delete(excess, i)
        middle = float(np.median(rest))
        limit = max(NOISIER, SPREADS * float(np.median(np.abs(rest - middle))))
        if excess[i] - middle > limit:
            said = (
                f"the ground truth has grain that the others have not: {255 * levels[i]:.1f} code values "
                f"of 8 bits in flat places, the others {255 * float(np.median(np.delete(levels, i))):.1f}"
            )
            remedy = "Render it without grain; this cannot be taken off without losing detail."
            found.append(Finding(i, sample.name, sample.number, "grain", said, remedy, 0.8))
    return found


def _grain(plate: np.ndarray, truth: np.ndarray) -> float:
    """The standard deviation of the finest detail of the truth where the plate is flattest."""
    soft = blurred(plate, 2.0)
    down, across = np.gradient(soft)
    steep = blurred(np.hypot(down, across), 3.0)
    seen = (truth > 0.03) & (truth < 0.97)
    if seen.sum() < 1000:
        return 0.0
    flat = seen & (steep <= np.quantile(steep[seen], 0.3))
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
    fine = cv2.filter2D(truth, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)
    return float(1.4826 * np.median(np.abs(fine[flat])))
