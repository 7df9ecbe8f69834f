"""What is done to a matte, in its order."""

from __future__ import annotations

import math

import cv2
import numpy as np

from understudy.errors import SettingError
from understudy.finishing.despeckle import despeckle, despeckle_reach
from understudy.finishing.edges import edge_only, grow, grow_reach
from understudy.settings import FinishingSettings

SIGMAS = 4
"""How many standard deviations of the Gaussian count: beyond them lies less than a ten-thousandth."""


def finish_matte(matte: np.ndarray, asked: FinishingSettings) -> np.ndarray:
    """A matte, float32 (height, width), as it is ``asked`` for; the array itself where nothing is.

    First what is wrong goes (clip, despeckle), then the edge is moved and shaped (grow, soften, gamma), and
    last the matte becomes another one (edge, invert).
    """
    matte = _clipped(matte, asked.clip_black, asked.clip_white)
    matte = despeckle(matte, asked.despeckle)
    matte = grow(matte, asked.grow)
    matte = _softened(matte, asked.soften)
    matte = matte if asked.gamma == 1 else np.maximum(matte, 0) ** np.float32(1 / asked.gamma)
    matte = edge_only(matte, asked.edge) if asked.edge else matte
    return 1 - matte if asked.invert else matte


def matte_reach(asked: FinishingSettings) -> int:
    """Pixels of context on each side from which ``finish_matte`` gives a part of a frame as in the whole."""
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
    if black <= 0 and white >= 1:
        return matte
    return np.clip((matte - np.float32(black)) / np.float32(white - black), 0, 1)


def _softened(matte: np.ndarray, sigma: float) -> np.ndarray:
    if sigma <= 0:
        return matte
    side = 2 * _blur_radius(sigma) + 1
    return np.asarray(cv2.GaussianBlur(matte, (side, side), sigma, borderType=cv2.BORDER_REPLICATE))


def _blur_radius(sigma: float) -> int:
    return math.ceil(SIGMAS * sigma)
