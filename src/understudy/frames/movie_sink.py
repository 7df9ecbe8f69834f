"""A movie as an output: frames may come from several threads, and in any order among their neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from understudy.errors import SettingError, UnderstudyError
from understudy.frames.atomic import cannot_write, finish, hidden_name, make_folder
from understudy.frames.formats import ImageFormat, extension_of
from understudy.frames.frame import Frame
from understudy.frames.image_plan import assemble, channels_written, plan_write
from understudy.frames.movie_codecs import choose_codec
from understudy.frames.movie_info import DEFAULT_RATE, ColourTags, MovieInfo
from understudy.frames.movie_shot import MOVIE, MovieShot
from understudy.frames.movie_writer import MovieWriter
from understudy.frames.provenance import remember
from understudy.frames.shot import Shot
from understudy.frames.sink import FrameSink, Wishes
from understudy.frames.timecode import from_smpte

_COPIED = ("title", "comment", "description", "artist", "copyright", "creation_time", "reel_name", "date")
LAYOUT = ImageFormat(MOVIE, (), ("uint16",), channel_counts=(1, 3, 4), depths=("16",), default_depth="16")


class MovieSink(FrameSink):
    """Frames are put in the order of ``numbers``; one that comes early waits for those before it.

    A frame that will never come must be said with ``skip``, or those after it wait in memory until ``close``.
    The movie then closes up: nothing stands in its place. There is no sound.
    """

    is_movie = True

    def __init__(self, spec: str, like: Shot, numbers: Sequence[int], wishes: Wishes) -> None:
        super().__init__(spec)
        if wishes.depth is not None:
            raise SettingError(
                "A movie's bit depth follows from its codec.", found=wishes.depth, remedy="choose a codec"
            )
        self._target = Path(spec)
        self._plate: MovieInfo | None = like.info if isinstance(like, MovieShot) else None
        self._codec = choose_codec(extension_of(spec), self._plate, wishes.compression)
        self._wishes = wishes
        self._order = list(numbers)
        self._expected = set(numbers)
        self._at = 0
        self._waiting: dict[int, Frame | None] = {}
        self._beside = hidden_name(self._target)
        self._writer: MovieWriter | None = None

    def path(self, number: int) -> Path:
        return self._target

    def exists(self, number: int) -> bool:
        return False

    def write(self, number: int, frame: Frame, made_from: Mapping[str, str] | None = None) -> Path:
        self._take(number, frame)
        return self._target

    def keeps(self, frame: Frame) -> tuple[str, ...]:
        return channels_written(frame, LAYOUT)

    def announce(self, frame: Frame) -> None:
        with self._lock:
            for note in plan_write(frame, LAYOUT).notes:
                self._note(note)

    def skip(self, number: int) -> None:
        self._take(number, None)

    def close(self) -> None:
        with self._lock:
            try:
                self._encode_ready(to_the_end=True)
                finished = self._finish()
            except BaseException:
                self._give_up()
                raise
        if finished:
            remember(self._target, self._wishes.provenance)
            self._finished(self._target)

    def abort(self) -> None:
        with self._lock:
            self._give_up()

    def _finish(self) -> bool:
        """Complete the hidden file and give it its name; False when no frame ever came."""
        if self._writer is None:
            return False
        self._writer.close()
        self._writer = None
        try:
            finish(self._beside, self._target)
        except OSError as error:
            raise cannot_write(self._target, error.strerror or str(error)) from error
        return True

    def _give_up(self) -> None:
        """Drop the hidden file and all that waits; every later frame is refused."""
        self._waiting.clear()
        self._expected.clear()
        self._at = len(self._order)
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        with suppress(OSError):
            self._beside.unlink()

    def _take(self, number: int, frame: Frame | None) -> None:
        with self._lock:
            if self.broken is not None:
                raise self.broken
            if number not in self._expected:
                raise cannot_write(self._target, f"frame {number} is not expected, or no longer")
            self._expected.remove(number)
            self._waiting[number] = frame
            try:
                self._encode_ready()
            except BaseException as error:
                self.broken = error if isinstance(error, UnderstudyError) else None
                self._give_up()
                raise

    def _encode_ready(self, to_the_end: bool = False) -> None:
        """Encode the frames whose turn it is; at the end those that wait behind a gap, too."""
        while self._at < len(self._order) and (to_the_end or self._order[self._at] in self._waiting):
            number = self._order[self._at]
            self._at += 1
            frame = self._waiting.pop(number, None)
            if frame is None:
                self._note(f"the movie is without frame {number}")
            else:
                self._encode(frame)

    def _encode(self, frame: Frame) -> None:
        plan = plan_write(frame, LAYOUT)
        for note in plan.notes:
            self._note(note)
        pixels = self._channels(assemble(plan.parts[0]))
        if self._writer is None:
            self._writer = self._start(frame, pixels)
        self._writer.write(pixels)

    def _channels(self, pixels: np.ndarray) -> np.ndarray:
        """R, G, B, and A where the codec has it; one channel fills all three."""
        if pixels.shape[2] == 1:
            return np.repeat(pixels, 3, axis=2)
        if pixels.shape[2] == 4 and not self._codec.alpha_format:
            self._note(f"{self._codec.name} has no alpha: it is left out")
            return pixels[..., :3]
        return pixels

    def _start(self, frame: Frame, pixels: np.ndarray) -> MovieWriter:
        make_folder(self._target.parent)
        height, width, count = pixels.shape
        metadata = self._plate.metadata if self._plate else {}
        return MovieWriter(
            self._beside,
            self._codec,
            (width, height),
            self._wishes.frame_rate or frame.frame_rate or DEFAULT_RATE,
            tags=self._plate.tags if self._plate else ColourTags(),
            timecode=_timecode_of(frame),
            metadata={name: metadata[name] for name in _COPIED if name in metadata},
            with_alpha=count == 4,
        )


def _timecode_of(frame: Frame) -> str:
    packed = frame.part.spec.getattribute("smpte:TimeCode")
    return str(from_smpte(int(packed[0]))) if isinstance(packed, tuple) and any(packed) else ""
