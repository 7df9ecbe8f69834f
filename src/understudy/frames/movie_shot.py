"""A movie as a shot: frame 1 is its first frame, whatever its timecode."""

from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from understudy.frames.frame import Frame, Part
from understudy.frames.header_colour import tag_rgb
from understudy.frames.movie_info import MovieInfo
from understudy.frames.movie_notes import notes_on_reading
from understudy.frames.movie_reader import MovieReader
from understudy.frames.sequence import FileList, restrict
from understudy.frames.shot import Shot
from understudy.frames.timecode import later, to_smpte

MOVIE = "movie"
_FINE = 8  # ticks of a frame from which a difference of one is rounding


class MovieShot(Shot):
    """The frames of one MOV, MXF or MP4. Pixels are uint16 R, G, B and, where the movie has it, A, which is
    not multiplied into the colours.

    Values are the movie's own R'G'B', by its colour tags; timecode, frame rate and what the tags say of
    primaries and transfer stand in each frame's metadata.
    """

    is_movie = True

    def __init__(self, spec: str, path: Path, frames: str | None = None) -> None:
        self.spec = spec
        self._path = path
        self._lock = threading.Lock()
        self._reader = MovieReader(path)
        every = FileList({number: path for number in range(1, len(self._reader) + 1)})
        wanted = restrict(every, frames, spec)
        self.numbers = tuple(wanted.files)
        self.missing = wanted.missing
        self.requested = wanted.requested

    @property
    def info(self) -> MovieInfo:
        """What the movie's header says."""
        return self._reader.info

    @property
    def frame_rate(self) -> Fraction:
        return self.info.rate

    @property
    def name(self) -> str:
        return self._path.stem

    @property
    def extension(self) -> str:
        return self._path.suffix

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(notes_on_reading(self.info, self._varies()))

    @property
    def total(self) -> int:
        """Frames of the whole movie, asked for or not."""
        return len(self._reader)

    @property
    def has_sound(self) -> bool:
        return any(kind == "audio" for kind, _ in self.info.tracks)

    @property
    def is_variable(self) -> bool:
        """Whether frames are shown for different times, beyond the rounding of their time stamps."""
        return bool(self._varies())

    def time_of(self, number: int) -> int:
        """When the frame is shown, in ticks of the movie's time base."""
        return self._reader.index.times[number - 1]

    def duration_of(self, number: int) -> int:
        """For how many ticks the frame is shown."""
        times = self._reader.index.times
        last = number == len(times)
        return self._reader.index.duration_of_last() if last else times[number] - times[number - 1]

    def _varies(self) -> str:
        steps = [self.duration_of(number) for number in range(1, self.total)]
        least, most = min(steps, default=0), max(steps, default=0)
        rounded = most - least <= 1 and least >= _FINE
        if most == least or rounded:
            return ""
        low, high = (float(ticks * self.info.time_base * 1000) for ticks in (least, most))
        return f"{low:.3g} to {high:.3g} ms"

    def path(self, number: int) -> Path:
        self.check(number)
        return self._path

    def read(self, number: int) -> Frame:
        self.check(number)
        with self._lock:
            decoded = self._reader.decode(number - 1)
        pixels = self._reader.to_pixels(decoded)
        return replace(movie_frame(pixels, self.info, self._path, number), as_held=self.as_held)

    def close(self) -> None:
        with self._lock:
            self._reader.close()


def movie_frame(pixels: np.ndarray, info: MovieInfo, path: Path, number: int) -> Frame:
    """A Frame of uint16 (height, width, 3 or 4) with the movie's rate, timecode and depth in its header."""
    height, width, count = pixels.shape
    names = ("R", "G", "B", "A")[:count]
    spec = oiio.ImageSpec(width, height, count, oiio.TypeDesc("uint16"))
    spec.channelnames = names
    spec.attribute("oiio:BitsPerSample", info.bits)
    spec.attribute("PixelAspectRatio", float(info.shown_aspect))
    tag_rgb(spec, info.tags.primaries, info.tags.transfer)
    rate = (info.rate.numerator, info.rate.denominator)
    spec.attribute("FramesPerSecond", oiio.TypeDesc("rational"), rate)
    if info.timecode is not None:
        now = later(info.timecode, number - 1, info.rate)
        spec.attribute("smpte:TimeCode", oiio.TypeDesc("timecode"), to_smpte(now))
    planes = {name: pixels[..., index] for index, name in enumerate(names)}
    return Frame((Part("", names, planes, spec),), path, number, MOVIE)
