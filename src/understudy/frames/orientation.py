"""Pictures that lie on their side in the file: turned upright as they are read, and back as they are written.

Cameras write the rows as the sensor gives them, and say in the header how the picture is to be held (the
``Orientation`` of Exif and TIFF). The header keeps saying it; planes and windows are upright in between.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import OpenImageIO as oiio

ATTRIBUTE = "Orientation"
TURNED = ("jpeg", "tiff", "png")
# From rows as stored to upright, one after the other: t swaps rows and columns, h mirrors left and right, v
# top and bottom. Backwards it is the way back.
_STEPS = {2: "h", 3: "hv", 4: "v", 5: "t", 6: "th", 7: "thv", 8: "tv"}


def turns_of(spec: oiio.ImageSpec, file_format: str) -> str:
    """The steps from a file of that format to an upright picture; empty where it is upright."""
    return _STEPS.get(spec.get_int_attribute(ATTRIBUTE, 1), "") if file_format in TURNED else ""


def turned(planes: Iterable[np.ndarray], steps: str) -> list[np.ndarray]:
    """Planes (height, width) after ``steps``, as views."""
    return [_turned_plane(plane, steps) for plane in planes]


def _turned_plane(plane: np.ndarray, steps: str) -> np.ndarray:
    for step in steps:
        plane = plane.T if step == "t" else plane[:, ::-1] if step == "h" else plane[::-1]
    return plane


def turn_windows(spec: oiio.ImageSpec, steps: str) -> None:
    """Have the windows of ``spec``, and the shape of its pixels, follow ``steps``."""
    for step in steps:
        left, top = spec.x - spec.full_x, spec.y - spec.full_y
        if step == "t":
            spec.width, spec.height = spec.height, spec.width
            spec.full_width, spec.full_height = spec.full_height, spec.full_width
            left, top = top, left
            _swap_aspect(spec)
        elif step == "h":
            left = spec.full_width - left - spec.width
        else:
            top = spec.full_height - top - spec.height
        spec.x, spec.y = spec.full_x + left, spec.full_y + top


def _swap_aspect(spec: oiio.ImageSpec) -> None:
    aspect = spec.get_float_attribute("PixelAspectRatio", 1.0)
    if aspect not in (0.0, 1.0):
        spec.attribute("PixelAspectRatio", 1.0 / aspect)
    across, down = spec.getattribute("XResolution"), spec.getattribute("YResolution")
    if across is not None and down is not None and across != down:
        spec.attribute("XResolution", down)
        spec.attribute("YResolution", across)
