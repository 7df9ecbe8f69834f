"""Images: grain, and the blocks of a lossy compression, that one truth has and the others have not."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from understudy.dataset.checks.finding import Finding, Sample
from understudy.dataset.checks.planes import blurred, brightness

FEWEST = 3
NOISIER = 0.35
SPREADS = 5.0
BLOCK = 8
BLOCKED = 0.08
CODED = np.array([0.299, 0.587, 0.114], np.float32)


def check_texture(samples: Sequence[Sample]) -> list[Finding]:
    """Truths with more grain in flat places than the others, or with blocks of 8 x 8 that they lack."""
    if (
        not samples
        or any(sample.times != 1 for sample in samples)
        or min(min(s.truth.shape[:2]) for s in samples) < 64
    ):
        return []  # both are gone in smaller frames
    planes = [(brightness(sample.plate), brightness(sample.truth)) for sample in samples]
    blocked = _blocked(samples)
    return [*blocked.values(), *(f for f in _grainy(samples, planes) if f.pair not in blocked)]


def _blocked(samples: Sequence[Sample]) -> dict[int, Finding]:
    levels = [
        blockiness(_coded(sample.truth)) - max(0.0, blockiness(_coded(sample.plate))) for sample in samples
    ]
    return {
        i: Finding(
            i,
            samples[i].name,
            samples[i].number,
            "recompression",
            "the ground truth has the blocks of a lossy compression, which its plate has not",
            "Render it without losses (EXR, PNG, TIFF); this cannot be taken off.",
            0.85,
        )
        for i, level in enumerate(levels)
        if level > BLOCKED
    }


def _coded(pixels: np.ndarray) -> np.ndarray:
    """The brightness that JPEG and its kin code."""
    return np.asarray(pixels[..., :3] @ CODED if pixels.shape[2] >= 3 else pixels[..., 0])


def blockiness(plane: np.ndarray) -> float:
    """By how much more details are gone in blocks of 8 x 8 at their own places than in those half a block
    off: about 0 in pictures that were never compressed."""
    return _vanished(plane, 0) - _vanished(plane, BLOCK // 2)


def _vanished(plane: np.ndarray, offset: int) -> float:
    """The share of details of blocks that are as good as 0."""
    part = plane[offset:, offset:]
    high, wide = (side // BLOCK for side in part.shape)
    blocks = part[: high * BLOCK, : wide * BLOCK].reshape(high, BLOCK, wide, BLOCK)
    basis = cv2.dct(np.eye(BLOCK))
    details = np.abs(np.einsum("ua,haib,vb->hiuv", basis, blocks, basis, optimize=True)) * 255
    fine = np.add.outer(np.arange(BLOCK), np.arange(BLOCK)) >= 4
    return float((details[..., fine] < 0.75).mean())


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
