"""Straight and premultiplied colours: the only place that knows which file holds which, and converts.

PNG, TGA and movies hold straight (unassociated) colours, as does a TIFF that says so; EXR and all others hold
premultiplied (associated) ones. Frames that go from one kind to the other are multiplied by their alpha, or
divided by it, in the values of the file. A network sees premultiplied colours, whatever the file is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import OpenImageIO as oiio

from understudy.frames.frame import Frame
from understudy.frames.values import to_float32
from understudy.frames.window import Window

STRAIGHT = ("png", "targa", "movie")
_ALPHA = ("a", "alpha")
_COLOURS = ("r", "g", "b", "y", "red", "green", "blue")
MULTIPLIED = "colours are multiplied by alpha, as {} holds them premultiplied"
DIVIDED = "colours are divided by alpha, as {} holds them straight"
HIDDEN = "colours where alpha is 0 are black in {}, which holds them premultiplied"
LIGHT = "{} cannot hold light that covers nothing: colours where alpha is 0 are kept, but not seen"


def is_straight(frame: Frame) -> bool:
    """Whether the frame's file holds colours that are not multiplied by its alpha."""
    said = frame.part.spec.get_int_attribute("oiio:UnassociatedAlpha", 0)
    return frame.file_format in STRAIGHT or (frame.file_format == "tiff" and said > 0)


def as_premultiplied(frame: Frame) -> Frame:
    """The frame, whose colours have been multiplied by its alpha: they are written as they are."""
    parts = list(frame.parts)
    spec = oiio.ImageSpec(frame.part.spec)
    spec.erase_attribute("oiio:UnassociatedAlpha")
    parts[frame.selected] = replace(frame.part, spec=spec)
    return replace(frame, parts=tuple(parts), keyed=True)


def across(
    frame: Frame, names: Sequence[str], planes: list[np.ndarray], target: str
) -> tuple[list[np.ndarray], list[str]]:
    """The ``planes`` of a frame's channels ``names`` as a file of the format ``target`` holds them, and notes
    on what that does. They are as they were where there is no alpha, where it is 1 everywhere, where both
    files hold the same, and where the alpha is a matte that the colours know nothing of."""
    straight = target in STRAIGHT
    alphas = [index for index, name in enumerate(names) if _short(name) in _ALPHA]
    if not alphas or frame.keyed or straight == is_straight(frame):
        return planes, []
    alpha = to_float32(planes[alphas[0]])
    if bool((alpha == 1).all()):
        return planes, []
    layer = names[alphas[0]].rpartition(".")[0]
    converted = list(planes)
    hidden = False
    for index, name in enumerate(names):
        if _short(name) in _COLOURS and name.rpartition(".")[0] == layer:
            colour = to_float32(planes[index])
            hidden = hidden or bool((colour[alpha == 0] != 0).any())
            converted[index] = divided(colour, alpha) if straight else multiplied(colour, alpha)
    words = [DIVIDED if straight else MULTIPLIED, *([LIGHT if straight else HIDDEN] if hidden else [])]
    return converted, [each.format(target) for each in words]


def seen_planes(frame: Frame, names: Sequence[str], window: Window | None = None) -> np.ndarray:
    """What ``Frame.planes`` gives, as a network sees it: with premultiplied colours."""
    planes = frame.planes(names, window)
    alpha = straight_alpha(frame, window)
    return planes if alpha is None else _with_multiplied(planes, names, alpha)


def _with_multiplied(planes: np.ndarray, names: Sequence[str], alpha: np.ndarray) -> np.ndarray:
    """``planes`` themselves, their colours multiplied."""
    for index, name in enumerate(names):
        if name.lower() in _COLOURS:
            planes[..., index] = multiplied(planes[..., index], alpha)
    return planes


def unseen_planes(
    frame: Frame, names: Sequence[str], made: np.ndarray, window: Window | None = None
) -> np.ndarray:
    """What a network ``made`` of the channels ``names``, as the frame's file holds them. Where the alpha is
    0, or the network changed nothing, the colours of the file stay."""
    alpha = straight_alpha(frame, window)
    if alpha is None:
        return made
    own = frame.planes(names, window)
    seen = _with_multiplied(own.copy(), names, alpha)
    out = made.copy()
    for index, name in enumerate(names):
        if name.lower() in _ALPHA:
            alpha = made[..., index]
    for index, name in enumerate(names):
        if name.lower() in _COLOURS:
            keeps = (alpha == 0) | (made[..., index] == seen[..., index])
            out[..., index] = np.where(keeps, own[..., index], divided(made[..., index], alpha))
    return out


def straight_alpha(frame: Frame, window: Window | None = None) -> np.ndarray | None:
    """The alpha (height, width) that a frame's colours are to be multiplied by; None where there is none, or
    it is 1 everywhere, they are already, or are seen as they are."""
    if frame.as_held or not has_alpha(frame) or not is_straight(frame):
        return None
    alpha = frame.planes(_alphas(frame)[:1], window)[..., 0]
    return None if bool((alpha == 1).all()) else alpha


def has_alpha(frame: Frame) -> bool:
    """Whether the frame's file has an alpha beside its colours."""
    return bool(_alphas(frame))


def _alphas(frame: Frame) -> list[str]:
    return [name for name in frame.part.channels if name.lower() in _ALPHA and name not in frame.added]


def multiplied(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Straight colours as premultiplied ones; also 0 where the alpha is 0 and the colour is no number."""
    with np.errstate(invalid="ignore"):
        return np.where(alpha == 0, np.float32(0), colour * alpha)


def divided(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Premultiplied colours as straight ones; as they are where the alpha is 0."""
    return np.divide(colour, alpha, out=colour.copy(), where=alpha != 0)


def _short(name: str) -> str:
    return name.rpartition(".")[2].lower()
