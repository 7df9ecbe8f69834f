"""A frame's values averaged with those of the frames about it, along the motion, where they boil.

What the plate does itself is left to it: its light goes on as it goes, its grain stays, and where something
is covered, comes into view or looks otherwise than before, nothing is taken from another frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from understudy.temporal.flow import LONGEST, Flow, warp
from understudy.temporal.planes import reduced

CODE = np.float32(1.0 / 255.0)
NEAR = 1.5
"""Gaussian sigma, in pixels, over which differences are looked at: one pixel alone may be noise."""
WIDE = 31
"""Pixels of the square over which is told whether the network calmed the plate."""
EDGE = 5
"""Pixels over which weights fade towards where the motion is not known: an edge of it would be seen."""
APART = 3.0
"""How many times the usual difference two frames may be apart: more is something else."""
CRAWLS = 6.0
"""The same of what is no picture of the plate: between black and white of a matte there is nothing usual."""
CALMED, UNCHANGED = 1.6, 1.0
"""Where the plate changes so many times as much as the result, the network calmed it; up to as much, not."""
LIGHT, SPREAD = 8, 2.0
"""Light is looked at in means over LIGHT x LIGHT pixels, blurred by SPREAD of those: noise leaves none."""


@dataclass(frozen=True, eq=False)
class Look:
    """One frame, as its values are to be steadied.

    ``values``: float32 (height, width, channels), finite, as a screen shows them, so that 1/255 is a step
    anywhere; they may be above 1. ``luma``: the plate's, (height, width). ``under``: the plate's own values
    in the channels of ``values``, or None where these are none of the plate's, as those of a matte.
    ``guide``: what motion is looked for in, such as ``luma``. These three are ``reduced`` to LONGEST.
    """

    values: np.ndarray
    luma: np.ndarray
    guide: np.ndarray
    under: np.ndarray | None = None

    @cached_property
    def small(self) -> np.ndarray:
        """The values in the size of the others."""
        return reduced(self.values, LONGEST)

    @cached_property
    def light(self) -> np.ndarray | None:
        if self.under is None:
            return None
        return _volume(reduced(self.under, max(1, max(self.under.shape[:2]) // LIGHT)))

    @cached_property
    def smooth(self) -> np.ndarray:
        return _near(self.luma)


@dataclass(frozen=True, eq=False)
class Beside:
    """Another frame: its ``look``, the ``flow`` to it, in pixels of its guide, and how much it counts."""

    look: Look
    flow: Flow
    weight: float = 1.0


def steadied(own: Look, others: Sequence[Beside]) -> tuple[np.ndarray, np.ndarray]:
    """The values of ``own`` in the mean with those of ``others``, float32 like them; and how much of the mean
    is of others, (height, width, 1), 0 to below 1: where that is 0, the values are those of ``own``, bit for
    bit.

    Each counts where the motion is sure, where the plates look alike, where the results are no further
    apart than they usually are, and as far as they are further apart than the plates, unless the network
    calmed these, as a denoiser does. All weights depend on the frames given alone.
    """
    total = np.zeros((*own.values.shape[:2], 1), np.float32)
    moved = np.zeros_like(own.values)
    for other in others:
        if not other.flow.sure.any():
            continue
        light = _light(own, other)
        weight = _full(_weight(own, other, light), own.values) * np.float32(other.weight)
        carried = warp(other.look.values, other.flow.enlarged(own.values.shape[:2]), cubic=True)
        if light is not None:
            carried += _full(light, own.values)
        carried -= own.values
        carried *= weight
        moved += carried
        total += weight
    share = total / (1 + total)
    return np.where(share > 0, own.values + moved / (1 + total), own.values), share


def _weight(own: Look, other: Beside, light: np.ndarray | None) -> np.ndarray:
    """How much the other frame counts, (height, width, 1), in the size of its flow."""
    sure = other.flow.sure
    weight = _faded(sure)
    weight *= _alike(np.abs(own.smooth - warp(other.look.smooth, other.flow)), sure)
    apart = _apart(own.small, other.look.small, other.flow, light)
    is_picture = own.under is not None and other.look.under is not None
    weight *= _usual(apart, sure, APART if is_picture else CRAWLS)
    if own.under is not None and other.look.under is not None:
        weight *= _own_doing(apart, _apart(own.under, other.look.under, other.flow, light))
    return _volume(weight)


def _alike(difference: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """1 where plates differ by no more than their noise, towards 0 beyond."""
    noise = max(float(np.median(difference[sure])) * 1.4826, float(CODE))
    return _bell(difference, APART * noise)


def _usual(apart: np.ndarray, sure: np.ndarray, times: float) -> np.ndarray:
    """1 where results are as near to each other as they mostly are, towards 0 beyond."""
    spread = max(float(np.sqrt(np.square(apart[sure]).mean())), float(CODE) / 2)
    return _bell(apart, times * spread)


def _own_doing(apart: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """The part of how far results are ``apart`` that is not the ``plate``'s: 0 where that changes as much,
    and 1 where the network calmed it."""
    known = np.maximum(apart, 1e-6)
    doing = np.clip(1 - np.square(plate / known), 0, 1)
    ratio = _around(plate) / np.maximum(_around(apart), 1e-6)
    calmed = np.clip((ratio - UNCHANGED) / (CALMED - UNCHANGED), 0, 1)
    return np.asarray(doing + (1 - doing) * calmed)


def _apart(a: np.ndarray, b: np.ndarray, flow: Flow, light: np.ndarray | None) -> np.ndarray:
    """How far ``b``, along the flow, is from ``a``, (height, width), in its neighbourhood."""
    difference = warp(b, flow, cubic=True) - a
    if light is not None:
        difference += _full(light, a)
    return _near(np.abs(difference).mean(2))


def _light(own: Look, other: Beside) -> np.ndarray | None:
    """By how much the plate of ``own`` is brighter than the other's, seen from it, in large; tiny."""
    ours, theirs = own.light, other.look.light
    if ours is None or theirs is None:
        return None
    height, width = ours.shape[:2]
    scale = np.array([width / other.flow.sure.shape[1], height / other.flow.sure.shape[0]], np.float32)
    size = width, height
    vectors = cv2.resize(other.flow.vectors, size, interpolation=cv2.INTER_AREA) * scale
    sure = cv2.resize(other.flow.sure.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    difference = (ours - warp(theirs, Flow(vectors, sure > 0))) * sure[..., None]
    known = cv2.GaussianBlur(sure, (0, 0), SPREAD)
    return _volume(cv2.GaussianBlur(difference, (0, 0), SPREAD)) / np.maximum(_volume(known), 0.05)


def _faded(sure: np.ndarray) -> np.ndarray:
    inner = cv2.erode(sure.astype(np.float32), np.ones((EDGE, EDGE), np.uint8))
    return np.asarray(cv2.blur(inner, (EDGE, EDGE))) * sure


def _bell(difference: np.ndarray, width: float) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * np.square(difference * np.float32(1 / width))))


def _near(plane: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), NEAR))


def _around(plane: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.blur(plane, (WIDE, WIDE)))


def _full(planes: np.ndarray, like: np.ndarray) -> np.ndarray:
    """``planes`` (h, w, c) in the height and width of ``like``."""
    height, width = like.shape[:2]
    if planes.shape[:2] == (height, width):
        return planes
    return _volume(cv2.resize(planes, (width, height), interpolation=cv2.INTER_LINEAR))


def _volume(planes: np.ndarray) -> np.ndarray:
    """With a last axis, which OpenCV leaves out where it is 1."""
    return np.asarray(planes if planes.ndim == 3 else planes[..., None])
