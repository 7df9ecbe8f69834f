"""Frames, contact sheets and previews -> 8-bit pixels for a screen."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from understudy.colour import PLAIN, ColourEncoding, to_scene_linear
from understudy.colour.scene_linear import linear_to_srgb
from understudy.errors import SizeError
from understudy.frames import Frame, resolve_channels
from understudy.monitor.images.made_layers import keyed_pixels, motion_pixels
from understudy.monitor.images.png import encode_png

MEMORY = 300_000_000  # bytes of decoded pixels kept
DISPLAY = ("srgb", "raw")  # spaces whose values a screen shows as they are


@dataclass(frozen=True)
class ViewerSettings:
    """How a picture is shown. ``exposure`` in stops, ``gamma`` above 0, ``gain`` of a difference,
    ``size`` the longest side in pixels (0: unchanged)."""

    exposure: float = 0.0
    gamma: float = 1.0
    gain: float = 1.0
    size: int = 0


@dataclass(frozen=True)
class Picture:
    """``pixels`` float32 (height, width, 3) in ``encoding``."""

    pixels: np.ndarray
    encoding: ColourEncoding


def picture_of(frame: Frame, encoding: ColourEncoding | None = None) -> Picture:
    """The colours of ``frame``, or its one channel as grey; what was keyed over black, motion as colours.
    Without ``encoding`` the file's type decides."""
    vectors = motion_pixels(frame)
    if vectors is not None:
        return Picture(vectors, PLAIN)
    stored = encoding or ColourEncoding(space="srgb" if frame.is_integer else "linear")
    keyed = keyed_pixels(frame)
    if keyed is not None:
        return Picture(keyed, stored)
    names = resolve_channels(frame)[:3]
    pixels = frame.planes(names)
    if pixels.shape[2] != 3:
        pixels = np.repeat(pixels[..., :1], 3, axis=2)
    return Picture(pixels, stored)


def png_of(picture: Picture, view: ViewerSettings) -> bytes:
    """``picture`` as a PNG for a screen."""
    return _png(_displayed(_shrunk(picture, view.size), view))


def difference_png(one: Picture, other: Picture, view: ViewerSettings) -> bytes:
    """The absolute difference in display values, times the gain. SizeError when the sizes differ."""
    if one.pixels.shape != other.pixels.shape:
        raise SizeError(
            "The two pictures are not of the same size.",
            expected="{1} x {0}".format(*one.pixels.shape),
            found="{1} x {0}".format(*other.pixels.shape),
        )
    plain = ViewerSettings(view.exposure, view.gamma, 1.0, view.size)
    apart = _displayed(_shrunk(one, view.size), plain) - _displayed(_shrunk(other, view.size), plain)
    return _png(np.abs(apart) * np.float32(view.gain))


def _displayed(picture: Picture, view: ViewerSettings) -> np.ndarray:
    """Display values, 0 to 1 and beyond."""
    pixels = np.nan_to_num(picture.pixels, nan=0.0, posinf=65504.0, neginf=-65504.0)
    stops = np.float32(2.0**view.exposure)
    if picture.encoding.space not in DISPLAY:
        pixels = linear_to_srgb(to_scene_linear(pixels, picture.encoding) * stops)
    elif view.exposure:
        srgb = ColourEncoding(space="srgb")
        pixels = linear_to_srgb(to_scene_linear(pixels, srgb) * stops)
    if view.gamma != 1.0:
        pixels = np.clip(pixels, 0.0, None) ** np.float32(1.0 / view.gamma)
    return pixels


def _shrunk(picture: Picture, size: int) -> Picture:
    """Averaged over whole blocks until the longest side fits ``size``."""
    height, width = picture.pixels.shape[:2]
    if not size or max(height, width) <= size:
        return picture
    block = -(-max(height, width) // size)
    down, across = min(block, height), min(block, width)
    high, wide = height // down, width // across
    cut = picture.pixels[: high * down, : wide * across]
    pixels = cut.reshape(high, down, wide, across, 3).mean(axis=(1, 3), dtype=np.float32)
    return Picture(pixels, picture.encoding)


def _png(display: np.ndarray) -> bytes:
    return encode_png((np.clip(display, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8))


class PictureCache:
    """The decoded pictures used last, so that an exposure slider does not read the file at each move.

    Thread-safe; holds at most ``MEMORY`` bytes."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[Any, Picture] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any, read: Callable[[], Picture]) -> Picture:
        """The picture under ``key``, read when it is not there."""
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
                return self._pictures[key]
        picture = read()
        with self._lock:
            self._pictures[key] = picture
            while len(self._pictures) > 1 and sum(p.pixels.nbytes for p in self._pictures.values()) > MEMORY:
                self._pictures.popitem(last=False)
        return picture


def stamp(path: Path) -> tuple[str, int, int]:
    """(path, modification time in ns, size in bytes): changes when the file does."""
    status = path.stat()
    return str(path), status.st_mtime_ns, status.st_size


def tag(*parts: object) -> str:
    """A short hash of the arguments, for an ETag."""
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
