"""Frames, contact sheets and previews -> pixels that a screen can show."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from understudy.colour import ColourEncoding, to_scene_linear
from understudy.colour.scene_linear import linear_to_srgb
from understudy.errors import SizeError
from understudy.frames import Frame, resolve_channels
from understudy.monitor.images.png import encode_png

MEMORY = 300_000_000  # bytes of decoded pixels kept
DISPLAY = ("srgb", "raw")  # spaces whose values a screen shows as they are


@dataclass(frozen=True)
class Look:
    """How to show it. ``exposure`` in stops, ``gamma`` above 0, ``gain`` of a difference, ``size`` the
    longest side in pixels (0: as it is)."""

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
    """The colours of ``frame``, or its one channel as grey. Without ``encoding`` the file's type decides."""
    names = resolve_channels(frame)[:3]
    pixels = frame.planes(names)
    if pixels.shape[2] != 3:
        pixels = np.repeat(pixels[..., :1], 3, axis=2)
    return Picture(pixels, encoding or ColourEncoding(space="srgb" if frame.is_integer else "linear"))


def png_of(picture: Picture, look: Look) -> bytes:
    """``picture`` as a PNG for a screen."""
    return _png(_displayed(_shrunk(picture, look.size), look))


def difference_png(one: Picture, other: Picture, look: Look) -> bytes:
    """How far the two are apart as they are shown, times the gain. SizeError when their sizes differ."""
    if one.pixels.shape != other.pixels.shape:
        raise SizeError(
            "The two pictures are not of the same size.",
            expected="{1} x {0}".format(*one.pixels.shape),
            found="{1} x {0}".format(*other.pixels.shape),
        )
    plain = Look(look.exposure, look.gamma, 1.0, look.size)
    apart = _displayed(_shrunk(one, look.size), plain) - _displayed(_shrunk(other, look.size), plain)
    return _png(np.abs(apart) * np.float32(look.gain))


def _displayed(picture: Picture, look: Look) -> np.ndarray:
    """Display values, 0 to 1 and beyond."""
    pixels = np.nan_to_num(picture.pixels, nan=0.0, posinf=65504.0, neginf=-65504.0)
    stops = np.float32(2.0**look.exposure)
    if picture.encoding.space not in DISPLAY:
        pixels = linear_to_srgb(to_scene_linear(pixels, picture.encoding) * stops)
    elif look.exposure:
        srgb = ColourEncoding(space="srgb")
        pixels = linear_to_srgb(to_scene_linear(pixels, srgb) * stops)
    if look.gamma != 1.0:
        pixels = np.clip(pixels, 0.0, None) ** np.float32(1.0 / look.gamma)
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


class PictureStore:
    """Keeps the pictures looked at last, so that an exposure slider does not read the file at each move."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Any, Picture] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any, read: Callable[[], Picture]) -> Picture:
        """The picture under ``key``, read when it is not there."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        picture = read()
        with self._lock:
            self._kept[key] = picture
            while len(self._kept) > 1 and sum(p.pixels.nbytes for p in self._kept.values()) > MEMORY:
                self._kept.popitem(last=False)
        return picture


def stamp(path: Path) -> tuple[str, int, int]:
    """What tells this state of a file from every other."""
    status = path.stat()
    return str(path), status.st_mtime_ns, status.st_size


def tag(*what: object) -> str:
    """A short name for the same, for browsers that ask whether it has changed."""
    return hashlib.blake2b(repr(what).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
