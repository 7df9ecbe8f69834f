"""A movie as an output: frames may come from several threads, and in any order among their neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from understudy.errors import SettingError, UnderstudyError, WriteError
from understudy.frames.atomic import cannot_write, finish, hidden_name, make_folder
from understudy.frames.difference import HALF_A_CODE
from understudy.frames.formats import ImageFormat, extension_of
from understudy.frames.frame import Frame
from understudy.frames.image_plan import assemble, channels_written, plan_write
from understudy.frames.movie_codecs import choose_codec
from understudy.frames.movie_difference import movie_differences
from understudy.frames.movie_info import DEFAULT_RATE, MovieInfo
from understudy.frames.movie_losses import notes_on
from understudy.frames.movie_plan import MoviePlan, plan_movie
from understudy.frames.movie_shot import MOVIE, MovieShot
from understudy.frames.movie_sound import SoundCopy
from understudy.frames.movie_times import timing
from understudy.frames.movie_trial import lost, try_plan
from understudy.frames.movie_writer import MovieWriter
from understudy.frames.provenance import remember
from understudy.frames.shot import Shot
from understudy.frames.sink import FrameSink, WriteOptions
from understudy.frames.timecode import from_smpte

LAYOUT = ImageFormat(MOVIE, (), ("uint16",), channel_counts=(1, 3, 4), depths=("16",), default_depth="16")
OPAQUE = replace(LAYOUT, channel_counts=(1, 3))


class MovieSink(FrameSink):
    """Frames are put in the order of ``numbers``; one that comes early waits for those before it.

    A frame that will never come must be said with ``skip``, or those after it wait in memory until ``close``.
    Where it is to ``update`` a movie that is there, that one stays if no frame differs.
    Frames made of a movie keep its time stamps and its sound: where one does not come, the one before it is
    shown longer. Otherwise the movie closes up, and nothing stands in its place.
    """

    is_movie = True

    def __init__(
        self, spec: str, like: Shot, numbers: Sequence[int], options: WriteOptions, update: bool = False
    ) -> None:
        super().__init__(spec)
        if options.depth is not None:
            raise SettingError(
                "A movie's bit depth follows from its codec.", found=options.depth, remedy="choose a codec"
            )
        self._target = Path(spec)
        self._like = like if isinstance(like, MovieShot) else None
        self._plate: MovieInfo | None = self._like.info if self._like else None
        self._codec = choose_codec(extension_of(spec), self._plate, options.compression)
        self._layout = LAYOUT if self._codec.alpha_format else OPAQUE
        self._options = options
        self._order = list(numbers)
        self._times = timing(self._like, self._order, extension_of(spec), options.frame_rate)
        self._expected = set(numbers)
        self._at = 0
        self._waiting: dict[int, Frame | None] = {}
        self._beside = hidden_name(self._target)
        self._writer: MovieWriter | None = None
        self._sound: SoundCopy | None = None
        self._first: tuple[int, int, int] | None = None
        self._last: np.ndarray | None = None
        self._update = update
        self._encoded: list[int] = []

    def path(self, number: int) -> Path:
        return self._target

    def exists(self, number: int) -> bool:
        return False

    def write(self, number: int, frame: Frame, made_from: Mapping[str, str] | None = None) -> Path:
        self._take(number, frame)
        return self._target

    def keeps(self, frame: Frame) -> tuple[str, ...]:
        return channels_written(frame, self._layout)

    def announce(self, frame: Frame) -> None:
        layout = plan_write(frame, self._layout)
        pixels = assemble(layout.parts[0])
        with self._lock:
            for note in layout.notes:
                self._note(note)
            plan = self._plan(frame, self._channels(pixels))
            sound = self._open_sound()
            try:
                found = try_plan(self._target, plan, sound)
            except WriteError as error:
                raise _refused(plan, error) from error
            finally:
                if sound is not None:
                    sound.close()
            self._say(plan, frame)
            for note in (*lost(plan, found), *(sound.left_out if sound else ())):
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
            remember(self._target, self._options.provenance)
            self._finished(self._target)

    def abort(self) -> None:
        with self._lock:
            self._give_up()

    def _finish(self) -> bool:
        """Complete the hidden file and give it its name; False when no frame ever came."""
        if self._writer is None:
            return False
        self._writer.close(self._times.end)
        self._writer = None
        self._close_sound()
        if self._update and self._is_there():
            self._beside.unlink(missing_ok=True)
            return False
        try:
            finish(self._beside, self._target)
        except OSError as error:
            raise cannot_write(self._target, error.strerror or str(error)) from error
        return True

    def _is_there(self) -> bool:
        """Whether the movie that is there shows the same, frame by frame, as the one that was made."""
        found = movie_differences(self._beside, self._target) if self._target.is_file() else None
        if found is None or len(found) != len(self._encoded):
            return False
        self.differs = {number: 0.0 for number in self._encoded}
        for number, difference in zip(self._encoded, found, strict=True):
            self.differs[number] = max(self.differs[number], difference)
        self.left = max(found) <= HALF_A_CODE
        return self.left

    def _give_up(self) -> None:
        """Drop the hidden file and all that waits; every later frame is refused."""
        self._waiting.clear()
        self._expected.clear()
        self._at = len(self._order)
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        self._close_sound()
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
                self._note(f"the movie is without frame {number}{self._times.gap}")
                self._hold_the_last(number)
            else:
                self._encode(number, frame)

    def _encode(self, number: int, frame: Frame) -> None:
        layout = plan_write(frame, self._layout)
        for note in layout.notes:
            self._note(note)
        pixels = self._channels(assemble(layout.parts[0]))
        if self._writer is None:
            self._writer = self._start(frame, pixels)
        self._check_size(number, pixels)
        self._writer.write(pixels, *self._times.next_of(number))
        self._encoded.append(number)
        self._last = pixels if self._times.repeats else None

    def _hold_the_last(self, number: int) -> None:
        """Where frames have no time stamps of their own, the last one again keeps the rest in their time."""
        if self._writer is not None and self._last is not None:
            self._writer.write(self._last, *self._times.next_of(number))
            self._encoded.append(number)

    def _check_size(self, number: int, pixels: np.ndarray) -> None:
        height, width = pixels.shape[:2]
        if self._first is None:
            self._first = (number, width, height)
        first, wide, high = self._first
        if (width, height) != (wide, high):
            raise WriteError(
                "The frames change their size, and a movie has one.",
                expected=f"{wide}x{high}, as frame {first} is",
                found=f"{width}x{height} in frame {number}",
                where=str(self._target),
                remedy="write an image sequence, or a movie for each part of the shot, with --frames",
            )

    def _channels(self, pixels: np.ndarray) -> np.ndarray:
        """R, G, B, and A where the codec has it; one channel fills all three."""
        if pixels.shape[2] == 1:
            return np.repeat(pixels, 3, axis=2)
        if pixels.shape[2] == 4 and not self._codec.alpha_format:
            self._note(f"{self._codec.name} has no alpha: it is left out")
            return pixels[..., :3]
        return pixels

    def _plan(self, frame: Frame, pixels: np.ndarray) -> MoviePlan:
        height, width, count = pixels.shape
        shown, rate = (width, height, count), self._rate_for(frame)
        plan = plan_movie(self._codec, extension_of(self.spec), shown, self._plate, rate)
        time_base = self._times.time_base or 1 / plan.rate
        return replace(plan, time_base=time_base, timecode=_timecode_of(frame))

    def _say(self, plan: MoviePlan, frame: Frame) -> None:
        asked = frame.bits, self._rate_for(frame)
        for note in notes_on(plan, self._plate, asked, self._times, extension_of(self.spec)):
            self._note(note)

    def _rate_for(self, frame: Frame) -> Fraction:
        return self._options.frame_rate or frame.frame_rate or DEFAULT_RATE

    def _start(self, frame: Frame, pixels: np.ndarray) -> MovieWriter:
        make_folder(self._target.parent)
        self._sound = self._open_sound()
        plan = self._plan(frame, pixels)
        self._say(plan, frame)
        writer = MovieWriter(self._beside, plan, self._sound)
        for note in self._sound.left_out if self._sound else ():
            self._note(note)
        return writer

    def _open_sound(self) -> SoundCopy | None:
        """The sound of the plate, where the frames keep its time."""
        plate, times = self._like, self._times
        if plate is None or not (times.keeps_sound and plate.has_sound):
            return None
        path = plate.path(plate.numbers[0])
        try:
            return SoundCopy(path, extension_of(self.spec), times.sound_begin, times.sound_end)
        except (OSError, ValueError) as error:  # PyAV's errors are among these
            self._note(f"The sound of {path.name} cannot be read, and is left out: {error}.")
            return None

    def _close_sound(self) -> None:
        if self._sound is not None:
            for note in self._sound.left_out:
                self._note(note)
            self._sound.close()
            self._sound = None


def _refused(plan: MoviePlan, error: WriteError) -> SettingError:
    """Why a movie cannot be written as planned: in memory there is no disk that could be at fault."""
    width, height = plan.size
    sizes = plan.codec.sizes
    return SettingError(
        f"{plan.codec.name} cannot hold these frames.",
        expected=sizes or "a size that the encoder takes",
        found=f"{width} x {height}, {plan.pixel_format}" + ("" if sizes else f" ({error.found})"),
        where=error.where,
        remedy="Write an image sequence, or a movie of another kind: ProRes, in .mov, takes all sizes.",
    )


def _timecode_of(frame: Frame) -> str:
    packed = frame.part.spec.getattribute("smpte:TimeCode")
    return str(from_smpte(int(packed[0]))) if isinstance(packed, tuple) and any(packed) else ""
