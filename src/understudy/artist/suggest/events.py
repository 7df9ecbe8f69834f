"""What happens in a shot from frame to frame: cuts, and how much moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from understudy.artist.suggest.looks import Look
from understudy.temporal import flow_between, is_cut, reduced

COARSE = 128
"""Pixels of the longer side at which motion is measured."""


@dataclass(frozen=True, eq=False)
class Events:
    """``cuts``: the places at which another shot begins. ``motion``: how far what is at a pixel moves to the
    next frame, in the mean, as a share of the frame's longer side. ``part``: the shot, counted by cuts, that
    each frame belongs to."""

    cuts: tuple[int, ...]
    motion: np.ndarray

    @property
    def part(self) -> np.ndarray:
        starts = np.zeros(len(self.motion), int)
        starts[list(self.cuts)] = 1
        return np.cumsum(starts)


def events_of(looks: Sequence[Look]) -> Events:
    """Cuts and motion of frames in their order."""
    motion = np.zeros(len(looks), np.float32)
    cuts = []
    for place in range(1, len(looks)):
        before, now = looks[place - 1].grey, looks[place].grey
        if is_cut(before, now):
            cuts.append(place)
            motion[place] = -1.0
        else:
            motion[place] = _moved(before, now)
    return Events(tuple(cuts), _filled(motion))


def _moved(before: np.ndarray, now: np.ndarray) -> float:
    vectors = flow_between(reduced(before, COARSE), reduced(now, COARSE)).vectors
    return float(np.hypot(vectors[..., 0], vectors[..., 1]).mean()) / max(vectors.shape[:2])


def _filled(motion: np.ndarray) -> np.ndarray:
    """The first frame of a shot moves as the next one does."""
    if len(motion) > 1:
        motion[0] = -1.0
    for place in range(len(motion) - 2, -1, -1):
        if motion[place] < 0:
            motion[place] = motion[place + 1]
    return np.maximum(motion, 0.0)
