"""Frames a whole number of times larger: windows and planes, as a network that enlarges leaves them behind.

Colours and coverage are bicubic (Keys, a = -0.5), and held between the least and the most of the pixels about
each, so that nothing rings. Depth, ids and all else is what it was, as no value between two is one of them.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import OpenImageIO as oiio

from understudy.frames.frame import Frame, Part, is_colour
from understudy.frames.nonfinite import fill_nonfinite, is_bad
from understudy.frames.values import to_float32

REACH = 2
"""Pixels on each side that a bicubic value looks at."""

PIXELS_ACROSS = ("Exif:PixelXDimension", "Exif:PixelYDimension")
"""What a header says of the size, beside the size."""

_ABOUT = np.ones((3, 3), np.uint8)


def cubic_taps(factor: int) -> np.ndarray:
    """float64 (factor, 5): the weights of a pixel and two on each side, for each of the ``factor`` pixels
    that it becomes along one axis."""
    offsets = (np.arange(factor) + 0.5) / factor - 0.5
    distance = np.abs(np.arange(-REACH, REACH + 1) - offsets[:, None])
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


def enlarged_planes(planes: np.ndarray, factor: int) -> np.ndarray:
    """Colours (height, width, channels) as float32, bicubic; what is no number is that in all of its pixels.
    The planes themselves where ``factor`` is 1."""
    if factor == 1:
        return planes
    made = [_enlarged(np.ascontiguousarray(planes[..., c]), factor) for c in range(planes.shape[2])]
    return np.stack(made, axis=-1)


def repeated(values: np.ndarray, factor: int) -> np.ndarray:
    """Every value of (height, width, ...) ``factor`` times down and across."""
    return values if factor == 1 else values.repeat(factor, axis=0).repeat(factor, axis=1)


def enlarged_mask(mask: np.ndarray, factor: int) -> np.ndarray:
    """A mask (height, width, 1) of 0 to 1, straight between its pixels."""
    if factor == 1:
        return mask
    height, width = mask.shape[:2]
    size = (width * factor, height * factor)
    return cv2.resize(np.ascontiguousarray(mask[..., 0]), size, interpolation=cv2.INTER_LINEAR)[..., None]


def enlarged_frame(frame: Frame, factor: int) -> Frame:
    """A frame of all its parts and channels, whose windows, their origins too, are ``factor`` times larger.
    Its pixels have the shape that they had, and its header says what it said."""
    if factor == 1:
        return frame
    return replace(frame, parts=tuple(_enlarged_part(part, factor) for part in frame.parts))


def _enlarged_part(part: Part, factor: int) -> Part:
    spec = oiio.ImageSpec(part.spec)
    for name in ("x", "y", "width", "height", "full_x", "full_y", "full_width", "full_height"):
        setattr(spec, name, getattr(spec, name) * factor)
    for name in PIXELS_ACROSS:
        if (pixels := spec.get_int_attribute(name, 0)) > 0:
            spec.attribute(name, pixels * factor)
    planes = {name: _enlarged_channel(name, plane, factor) for name, plane in part.pixels.items()}
    return Part(part.name, part.channels, planes, spec)


def _enlarged_channel(name: str, plane: np.ndarray, factor: int) -> np.ndarray:
    return _enlarged(to_float32(plane), factor) if is_colour(name) else repeated(plane, factor)


def _enlarged(plane: np.ndarray, factor: int) -> np.ndarray:
    plane = np.ascontiguousarray(plane, np.float32)
    bad = is_bad(plane)
    known = fill_nonfinite(plane[..., None])[0][..., 0] if bad.any() else plane
    known = np.ascontiguousarray(known)
    least, most = cv2.erode(known, _ABOUT), cv2.dilate(known, _ABOUT)
    out = np.empty((plane.shape[0] * factor, plane.shape[1] * factor), np.float32)
    taps = cubic_taps(factor)
    for row in range(factor):
        for column in range(factor):
            made = cv2.sepFilter2D(known, -1, taps[column], taps[row], borderType=cv2.BORDER_REPLICATE)
            out[row::factor, column::factor] = np.clip(made, least, most)
    return np.where(repeated(bad, factor), repeated(plane, factor), out) if bad.any() else out
