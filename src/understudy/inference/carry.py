"""What the network misses on a painted frame, carried along the motion into the frames about it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from understudy.temporal import flow_between, is_cut, warp

SOFT = 9
"""Pixels over which a difference fades towards where the motion is not known: an edge of it would be seen."""


@dataclass(frozen=True, eq=False)
class Missed:
    """Of a painted frame: its ``number``, what is painted less what the network makes of it, ``difference``
    (height, width, channels), and its luma, ``grey`` (height, width)."""

    number: int
    difference: np.ndarray
    grey: np.ndarray


def carried(missed: Missed, grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The difference as seen from the frame of luma ``grey``, and how sure that is, (height, width, 1), 0 to
    1: nothing beyond a cut, and nothing where the way there and back do not meet, so that no ghost of what
    has moved on stays behind."""
    if missed.grey.shape != grey.shape or is_cut(grey, missed.grey):
        return np.zeros_like(missed.difference), np.zeros((*grey.shape, 1), np.float32)
    flow = flow_between(grey, missed.grey)
    return warp(missed.difference, flow), _softened(flow.sure)[..., None]


def _softened(sure: np.ndarray) -> np.ndarray:
    """1 within what is sure, 0 where it is not, a ramp on its inner side."""
    inner = cv2.erode(sure.astype(np.float32), np.ones((SOFT, SOFT), np.uint8))
    return np.asarray(cv2.blur(inner, (SOFT, SOFT))) * sure


def fading(distance: int, frames: int) -> float:
    """How much of a difference is left so many frames away from the painted one, when it fades over
    ``frames``: evenly less with each, and none beyond."""
    return max(0.0, 1.0 - distance / (frames + 1))
