"""Truths that are copies: of their plate, or of another truth; and truths with bars along a border."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from understudy.dataset.checks.finding import Finding, Sample

SAME = 0.5 / 255
BAR = 2
ENDS = 0.5
"""The share of the row below a bar that may have its value."""


def check_copies(samples: Sequence[Sample], kind: str) -> list[Finding]:
    """Truths that are the same as another truth though their plates differ, and for images also those that
    are the same as their plate, where not all are, and those with bars."""
    found = _duplicates(samples)
    if kind == "image":
        found += _unchanged(samples)
        found += [f for i, sample in enumerate(samples) for f in _bars(i, sample)]
    return found


def _duplicates(samples: Sequence[Sample]) -> list[Finding]:
    found = []
    for i, sample in enumerate(samples):
        for other in samples[:i]:
            if not _same(sample.truth, other.truth) or sample.truth.max() == sample.truth.min():
                continue
            both = _same(sample.plate, other.plate)
            what = "plate and ground truth are" if both else "the ground truth is"
            said = f"{what} the same as of frame {other.number}"
            remedy = (
                "One of the two is enough."
                if both
                else "Render the one that belongs to this frame; the other frame may be wrong instead."
            )
            found.append(Finding(i, sample.name, sample.number, "duplicate", said, remedy, 0.95))
            break
    return found


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and bool(np.abs(one - other).mean() < SAME / 4)


def _unchanged(samples: Sequence[Sample]) -> list[Finding]:
    same = [_same(sample.truth, sample.plate[..., : sample.truth.shape[2]]) for sample in samples]
    remedy = "If there is nothing to change in this frame, keep it; else render the painted frame."
    said = "the ground truth is the same as its plate"
    return [
        Finding(i, sample.name, sample.number, "same-as-plate", said, remedy, 0.9)
        for i, sample in enumerate(samples)
        if same[i]
    ]


def _bars(index: int, sample: Sample) -> list[Finding]:
    sides = {
        side: width
        for side, turned in (("top", 0), ("left", 1), ("bottom", 2), ("right", 3))
        if (width := _bar(np.rot90(sample.truth, -turned))) >= BAR
        and _bar(np.rot90(sample.plate, -turned)) < width / 2
    }
    if not sides:
        return []
    said = "the ground truth has bars: " + ", ".join(
        f"{round(width * sample.times)} px at the {side}" for side, width in sides.items()
    )
    remedy = "Render it over the whole frame of the plate; what is covered cannot be brought back."
    return [Finding(index, sample.name, sample.number, "padded", said, remedy, 0.95)]


def _bar(pixels: np.ndarray) -> int:
    """How many rows at the top are of one value, and end at once: a clipped sky is no bar."""
    same = np.abs(pixels - pixels[:1, :1]).max(2) < SAME
    flat = same.all(1)
    if flat.all():
        return len(flat)
    width = int(flat.argmin())
    return width if same[width].mean() < ENDS else 0
