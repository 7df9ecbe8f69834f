"""A part of a frame that is computed alone: what the network has to see so that its pixels are the whole
frame's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.frames import Window
from understudy.frames.nonfinite import fill_nonfinite, is_bad
from understudy.inference.tiles import cut, margin_for, round_up

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Part:
    """Windows of one frame, counted from its first pixel. ``kept``: what is asked for. ``seen``: what the
    network is given for it, on its grid or to the frame's end. ``encoded``: what is taken to network values
    for that; more than ``seen`` where the network knows something of the whole frame."""

    encoded: Window
    seen: Window
    kept: Window

    def of_encoded(self, planes: Tensor, factor: int, stride: int) -> Tensor:
        """What the network sees of planes (1, C, H, W) that cover ``encoded``, padded to the stride, and are
        ``factor`` times smaller than the frame."""
        rows, columns = self.encoded.slices_of(self.seen)
        bottom, right = (
            round_up(end, stride) if end == length else end
            for end, length in ((rows.stop, self.encoded.height), (columns.stop, self.encoded.width))
        )
        return cut(planes, slice(rows.start, bottom), slice(columns.start, right), factor)


def plan_part(frame: Window, kept: Window, reach: int, grid: int, whole: bool) -> Part:
    """How to compute ``kept`` of ``frame``. ``grid``: what the network's parts begin and end on. ``whole``:
    whether it knows something of all of the frame."""
    margin = margin_for("auto", reach, grid)
    x, right = _with_context(kept.x, kept.right, frame.width, margin, grid)
    y, bottom = _with_context(kept.y, kept.bottom, frame.height, margin, grid)
    seen = Window(x, y, right - x, bottom - y)
    return Part(frame if whole else seen, seen, kept)


def _with_context(start: int, stop: int, length: int, margin: int, grid: int) -> tuple[int, int]:
    """Along one axis: the margin before and after what is kept, from one line of the grid to another, or to
    the end of the frame."""
    first = start // grid * grid - margin
    return max(first, 0), min(round_up(stop, grid) + margin, length)


def filled_part(pixels: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """``window`` of pixels (height, width, channels) as float32, where every value that is no number is the
    one that ``fill_nonfinite`` gives it in the whole frame; and where that is so, a mask of the same
    shape."""
    rows, columns = slices(window)
    part = np.ascontiguousarray(pixels[rows, columns], dtype=np.float32)
    bad = is_bad(part)
    if not bad.any():
        return part, bad
    whole = np.ascontiguousarray(pixels, dtype=np.float32)
    return np.ascontiguousarray(fill_nonfinite(whole)[0][rows, columns]), bad


def filled_parts(layers: Iterable[np.ndarray], window: Window) -> Iterator[np.ndarray]:
    """What ``filled_part`` makes of each; a layer is let go before the next is asked for."""
    return map(lambda pixels: filled_part(pixels, window)[0], layers)


def slices(window: Window) -> tuple[slice, slice]:
    """Rows and columns of a window that is counted from an array's first pixel."""
    return slice(window.y, window.bottom), slice(window.x, window.right)


def bounding_box(mask: np.ndarray) -> Window:
    """The smallest window that has every pixel of a mask (height, width, 1) above 0; without pixels where
    there is none."""
    shown = mask[..., 0] > 0
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    if not len(rows):
        return Window(0, 0, 0, 0)
    top, left = int(rows[0]), int(columns[0])
    return Window(left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)


def within(window: Window, inner: Window) -> Window:
    """``inner``, counted from the first pixel of ``window``."""
    return Window(inner.x - window.x, inner.y - window.y, inner.width, inner.height)


def grown(window: Window, by: int, frame: Window) -> Window:
    """``window`` with so many pixels more on each side, as far as the ``frame`` goes."""
    return Window(window.x - by, window.y - by, window.width + 2 * by, window.height + 2 * by).intersect(
        frame
    )
