"""What is done to a matte, in its order."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import cv2
import numpy as np

from understudy.errors import SettingError
from understudy.finishing.despeckle import despeckle, despeckle_reach
from understudy.finishing.edges import edge_only, grow, grow_reach
from understudy.finishing.motion_blur import Motion, motion_blurred
from understudy.settings import FinishingSettings

Step = Callable[[np.ndarray], np.ndarray]

SIGMAS = 4
"""How many standard deviations of the Gaussian count: beyond them lies less than a ten-thousandth."""


def finish_matte(matte: np.ndarray, asked: FinishingSettings, motion: Motion | None = None) -> np.ndarray:
    """A matte, float32 (height, width), as it is ``asked`` for; the array itself where nothing is.

    First what is wrong goes (clip, despeckle), then the edge is moved and shaped (grow, soften, gamma, motion
    blur along the plate's ``motion``, where that is known), and last the matte becomes another one (edge,
    invert).
    """
    for _, step in matte_steps(asked, motion):
        matte = step(matte)
    return matte


def matte_steps(asked: FinishingSettings, motion: Motion | None = None) -> tuple[tuple[Hashable, Step], ...]:
    """What ``finish_matte`` does, step by step: of each its name and values, and what does it."""
    every: tuple[tuple[bool, str, Callable[..., np.ndarray], tuple[Any, ...]], ...] = (
        (
            asked.clip_black > 0 or asked.clip_white < 1,
            "clip",
            _clipped,
            (asked.clip_black, asked.clip_white),
        ),
        (asked.despeckle > 1, "despeckle", despeckle, (asked.despeckle,)),
        (asked.grow != 0, "grow", grow, (asked.grow,)),
        (asked.soften > 0, "soften", _softened, (asked.soften,)),
        (asked.gamma != 1, "gamma", _brightened, (asked.gamma,)),
        (motion is not None and asked.motion_blur != "none", "motion blur", motion_blurred, (motion,)),
        (asked.edge > 0, "edge", edge_only, (asked.edge,)),
        (asked.invert, "invert", _inverted, ()),
    )
    return tuple(
        ((name, *values), partial(_run, step, values)) for wanted, name, step, values in every if wanted
    )


def _run(step: Callable[..., np.ndarray], values: tuple[Any, ...], matte: np.ndarray) -> np.ndarray:
    return step(matte, *values)


def matte_reach(asked: FinishingSettings) -> int:
    """Pixels of context on each side from which ``finish_matte`` gives a part of a frame as in the whole; a
    motion blur asks for all of it."""
    return (
        despeckle_reach(asked.despeckle)
        + grow_reach(asked.grow)
        + _blur_radius(asked.soften)
        + grow_reach(asked.edge / 2)
    )


def check_clip(asked: FinishingSettings) -> None:
    """SettingError unless black is darker than white."""
    if asked.clip_black >= asked.clip_white:
        raise SettingError(
            "Black and white of the matte are clipped to nothing.",
            expected="a --clip-black below --clip-white",
            found=f"{asked.clip_black:g} and {asked.clip_white:g}",
            where="--clip-black (Clip Black)",
            remedy="Lower --clip-black, or raise --clip-white.",
        )


def _clipped(matte: np.ndarray, black: float, white: float) -> np.ndarray:
    return np.clip((matte - np.float32(black)) / np.float32(white - black), 0, 1)


def _softened(matte: np.ndarray, sigma: float) -> np.ndarray:
    side = 2 * _blur_radius(sigma) + 1
    return np.asarray(cv2.GaussianBlur(matte, (side, side), sigma, borderType=cv2.BORDER_REPLICATE))


def _brightened(matte: np.ndarray, gamma: float) -> np.ndarray:
    return np.asarray(np.maximum(matte, 0) ** np.float32(1 / gamma))


def _inverted(matte: np.ndarray) -> np.ndarray:
    return 1 - matte


def _blur_radius(sigma: float) -> int:
    return math.ceil(SIGMAS * sigma)
