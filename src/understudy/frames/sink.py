"""Where finished frames go: the contract of every output, and frames as files of their own."""

from __future__ import annotations

import math
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from understudy.errors import UnderstudyError
from understudy.frames.alpha import STRAIGHT
from understudy.frames.difference import largest_difference
from understudy.frames.formats import format_to_write
from understudy.frames.frame import Frame
from understudy.frames.image_plan import channels_written, plan_write
from understudy.frames.image_writer import write_image_file
from understudy.frames.provenance import read_provenance
from understudy.frames.sequence import Pattern


@dataclass(frozen=True)
class WriteOptions:
    """What an output shall have; None keeps the plate's. ``compression`` is the codec of a movie."""

    depth: str | None = None
    compression: str | None = None
    frame_rate: Fraction | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)


class FrameSink(ABC):
    """What ``open_sink`` returns. ``write`` may be called from several threads at once.

    spec       as the user wrote it
    is_movie   a container: frames go into a hidden file that takes its name at ``close``
    written    the files that are whole, in the order in which they were finished
    notes      what the output's format cannot keep, in words, each once; ``announce`` fills it ahead
    broken     why the output can take no more frames at all, or None
    differs    of a movie that was to be brought up to date: by how much each frame differs from the one that
               was there, in code values, once it is closed; None where they were not compared
    left       that movie was left as it was, since no frame differs by more than half a code value

    As a context manager it closes at the end, and aborts when the block raises.
    """

    is_movie: bool = False

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self._lock = threading.Lock()
        self._written: list[Path] = []
        self._notes: list[str] = []
        self.broken: UnderstudyError | None = None
        self.differs: Mapping[int, float] | None = None
        self.left = False

    @property
    def written(self) -> tuple[Path, ...]:
        return tuple(self._written)

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    @abstractmethod
    def path(self, number: int) -> Path:
        """The file that will hold the frame."""

    @abstractmethod
    def exists(self, number: int) -> bool:
        """True when the frame is there, whole; always False for a movie, which starts again."""

    @abstractmethod
    def write(self, number: int, frame: Frame, made_from: Mapping[str, str] | None = None) -> Path:
        """Write one frame; returns its file. ``made_from`` goes with the frame beside the provenance that all
        share. Raises WriteError, and then nothing half-written is left."""

    def difference(self, number: int, frame: Frame) -> float:
        """By how much a file that is there differs from what ``frame`` would be written as, where most, in
        code values of the file's depth; infinite where it cannot be compared. Raises WriteError."""
        return math.inf

    @abstractmethod
    def keeps(self, frame: Frame) -> tuple[str, ...]:
        """The channels that will be there of such a frame. ChannelError when none can be."""

    @property
    def is_straight(self) -> bool:
        """Whether its files hold colours that are not multiplied by their alpha, as movies do."""
        return True

    @property
    def has_layers(self) -> bool:
        """Whether its files keep channels of any name, and so layers beside each other."""
        return False

    @abstractmethod
    def announce(self, frame: Frame) -> None:
        """Have ``notes`` say what will not be kept of frames such as this one, before the first is written.
        Raises what ``write`` would raise with each of them, as far as that can be known."""

    @abstractmethod
    def skip(self, number: int) -> None:
        """Say that the frame will not come: a movie then does not wait for it."""

    def provenance(self, number: int) -> dict[str, str]:
        """What made the frame that is there already; empty when that is not known."""
        return read_provenance(self.path(number))

    def made_at(self, number: int) -> float:
        """When the frame that is there was written, in seconds since 1970; 0 where there is none."""
        try:
            return self.path(number).stat().st_mtime
        except OSError:
            return 0.0

    @abstractmethod
    def close(self) -> None:
        """Finish. A movie takes its name now. Raises WriteError."""

    @abstractmethod
    def abort(self) -> None:
        """Give up: a movie's hidden file goes; frames that are whole stay."""

    def _finished(self, path: Path, notes: Sequence[str] = ()) -> None:
        with self._lock:
            self._written.append(path)
            for note in notes:
                self._note(note)

    def _note(self, note: str) -> None:
        """Under the lock, once frames are being written."""
        if note not in self._notes:
            self._notes.append(note)

    def __enter__(self) -> FrameSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


class FileSink(FrameSink):
    """Frames as files of their own, under a pattern or, for one frame, under one name."""

    def __init__(self, spec: str, target: Pattern | Path, options: WriteOptions) -> None:
        super().__init__(spec)
        self._target = target
        self._options = options

    def path(self, number: int) -> Path:
        return self._target.path(number) if isinstance(self._target, Pattern) else self._target

    def exists(self, number: int) -> bool:
        return self.path(number).is_file()

    def write(self, number: int, frame: Frame, made_from: Mapping[str, str] | None = None) -> Path:
        path, options = self.path(number), self._options
        made = {**options.provenance, **(made_from or {})}
        notes = write_image_file(
            path, frame, depth=options.depth, compression=options.compression, provenance=made
        )
        self._finished(path, notes)
        return path

    def difference(self, number: int, frame: Frame) -> float:
        path, options = self.path(number), self._options
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
            beside = Path(folder) / path.name
            write_image_file(beside, frame, depth=options.depth, compression=options.compression)
            return largest_difference(beside, path)

    def keeps(self, frame: Frame) -> tuple[str, ...]:
        return channels_written(frame, format_to_write(self.path(frame.number)))

    @property
    def is_straight(self) -> bool:
        return format_to_write(self.path(1)).name in STRAIGHT

    @property
    def has_layers(self) -> bool:
        return format_to_write(self.path(1)).has_names

    def announce(self, frame: Frame) -> None:
        options, target = self._options, format_to_write(self.path(frame.number))
        for note in plan_write(frame, target, options.depth, options.compression).notes:
            self._note(note)

    def skip(self, number: int) -> None:
        """Files do not wait for each other."""

    def close(self) -> None:
        """Nothing is open between frames."""

    def abort(self) -> None:
        """Nothing is half-written between frames."""
