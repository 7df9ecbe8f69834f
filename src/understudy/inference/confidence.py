"""How sure a network is of a result: it looks a second time, at the frame moved by a few pixels, and a table
that was measured on a frame it had not learned says how often such pixels are right."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from understudy.colour import encode
from understudy.network.confidence import CODES, RIGHT_WITHIN, ConfidenceTable

CHANNEL = "confidence"
MOVED = (5, 7)
"""How many pixels further down and to the right the second look sees the frame: off the grid of what a
network sees smaller."""

ABOUT = {"image": 3, "matte": 31}
"""Sides of the box, in pixels, in which both looks are compared: what differs about a pixel, tells of it."""

GENERAL = {
    "matte": ConfidenceTable(
        doubt=(0.0, 0.004, 0.011, 0.022, 0.042, 0.072, 0.117, 0.202, 0.333, 0.461, 0.572, 0.66, 0.724, 0.834),
        right=(
            1.0,
            0.999,
            0.998,
            0.998,
            0.997,
            0.995,
            0.985,
            0.945,
            0.827,
            0.637,
            0.396,
            0.311,
            0.262,
            0.134,
        ),
    ),
    "image": ConfidenceTable(
        doubt=(0.022, 0.06, 0.083, 0.115, 0.194, 0.344, 0.576, 1.113, 2.349, 3.366, 4.279, 5.594, 8.354),
        right=(0.981, 0.98, 0.975, 0.942, 0.739, 0.444, 0.278, 0.185, 0.166, 0.065, 0.023, 0.014, 0.005),
    ),
}
"""For networks that bring no table: of the unpainted frames of three mattes and of three images, after 150
steps on five pairs each."""


def moved(planes: np.ndarray) -> np.ndarray:
    """What the second look sees (H + 5, W + 7, C) of planes (H, W, C): the first row and column repeated."""
    down, right = MOVED
    return np.pad(planes, ((down, 0), (right, 0), (0, 0)), "edge")


def moved_back(planes: np.ndarray) -> np.ndarray:
    """What ``moved`` planes were."""
    return planes[MOVED[0] :, MOVED[1] :]


def doubt_of(result: np.ndarray, other: np.ndarray, matte: bool) -> np.ndarray:
    """How much a result is in doubt, float32 (H, W), where ``other`` is what the same network made of the
    moved frame, moved back; both float32 (H, W, C) in the network's values.

    Of an image: how much both differ, in 8-bit code values, in the worst channel, on average about the
    pixel. Of a matte: how far both, on average about the pixel, are from the side of 0.5 on which the result
    is; from 0 to 1; of several mattes that of the one in most doubt.
    """
    if not matte:
        differ = np.nan_to_num(np.abs(result - other), nan=0.0, posinf=0.0).max(2)
        return _blurred(differ, ABOUT["image"]) * np.float32(CODES)
    each = [_doubt_of_matte(result[..., k], other[..., k]) for k in range(result.shape[2])]
    return np.asarray(np.clip(np.max(each, axis=0), 0, 1))


def _doubt_of_matte(result: np.ndarray, other: np.ndarray) -> np.ndarray:
    here, there = (np.nan_to_num(np.clip(each, 0, 1)) for each in (result, other))
    both = _blurred((here + there) / 2, ABOUT["matte"])
    return np.asarray(np.where(here > 0.5, 1 - both, both))


def right_pixels(result: np.ndarray, truth: np.ndarray, matte: bool) -> np.ndarray:
    """Which pixels (H, W) of a result are right: on the truth's side of 0.5, or within 2 code values."""
    if matte:
        return np.asarray(((result > 0.5) == (truth > 0.5)).all(2))
    return np.asarray((np.abs(result - truth) <= RIGHT_WITHIN / CODES).all(2))


def confidence_of(header: Any, result: np.ndarray, other: np.ndarray, limited: bool) -> np.ndarray:
    """float32 (H, W, 1), 0 to 1, of a result in file values. ``limited``: its files hold nothing below 0 or
    above 1."""
    matte = header.kind == "matte"
    first, second = (each if matte else encode(each, header.colour_out) for each in (result, other))
    if limited:
        first, second = np.clip(first, 0, 1), np.clip(second, 0, 1)
    sure = table_of(header).confidence(doubt_of(np.asarray(first), np.asarray(second), matte))
    kept = ~np.isfinite(result).all(2)  # there the plate's own pixel stays
    return np.where(kept, np.float32(1), sure)[..., None]


def confidence_notes(header: Any) -> tuple[str, ...]:
    """What the artist is told of the channel."""
    right = "on the right side of 0.5" if header.kind == "matte" else "within 2 code values of 8 bits"
    notes = (
        f"The channel {CHANNEL} says which share of such pixels is right ({right}). The network looks at "
        "every frame twice for it, which takes 2 times as long.",
    )
    if header.confidence is not None:
        return notes
    return (
        *notes,
        f"How sure this network may be was not measured, and {CHANNEL} goes by a general table: it learned "
        "from three pairs or fewer, was stopped early, or is of an earlier version or another program.",
    )


def table_of(header: Any) -> ConfidenceTable:
    """The network's own table, or the general one."""
    return header.confidence or GENERAL[header.kind]


def _blurred(plane: np.ndarray, side: int) -> np.ndarray:
    """The mean over boxes of a plane without negative values. Running sums leave a trace, of either sign,
    where all of a box is 0: that is no doubt below 0."""
    return np.maximum(cv2.blur(np.ascontiguousarray(plane, np.float32), (side, side)), 0)
