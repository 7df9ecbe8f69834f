"""What strokes made of frames, as files: truth.1001.exr and mask.1001.exr, in 32-bit floats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from understudy.artist.strokes.raster import Painted
from understudy.frames import Frame, Part, Window, write_image_file
from understudy.frames.sequence import parse_pattern

TRUTH, MASK = "truth.####.exr", "mask.####.exr"
MASK_CHANNEL = "Y"


def write_painted(folder: Path, painted: Painted, channels: Sequence[str], plate: Frame) -> None:
    """Write truth and mask of a frame into ``folder``, over the plate's display window; the truth's channels
    bear the names ``channels``. WriteError."""
    window = plate.display_window
    _write(folder / TRUTH, painted.frame, painted.truth, channels, window)
    _write(folder / MASK, painted.frame, painted.mask[..., None], (MASK_CHANNEL,), window)


def _write(spec: Path, number: int, pixels: np.ndarray, channels: Sequence[str], window: Window) -> None:
    pattern = parse_pattern(str(spec))
    assert pattern is not None
    path = pattern.path(number)
    planes = {name: np.ascontiguousarray(pixels[..., at]) for at, name in enumerate(channels)}
    part = Part("", tuple(channels), planes, _spec(window, channels))
    write_image_file(path, Frame((part,), path, number), depth="float", compression="zips")


def _spec(window: Window, channels: Sequence[str]) -> oiio.ImageSpec:
    spec = oiio.ImageSpec(window.width, window.height, len(channels), "float")
    spec.channelnames = tuple(channels)
    spec.x, spec.y, spec.full_x, spec.full_y = window.x, window.y, window.x, window.y
    spec.full_width, spec.full_height = window.width, window.height
    return spec
