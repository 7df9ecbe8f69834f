"""Strokes over a frame -> what the frame should become, and where that was said: floats, in file values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor

import cv2
import numpy as np

from understudy.artist.strokes.brush import Coverage, cover
from understudy.artist.strokes.document import Pick, Stroke, StrokesDocument, check_kind
from understudy.artist.strokes.matting import redraw_edge
from understudy.colour import ColourEncoding, from_scene_linear
from understudy.colour.scene_linear import srgb_to_linear
from understudy.errors import SettingError, SizeError
from understudy.frames import Window

TOUCHED = 0.02  # of the brush: what has less of it is no part of the edge that is drawn anew
BLUR = 0.1  # standard deviation, as part of the diameter
DISPLAY = ("srgb", "raw")  # spaces whose values a screen shows as they are

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Canvas:
    """A frame to paint on, over its display window.

    ``result`` and ``plate``: float32 (height, width, channels), file values in the channels that the network
    makes. ``picture`` gives float32 (height, width, 3), the plate in display values, for the edge brush.
    ``kind``: image or matte. ``colour``: the encoding of the result. ``result_of``: the result of another
    frame, by its number.
    """

    frame: int
    result: np.ndarray
    plate: np.ndarray
    picture: Callable[[], np.ndarray]
    kind: str
    colour: ColourEncoding
    result_of: Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Painted:
    """``truth``: float32 (height, width, channels), the result with the strokes on it; ``mask``: float32
    (height, width), 0 to 1, where it counts: 0 outside of the strokes."""

    frame: int
    truth: np.ndarray
    mask: np.ndarray


def rasterise(document: StrokesDocument, canvas: Canvas) -> Painted:
    """Lay down the strokes in their order. SettingError for a tool that does not fit what the network makes,
    a place outside of the frame, or strokes that touch nothing of it; SizeError for a frame to clone from
    that has another size; and what reading that raises."""
    check_kind([document], canvas.kind)
    truth: np.ndarray = np.array(canvas.result, np.float32)
    mask: np.ndarray = np.zeros(truth.shape[:2], np.float32)
    for stroke in document.strokes:
        coverage = cover(stroke, *mask.shape)
        if coverage.values.size:
            place = Window(0, 0, mask.shape[1], mask.shape[0]).slices_of(coverage.window)
            counts = _lay_down(stroke, coverage, canvas, truth)
            mask[place] = 1 - (1 - mask[place]) * (1 - counts)
    if not mask.any():
        raise SettingError(
            "The strokes touch nothing of the frame.",
            expected=f"strokes within {mask.shape[1]} x {mask.shape[0]} pixels",
            where=f"frame {document.frame}",
        )
    return Painted(document.frame, truth, mask)


def _lay_down(stroke: Stroke, coverage: Coverage, canvas: Canvas, truth: np.ndarray) -> np.ndarray:
    """Change ``truth`` where the stroke is; where it counts, over the window of the ``coverage``."""
    window = coverage.window
    place = Window(0, 0, truth.shape[1], truth.shape[0]).slices_of(window)
    values, there = _VALUES[stroke.tool](stroke, window, canvas, truth)
    counts = coverage.values if there is None else coverage.values * there
    strength = counts[..., None] * np.float32(stroke.opacity)
    before = truth[place]
    with np.errstate(invalid="ignore", over="ignore"):
        blended = before * (1 - strength) + values * strength
    # Full strength gives the very bits, also beside what is not finite.
    truth[place] = np.where(strength >= 1, values, np.where(strength <= 0, before, blended))
    return counts


Values = tuple[np.ndarray, np.ndarray | None]
"""What a tool puts down over a window, and where it has something to put down (None: everywhere)."""


def _constant(value: float) -> Callable[[Stroke, Window, Canvas, np.ndarray], Values]:
    def values(stroke: Stroke, window: Window, canvas: Canvas, truth: np.ndarray) -> Values:
        return np.full((window.height, window.width, truth.shape[2]), value, np.float32), None

    return values


def _reveal(stroke: Stroke, window: Window, canvas: Canvas, truth: np.ndarray) -> Values:
    return canvas.plate[_slices(window)], None


def _clone(stroke: Stroke, window: Window, canvas: Canvas, truth: np.ndarray) -> Values:
    """From another frame its result, from this one what is there by now."""
    source = truth
    if stroke.from_frame is not None and stroke.from_frame != canvas.frame:
        source = canvas.result_of(stroke.from_frame)
        if source.shape != truth.shape:
            raise SizeError(
                f"Frame {stroke.from_frame} has another size.",
                expected="{1} x {0}".format(*truth.shape),
                found="{1} x {0}".format(*source.shape),
            )
    right, down = stroke.shift
    wanted = Window(window.x + right, window.y + down, window.width, window.height)
    found = wanted.intersect(Window(0, 0, truth.shape[1], truth.shape[0]))
    values = np.array(truth[_slices(window)])
    there = np.zeros((window.height, window.width), np.float32)
    if not found.is_empty:
        inner = wanted.slices_of(found)
        values[inner], there[inner] = source[_slices(found)], 1
    return values, there


def _paint(stroke: Stroke, window: Window, canvas: Canvas, truth: np.ndarray) -> Values:
    if stroke.pick is not None:
        colour = _picked(stroke.pick, canvas)
    else:
        colour = _in_file(stroke.colour or (0.0, 0.0, 0.0), canvas.colour, truth.shape[2])
    values = np.array(truth[_slices(window)])
    values[..., : len(colour)] = colour
    return values, None


def _picked(pick: Pick, canvas: Canvas) -> np.ndarray:
    pixels = canvas.plate if pick.of == "plate" else canvas.result
    x, y = floor(pick.at[0]), floor(pick.at[1])
    if not (0 <= x < pixels.shape[1] and 0 <= y < pixels.shape[0]):
        raise SettingError(
            "A colour is picked outside of the frame.",
            expected=f"a place within {pixels.shape[1]} x {pixels.shape[0]} pixels",
            found=f"{pick.at[0]:g}, {pick.at[1]:g}",
            where=f"frame {canvas.frame}",
        )
    return pixels[y, x]


def _in_file(display: Sequence[float], colour: ColourEncoding, channels: int) -> np.ndarray:
    """A colour of the screen in file values; its luminance for fewer than three channels."""
    shown = np.asarray(display, np.float32).reshape(1, 1, 3)
    if channels < 3:
        grey = float((shown * LUMINANCE).sum())
        shown = np.full((1, 1, 3), grey, np.float32)
    values = shown if colour.space in DISPLAY else from_scene_linear(srgb_to_linear(shown), colour)
    return values[0, 0, : min(channels, 3)]


def _blur(stroke: Stroke, window: Window, canvas: Canvas, truth: np.ndarray) -> Values:
    sigma = max(stroke.size * BLUR, 0.5)
    around = _around(window, floor(4 * sigma) + 1, truth)
    part = np.nan_to_num(truth[_slices(around)], nan=0.0, posinf=65504.0, neginf=-65504.0)
    soft = cv2.GaussianBlur(part, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    soft = soft.reshape(part.shape)
    return soft[around.slices_of(window)], None


def _edge(stroke: Stroke, window: Window, canvas: Canvas, truth: np.ndarray) -> Values:
    around = _around(window, floor(stroke.size / 2) + 8, truth)
    place = _slices(around)
    coverage = cover(stroke.model_copy(update={"hardness": 1.0}), *truth.shape[:2])
    band = np.zeros((around.height, around.width), bool)
    band[around.slices_of(coverage.window)] = coverage.values > TOUCHED
    matte = np.clip(np.nan_to_num(truth[(*place, 0)]), 0, 1)
    picture = np.clip(np.nan_to_num(canvas.picture()[place]), 0, 1)
    new = redraw_edge(picture, matte, band, stroke.size / 2)
    return np.repeat(new[around.slices_of(window)][..., None], truth.shape[2], axis=2), None


def _around(window: Window, margin: int, truth: np.ndarray) -> Window:
    wide = Window(window.x - margin, window.y - margin, window.width + 2 * margin, window.height + 2 * margin)
    return wide.intersect(Window(0, 0, truth.shape[1], truth.shape[0]))


def _slices(window: Window) -> tuple[slice, slice]:
    return slice(window.y, window.bottom), slice(window.x, window.right)


_VALUES: dict[str, Callable[[Stroke, Window, Canvas, np.ndarray], Values]] = {
    "add": _constant(1.0),
    "remove": _constant(0.0),
    "edge": _edge,
    "reveal": _reveal,
    "clone": _clone,
    "paint": _paint,
    "blur": _blur,
}
