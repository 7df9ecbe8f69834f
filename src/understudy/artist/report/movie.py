"""The before/after movie of a report: H.264 in MP4, which every browser plays."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from understudy.artist.report.pictures import eight_bit, side_by_side, three
from understudy.errors import MissingPackageError
from understudy.frames.av_library import load_av
from understudy.temporal import reduced

NAME = "before_after.mp4"
LONGEST = 640
RATE = Fraction(24)


class BeforeAfter:
    """Writes frames one by one; ``note`` says why there is no movie, where there is none."""

    def __init__(self, path: Path, rate: Fraction | None) -> None:
        self.path, self.note = path, ""
        self._rate = rate if rate and 0 < rate <= 240 else RATE
        self._container: Any = None
        self._stream: Any = None
        try:
            self._av = load_av(str(path))
        except MissingPackageError as error:
            self.note = f"There is no movie: {error.message} {error.remedy}."

    def add(self, number: int, plate: np.ndarray, result: np.ndarray) -> None:
        """One frame: display values (H, W, channels) of plate and result."""
        if self.note:
            return
        pair = side_by_side(reduced(three(plate), LONGEST), reduced(three(result), LONGEST))
        picture = _labelled(_even(eight_bit(pair)), number)
        try:
            self._encode(picture)
        except (self._av.error.FFmpegError, ValueError, OSError) as error:
            self.note = f"There is no movie: {error}."

    def close(self) -> str:
        """End the movie; its file name, empty where there is none."""
        if self._container is None:
            return ""
        try:
            for packet in self._stream.encode():
                self._container.mux(packet)
            self._container.close()
        except (self._av.error.FFmpegError, OSError) as error:
            self.note = self.note or f"There is no movie: {error}."
        if self.note:
            self.path.unlink(missing_ok=True)
        return "" if self.note else self.path.name

    def _encode(self, picture: np.ndarray) -> None:
        if self._container is None:
            self._open(picture)
        height, width = self._stream.height, self._stream.width
        if picture.shape[:2] != (height, width):
            picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        for packet in self._stream.encode(self._av.VideoFrame.from_ndarray(picture, format="bgr24")):
            self._container.mux(packet)

    def _open(self, picture: np.ndarray) -> None:
        self._container = self._av.open(str(self.path), "w", options={"movflags": "faststart"})
        self._stream = self._container.add_stream("libx264", rate=self._rate)
        self._stream.height, self._stream.width = picture.shape[:2]
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"crf": "20", "preset": "veryfast"}


def _even(picture: np.ndarray) -> np.ndarray:
    """With an even width and height, as H.264 has them."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge"))


def _labelled(picture: np.ndarray, number: int) -> np.ndarray:
    at = 8, picture.shape[0] - 10
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(picture, str(number), at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, width, cv2.LINE_AA)
    return picture
