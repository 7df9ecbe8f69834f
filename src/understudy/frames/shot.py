"""A shot: the frames of a sequence, a still or a movie, read one at a time by their numbers."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import TracebackType

from understudy.errors import ChannelError, FrameError, SequenceError
from understudy.frames.frame import Frame
from understudy.frames.held_files import read_file
from understudy.frames.image_file import read_header, select_part, take_part
from understudy.frames.probe import Header, probe
from understudy.frames.sequence import FileList, Pattern, format_numbers
from understudy.frames.which import say_which

BLOCK = 1 << 20
PROBES = 8
"""Frames that are tried to find the first that can be read."""


class Shot(ABC):
    """What ``open_shot`` returns. ``read`` may be called from several threads at once.

    spec      as the user wrote it
    numbers   the frame numbers that are there, sorted
    missing   the numbers that were requested, or that lie between the first and the last, and are not there
    requested whether a frame range requested the frames, so that a missing one is a failure
    is_movie  a container, read by frame number
    is_still  one file without a pattern: it may stand for every frame (a mask, a depth map)
    is_set    pictures that have nothing to do with each other: the numbers say nothing but which is which
    as_held   what ``Frame.as_held`` is of its frames
    """

    spec: str
    numbers: tuple[int, ...]
    missing: tuple[int, ...] = ()
    requested: bool = False
    is_movie: bool = False
    is_still: bool = False
    is_set: bool = False
    as_held: bool = False

    @property
    @abstractmethod
    def frame_rate(self) -> Fraction | None:
        """Frames per second of the movie, or as the first frame's header says; None when nothing says it."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The file name without frame number and extension: ``plate`` for ``plate.####.exr``."""

    @property
    @abstractmethod
    def extension(self) -> str:
        """The extension of the frames, or of the movie, with its dot and as it is written."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was chosen in reading the shot, to be said before work on it begins."""
        return ()

    @property
    def part_name(self) -> str:
        """The name of the part that is taken of each frame; empty where frames have one part."""
        return ""

    def prefer(self, part: str) -> None:
        """Take the part of this name, if the first frame has one and no other was asked for."""
        return

    @property
    def padding(self) -> int:
        """Digits of the frame numbers in file names; 4 where the plate has none."""
        return 4

    @abstractmethod
    def path(self, number: int) -> Path:
        """The file that holds the frame. Raises SequenceError for a number that is not in ``numbers``."""

    @abstractmethod
    def read(self, number: int) -> Frame:
        """The frame. Raises FrameError when it cannot be read, SequenceError when the shot has no such
        frame."""

    def frame_name(self, number: int) -> str:
        """What a frame is called, for people. Raises as ``path``."""
        path = self.path(number)
        return self.name if self.is_movie else path.name

    def probe(self, number: int) -> Header:
        """What the header of a frame says. Raises as ``read``."""
        return probe(self.path(number))

    def read_ahead(self, number: int) -> None:
        """Have the system read the frame's file, so that reading the frame waits for no disk. FrameError."""
        if self.is_movie:
            return
        path = self.path(number)
        try:
            with open(path, "rb", buffering=0) as file:
                while file.read(BLOCK):
                    pass
        except OSError as error:
            reason = error.strerror or str(error)
            raise FrameError("The file cannot be opened.", found=reason, where=str(path)) from error

    def file_size(self, number: int) -> int:
        """Bytes of the frame's own file; 0 where it has none."""
        try:
            return 0 if self.is_movie else os.stat(self.path(number)).st_size
        except OSError:
            return 0

    def stamp(self, number: int) -> str:
        """What is the same as long as nobody touched the frame's file; empty where there is none."""
        try:
            found = os.stat(self.path(number))
        except OSError:
            return ""
        return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}-{found.st_ino}"

    def changed_at(self, number: int) -> float:
        """When the frame's file was last changed, in seconds since 1970; 0 where there is no such frame."""
        try:
            return os.stat(self.path(number)).st_mtime
        except (OSError, SequenceError):
            return 0.0

    def content(self, number: int) -> str:
        """A hash of the frame: of its file, without decoding it; of a movie's frame of its pixels. Raises as
        ``read``."""
        return self.read(number).content

    @abstractmethod
    def close(self) -> None:
        """Let go of files that are open. Reading again opens them again."""

    def has(self, number: int) -> bool:
        """Whether the shot has the frame."""
        return number in self._known

    def check(self, number: int) -> None:
        """SequenceError unless the shot has the frame."""
        if not self.has(number):
            raise SequenceError(
                "The shot has no such frame.",
                expected=f"one of {format_numbers(self.numbers)}",
                found=str(number),
                where=self.spec,
            )

    @cached_property
    def _known(self) -> frozenset[int]:
        return frozenset(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __enter__(self) -> Shot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def content_of_file(path: Path) -> str:
    """A hash of a file. FrameError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]
    except OSError as error:
        reason = error.strerror or str(error)
        raise FrameError("The file cannot be opened.", found=reason, where=str(path)) from error


class FileShot(Shot):
    """A shot whose frames are files of their own.

    ``part`` selects the part of a multi-part file. It, or else the first part, is taken by the name that it
    has in the first of the files ``first``, the whole sequence, that can be read.
    """

    def __init__(
        self, spec: str, files: FileList, part: str | None = None, first: tuple[Path, ...] = ()
    ) -> None:
        self.spec = spec
        self.numbers = tuple(files.files)
        self.missing = files.missing
        self.requested = files.requested
        self.is_still = files.pattern is None
        self._files = files
        self._part, self._asked = part, part is not None
        self._first = first or tuple(files.files.values())

    @cached_property
    def frame_rate(self) -> Fraction | None:
        try:
            return self.read(self.numbers[0]).frame_rate
        except FrameError:
            return None

    @property
    def pattern(self) -> Pattern | None:
        """The sequence's pattern; None for a still."""
        return self._files.pattern

    @property
    def name(self) -> str:
        if self.pattern is None:
            return self._files.files[self.numbers[0]].stem
        return self.pattern.prefix.rstrip("._- ") or "frame"

    @property
    def extension(self) -> str:
        return self._files.files[self.numbers[0]].suffix

    @property
    def padding(self) -> int:
        return self.pattern.padding if self.pattern else 4

    def path(self, number: int) -> Path:
        self.check(number)
        return self._files.files[number]

    def content(self, number: int) -> str:
        return content_of_file(self.path(number))

    def read(self, number: int) -> Frame:
        frame = replace(read_file(self.path(number), number), as_held=self.as_held)
        if self.header is not None and self._is_in(self.header):
            return take_part(frame, self.header)
        return select_part(frame, self._part) if self._part else frame

    @cached_property
    def header(self) -> Frame | None:
        """The first frame that can be read, without its pixels, its part selected; None where there is
        none."""
        for path in self._first[:PROBES]:
            with suppress(FrameError):
                frame = read_header(path)
                return select_part(frame, self._part) if self._part and self._is_in(frame) else frame
        return None

    def _is_in(self, frame: Frame) -> bool:
        """Whether the wanted part, if any, is in the frame."""
        try:
            return self._part is None or bool(select_part(frame, self._part))
        except ChannelError:
            return False

    @property
    def part_name(self) -> str:
        several = self.header is not None and len(self.header.parts) > 1
        return self.header.part.name if self.header and several else ""

    def prefer(self, part: str) -> None:
        if self._part is None and self.header and part in [each.name for each in self.header.parts]:
            self._part = part
            del self.header

    @property
    def notes(self) -> tuple[str, ...]:
        return say_which(self.header, self.spec) if self.header and not self._asked else ()

    def close(self) -> None:
        """Nothing is open between frames."""
