"""Frames for the strip: decoded no finer than they are shown, and kept as PNG."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import cv2
import numpy as np

from understudy.colour import ColourEncoding
from understudy.frames import Shot
from understudy.frames.formats import extension_of
from understudy.monitor.images.rendering import Picture, picture_of

SMALL = 480  # pixels; a picture that is shown no larger is one of the strip
MEMORY = 60_000_000  # bytes of PNG kept
AT_A_TIME = 2
_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}


def read_small(shot: Shot, number: int, size: int, encoding: ColourEncoding | None) -> Picture:
    """A frame, with a longest side of ``size`` pixels or more: of a JPEG the decoder leaves out what is
    finer. Raises as ``Shot.read``."""
    pixels = _reduced_jpeg(shot, number, size)
    if pixels is not None:
        return Picture(pixels, encoding or ColourEncoding(space="srgb"))
    return picture_of(shot.read(number), encoding)


def _reduced_jpeg(shot: Shot, number: int, size: int) -> np.ndarray | None:
    if shot.is_movie or extension_of(shot.path(number)) not in (".jpg", ".jpeg"):
        return None
    for step in sorted(_REDUCED, reverse=True):
        found = cv2.imread(str(shot.path(number)), _REDUCED[step])
        if found is None:
            return None
        if max(found.shape[:2]) >= size:
            return found[..., ::-1].astype(np.float32) / np.float32(255)
    return None


class SmallPictures:
    """The PNGs of the strip that were made last; two are made at a time, so that the rest of the page is not
    kept waiting. Thread-safe."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(AT_A_TIME)

    def get(self, key: str, make: Callable[[], bytes]) -> bytes:
        """The PNG under ``key``, made when it is not there."""
        with self._turns:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key]
            made = make()
            with self._lock:
                self._kept[key] = made
                held = sum(map(len, self._kept.values()))
                while held > MEMORY and len(self._kept) > 1:
                    held -= len(self._kept.popitem(last=False)[1])
            return made
