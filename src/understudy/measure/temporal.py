"""How steady a result is from frame to frame."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from understudy.temporal import Flow, flow_between, grey, is_cut, warp

CODE_VALUES = 255.0
LEAST_SURE = 0.05
"""The part of a frame whose motion has to be known before anything is said of its change."""


@dataclass(frozen=True)
class Steadiness:
    """What changes from the frame before to the frame ``number``: ``along_motion`` has, by shot, the mean
    absolute change along the motion, in 8-bit code values; NaN where too little of the motion is known."""

    number: int
    along_motion: Mapping[str, float]


def flicker(
    results: Iterable[np.ndarray], truths: Iterable[np.ndarray], numbers: Iterable[int] | None = None
) -> float:
    """Mean absolute change, from one frame to the next, of (result - truth), in 8-bit code values.

    ``results`` and ``truths`` are frames in order, float arrays of one shape with values 0 to 1 (integers
    are not scaled); both are taken one frame at a time, so they may be generators. ``numbers`` are the frame
    numbers: frames on either side of a gap are not compared. An error that stands still counts nothing; 0 is
    perfectly steady, above about 1 the eye begins to see it. NaN when no two frames follow each other.
    """
    counted = itertools.count() if numbers is None else numbers
    changes: list[float] = []
    before: tuple[int, np.ndarray] | None = None
    for number, result, truth in zip(counted, results, truths, strict=False):
        error = np.subtract(result, truth, dtype=np.float32)
        if before is not None and number == before[0] + 1:
            changes.append(_mean_change(before[1], error))
        before = number, error
    return CODE_VALUES * sum(changes) / len(changes) if changes else math.nan


def steadiness(
    guides: Iterable[np.ndarray],
    shots: Mapping[str, Iterable[np.ndarray]],
    numbers: Iterable[int] | None = None,
) -> Iterator[Steadiness]:
    """How steady several shots are along the motion of one, for each frame that follows on another.

    ``guides`` are the frames in which the motion is looked for, display-referred, 0 to 1: of an image the
    ground truth, of a matte its plate, and where there is no truth the plate. ``shots`` are by name the
    frames to be judged: float arrays (height, width, channels) of the guides' size, values 0 to 1. Frame
    n - 1 is carried onto frame n along the optical flow, and where that is sure (checked there and back) the
    absolute difference counts. All are taken one frame at a time. Nothing is said across a cut, nor across a
    gap in ``numbers``. A change that the light makes counts too: hold a result against its truth, or its
    plate.
    """
    counted = itertools.count() if numbers is None else numbers
    before: tuple[int, np.ndarray, Sequence[np.ndarray]] | None = None
    for number, pixels, *frames in zip(counted, guides, *shots.values(), strict=False):
        guide = grey(pixels)
        if before is not None and number == before[0] + 1 and not is_cut(before[1], guide):
            flow = flow_between(guide, before[1])
            changes = [_change_along(flow, *both) for both in zip(before[2], frames, strict=True)]
            yield Steadiness(number, dict(zip(shots, changes, strict=True)))
        before = number, guide, frames


def mean_along_motion(steps: Iterable[Steadiness]) -> dict[str, float]:
    """The mean of what ``steadiness`` tells, by shot, over the frames whose motion is known; empty where
    there is none."""
    found: dict[str, list[float]] = {}
    for step in steps:
        for name, change in step.along_motion.items():
            found.setdefault(name, []).extend([] if math.isnan(change) else [change])
    return {name: statistics.fmean(changes) for name, changes in found.items() if changes}


def _change_along(flow: Flow, before: np.ndarray, after: np.ndarray) -> float:
    change = np.abs(after - warp(before, flow))[flow.sure]
    known = change[np.isfinite(change)]
    enough = known.size >= LEAST_SURE * after.size
    return CODE_VALUES * float(known.mean(dtype=np.float64)) if enough else math.nan


def _mean_change(before: np.ndarray, after: np.ndarray) -> float:
    change = np.abs(after - before)
    known = np.isfinite(change)
    return float(change[known].mean(dtype=np.float64)) if known.any() else 0.0
