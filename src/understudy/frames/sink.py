"""Where finished frames go: a sequence, a folder, one file or a movie."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from understudy.errors import SequenceError, SettingError
from understudy.frames.formats import (
    WRITABLE_MOVIES,
    check_compression,
    check_depth,
    extension_of,
    format_to_write,
    is_movie_path,
)
from understudy.frames.frame import Frame
from understudy.frames.image_writer import write_image_file
from understudy.frames.provenance import PREFIX, read_provenance
from understudy.frames.sequence import Pattern, parse_pattern
from understudy.frames.shot import Shot


class FrameSink(ABC):
    """What ``open_sink`` returns. ``write`` may be called from several threads at once.

    spec       as the user wrote it
    is_movie   a container: frames go into a hidden file that takes its name at ``close``
    written    the files that are whole, in the order in which they were finished
    notes      what the output's format could not keep, in words, each once

    As a context manager it closes at the end, and aborts when the block raises.
    """

    is_movie: bool = False

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self._lock = threading.Lock()
        self._written: list[Path] = []
        self._notes: list[str] = []

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
    def write(self, number: int, frame: Frame) -> Path:
        """Write one frame; returns its file. Raises WriteError, and then nothing half-written is left."""

    @abstractmethod
    def skip(self, number: int) -> None:
        """Say that the frame will not come: a movie then does not wait for it."""

    def provenance(self, number: int) -> dict[str, str]:
        """What made the frame that is there already; empty when that is not known."""
        return read_provenance(self.path(number))

    @abstractmethod
    def close(self) -> None:
        """Finish. A movie takes its name now. Raises WriteError."""

    @abstractmethod
    def abort(self) -> None:
        """Give up: a movie's hidden file goes; frames that are whole stay."""

    def _finished(self, path: Path, notes: Sequence[str] = ()) -> None:
        with self._lock:
            self._written.append(path)
            self._notes.extend(note for note in notes if note not in self._notes)

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

    def __init__(
        self,
        spec: str,
        target: Pattern | Path,
        *,
        depth: str | None = None,
        compression: str | None = None,
        provenance: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(spec)
        self._target = target
        self._depth = depth
        self._compression = compression
        self._provenance = dict(provenance or {})

    def path(self, number: int) -> Path:
        return self._target.path(number) if isinstance(self._target, Pattern) else self._target

    def exists(self, number: int) -> bool:
        return self.path(number).is_file()

    def write(self, number: int, frame: Frame) -> Path:
        path = self.path(number)
        notes = write_image_file(
            path, frame, depth=self._depth, compression=self._compression, provenance=self._provenance
        )
        self._finished(path, notes)
        return path

    def skip(self, number: int) -> None:
        """Files do not wait for each other."""

    def close(self) -> None:
        """Nothing is open between frames."""

    def abort(self) -> None:
        """Nothing is half-written between frames."""


def open_sink(
    spec: str,
    *,
    like: Shot,
    overwrite: bool = False,
    numbers: Sequence[int] | None = None,
    depth: str | None = None,
    compression: str | None = None,
    provenance: Mapping[str, str] | None = None,
    frame_rate: Fraction | float | None = None,
) -> FrameSink:
    """A place for the frames made from the shot ``like``.

    ``spec`` is a pattern, a file, a movie (.mov, .mxf, .mp4), or a folder, which gets the plate's own names
    (PNG for the frames of a movie). ``numbers`` are the frames that will come, ``like``'s by default.
    ``depth``, ``compression`` (a codec for movies) and ``frame_rate`` override the plate's. ``provenance``,
    such as ``{"model": hash}``, goes with every frame; ``read_provenance`` finds it again.

    Nothing is written yet. Raises SequenceError for an output that cannot take the frames or is the plate
    itself, SettingError for a depth or compression that does not exist, and for a movie made by something
    else when not ``overwrite``.
    """
    spec = str(spec)
    numbers = tuple(like.numbers if numbers is None else numbers)
    if is_movie_path(spec):
        return _movie_sink(spec, like, overwrite, numbers, depth, compression, provenance or {}, frame_rate)
    target = _target(spec, like, numbers)
    sample = target.path(1) if isinstance(target, Pattern) else target
    check_depth(format_to_write(sample), depth)
    check_compression(format_to_write(sample), compression)
    sink = FileSink(spec, target, depth=depth, compression=compression, provenance=provenance)
    _check_not_the_plate(sink, like, numbers)
    return sink


def _target(spec: str, like: Shot, numbers: Sequence[int]) -> Pattern | Path:
    if not spec or "\0" in spec:
        raise SequenceError(
            "No output was named.", expected="a file, a pattern or a folder", found=repr(spec)
        )
    pattern = None if os.path.isfile(spec) else parse_pattern(spec)
    if pattern is not None:
        return pattern
    if os.path.isdir(spec) or spec.endswith(("/", os.sep)) or not extension_of(spec):
        return _in_folder(Path(spec), like)
    if len(numbers) > 1:
        raise SequenceError(
            "One file cannot take several frames.",
            expected="a pattern such as out.####.exr, a folder, or a movie",
            found=f"one file for {len(numbers)} frames",
            where=spec,
            remedy="write #### where the frame number goes",
        )
    return Path(spec)


def _in_folder(folder: Path, like: Shot) -> Pattern | Path:
    """The plate's own file names in another folder."""
    if like.is_still and not like.is_movie:
        return folder / like.path(like.numbers[0]).name
    if like.is_movie:
        return Pattern(folder, f"{like.name}.", ".png", like.padding)
    pattern = getattr(like, "pattern", None)
    prefix = pattern.prefix if pattern else f"{like.name}."
    suffix = pattern.suffix if pattern else like.extension
    return Pattern(folder, prefix, suffix, like.padding)


def _check_not_the_plate(sink: FrameSink, like: Shot, numbers: Sequence[int]) -> None:
    known = set(like.numbers)
    for number in numbers:
        if number in known and _same_file(sink.path(number), like.path(number)):
            raise SequenceError(
                "The output is the plate itself.",
                expected="another folder or name",
                found=str(sink.path(number)),
                where=sink.spec,
                remedy="write somewhere else; plates are never changed",
            )


def _same_file(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _movie_sink(
    spec: str,
    like: Shot,
    overwrite: bool,
    numbers: Sequence[int],
    depth: str | None,
    compression: str | None,
    provenance: Mapping[str, str],
    frame_rate: Fraction | float | None,
) -> FrameSink:
    if extension_of(spec) not in WRITABLE_MOVIES or parse_pattern(spec) is not None:
        raise SequenceError(
            "This movie cannot be written.",
            expected=f"one file ending in {', '.join(WRITABLE_MOVIES)}",
            found=Path(spec).name,
            where=spec,
        )
    if not overwrite:
        _check_own_movie(Path(spec), provenance)
    from understudy.frames.movie_sink import MovieSink  # PyAV is an extra

    sink = MovieSink(spec, like, numbers, depth, compression, provenance, frame_rate)
    _check_not_the_plate(sink, like, numbers)
    return sink


def _check_own_movie(path: Path, provenance: Mapping[str, str]) -> None:
    """A movie made by the same model may be made again; any other is refused."""
    if not path.exists():
        return
    wanted = {name.removeprefix(PREFIX): value for name, value in provenance.items()}
    if wanted and read_provenance(path).get("model") == wanted.get("model"):
        return
    raise SettingError(
        "The output movie exists already.",
        expected="a movie made by the same model, or none",
        found="a movie made by something else",
        where=str(path),
        remedy="choose another name, or allow it with --overwrite",
    )
