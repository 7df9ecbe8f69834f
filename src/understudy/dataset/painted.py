"""What an artist painted, where nobody says it: colours, an alpha, or a matte that was rendered as grey."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from understudy.errors import ChannelError
from understudy.frames import Frame, resolve_channels
from understudy.frames.matte import largest_of, white_of

Pairs = Callable[[], Iterator[tuple[Frame, Frame]]]
ALONE = 0.004
"""How far apart values may be that count as the same: one code of 8 bits, which writing a picture again moves
it by."""
MOST = 8
TWO_LEVELS = 0.6
EXPLAINED = 0.9
SAMPLES = 20_000


@dataclass(frozen=True)
class Painted:
    """Which channels of the truths are meant: those that ``request`` names. ``is_grey``: a matte in R, G and
    B alike. ``note``: a sentence, where there was something to choose."""

    request: str | None
    is_grey: bool = False
    note: str = ""


def find_painted(pairs: Pairs) -> Painted:
    """What is painted, by plates and truths, of which no more are read than it needs to tell."""
    alpha = _alpha_alone(pairs())
    if alpha:
        return Painted("alpha", note=_CUT_OUT if alpha == "cut out" else "")
    grey = _grey(pairs)
    if grey == "matte":
        return Painted("rgb", True, _GREY_MATTE)
    notes = [_GREY_COLOURS if grey == "colours" else "", _ALPHA_TOO if _alpha_is_painted(pairs) else ""]
    return Painted(None, note=" ".join(filter(None, notes)))


def find_painted_earlier(pairs: Pairs) -> Painted:
    """What it was before version 0.2.0: the alpha where nothing else differs, not even by rounding, or else
    what is there."""
    differs = False
    try:
        for plate, truth in pairs():
            if not np.array_equal(_planes(plate, "rgb", plate), _planes(truth, "rgb", truth), equal_nan=True):
                return Painted(None)
            has_alpha = bool({"A", "alpha"} & set(plate.channels))
            alpha = _planes(truth, "alpha", truth)
            differs = differs or not has_alpha or _differs(plate, alpha)
    except ChannelError:
        return Painted(None)
    return Painted("alpha" if differs else None)


_CUT_OUT = (
    "The ground truth is the plate, cut out by its alpha: the alpha is taken as a matte "
    "(--ground-truth-channels rgb takes the colours)."
)
_GREY_MATTE = (
    "The ground truth is black and white in R, G and B alike: taken as a matte, which leaves the plate's "
    "colours as they are (--ground-truth-channels rgb takes it as a picture)."
)
_GREY_COLOURS = (
    "The ground truth is grey, R, G and B alike: taken as a picture that replaces the plate's colours "
    "(--ground-truth-channels R takes it as a matte)."
)
_ALPHA_TOO = (
    "The ground truth's alpha is painted too, and is not learned (--ground-truth-channels alpha learns it as "
    "a matte, rgba with the colours)."
)


def _alpha_alone(pairs: Iterator[tuple[Frame, Frame]]) -> str:
    """``alone`` where no pair differs in its colours, and at least one in its alpha: on some frames a matte
    may be empty, as the plate's alpha is. ``cut out`` where the colours are the plate's times the alpha. Else
    empty."""
    painted = cut = False
    try:
        for plate, truth in pairs:
            alpha = _planes(truth, "alpha", truth)
            before, after = _planes(plate, "rgb", plate), _planes(truth, "rgb", truth)
            if not _same(before, after):
                if not _is_cut_out(before, after, alpha):
                    return ""
                cut = True
            painted = painted or _differs(plate, alpha)
    except ChannelError:
        return ""
    return ("cut out" if cut else "alone") if painted else ""


def _differs(plate: Frame, alpha: np.ndarray) -> bool:
    """Whether an alpha was painted: it is another one than the plate's, or not 1 everywhere."""
    if not {"A", "alpha"} & set(plate.channels):
        return bool((alpha != 1).any())
    before = _planes(plate, "alpha", plate)
    return not np.array_equal(before, alpha, equal_nan=True)


def _planes(frame: Frame, names: str, other: Frame) -> np.ndarray:
    return frame.planes(resolve_channels(frame, names), other.display_window)


def _same(before: np.ndarray, after: np.ndarray) -> bool:
    if before.shape != after.shape:
        return False
    with np.errstate(invalid="ignore"):
        near = np.abs(after - before) <= ALONE + ALONE * np.abs(before)
    return bool((near | (before == after) | (np.isnan(before) & np.isnan(after))).all())


def _is_cut_out(before: np.ndarray, after: np.ndarray, alpha: np.ndarray) -> bool:
    """Whether the colours are the plate's where the alpha is 1, and black where it is 0."""
    if before.shape != after.shape:
        return False
    inside, outside = alpha[..., 0] >= 1, alpha[..., 0] <= 0
    if not (inside.any() and outside.any()):
        return False
    return _same(before[inside], after[inside]) and _same(np.zeros_like(after[outside]), after[outside])


def _grey(pairs: Pairs) -> str:
    """``matte`` or ``colours`` where R, G and B are alike in all truths and not in the plates; else empty."""
    greys: list[np.ndarray] = []
    befores: list[np.ndarray] = []
    try:
        for plate, truth in itertools.islice(pairs(), MOST):
            before, after = _planes(plate, "rgb", plate), _planes(truth, "rgb", truth)
            if before.shape != after.shape or _is_grey(before) or not _is_grey(after):
                return ""
            step = max(1, after.shape[0] * after.shape[1] // SAMPLES)
            greys.append(after[..., 0].ravel()[::step])
            befores.append(before.reshape(-1, 3)[::step])
    except ChannelError:
        return ""
    grey, before = np.concatenate(greys), np.concatenate(befores)
    if _is_explained(before, grey):
        return ""
    return "matte" if _has_two_levels(grey) else "colours"


def _is_grey(planes: np.ndarray) -> bool:
    finite = np.nan_to_num(planes, nan=0.0, posinf=0.0, neginf=0.0)
    return bool(np.abs(finite - finite[..., :1]).max() <= ALONE * max(1.0, float(np.abs(finite).max())))


def _has_two_levels(grey: np.ndarray) -> bool:
    """Whether most of it is black or white, and some of it white."""
    largest = largest_of(grey)
    white = white_of(largest)
    black, full = grey <= 0.02 * white, grey >= 0.98 * white
    return bool(full.any()) and float((black | full).mean()) >= TWO_LEVELS


def _is_explained(before: np.ndarray, grey: np.ndarray) -> bool:
    """Whether it is the plate without its colours: a sum of them tells it. A difference, such as red without
    green, is a key, and makes a matte."""
    finite = np.isfinite(before).all(1) & np.isfinite(grey)
    columns = np.concatenate([before[finite], np.ones((int(finite.sum()), 1), np.float32)], 1).astype(float)
    wanted = grey[finite].astype(float)
    if not len(wanted) or wanted.std() < 1e-6:
        return False
    weights = np.linalg.lstsq(columns, wanted, rcond=None)[0]
    left = np.var(wanted - columns @ weights) / np.var(wanted)
    return bool(left < 1 - EXPLAINED and weights[:3].min() > -0.1 * weights[:3].max())


def _alpha_is_painted(pairs: Pairs) -> bool:
    """Whether one of the first truths has an alpha that is neither the plate's nor all the same."""
    try:
        for plate, truth in itertools.islice(pairs(), 3):
            alpha = _planes(truth, "alpha", truth)
            if alpha.min() < alpha.max() and _differs(plate, alpha):
                return True
    except ChannelError:
        return False
    return False
