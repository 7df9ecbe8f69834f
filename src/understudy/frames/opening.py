"""From what a user writes to a shot that can be read, and to an output that can be written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from understudy.errors import ChannelError, SequenceError, SettingError
from understudy.frames.formats import (
    WRITABLE_MOVIES,
    check_compression,
    check_depth,
    extension_of,
    format_to_write,
    is_movie_path,
)
from understudy.frames.movie_shot import MovieShot
from understudy.frames.movie_sink import MovieSink
from understudy.frames.provenance import PREFIX, read_provenance
from understudy.frames.sequence import Pattern, find_files, parse_pattern, restrict
from understudy.frames.shot import FileShot, Shot
from understudy.frames.sink import FileSink, FrameSink, WriteOptions


def open_shot(
    spec: str, *, frames: str | None = None, part: str | None = None, as_held: bool = False
) -> Shot:
    """The shot that ``spec`` names: a pattern, a folder, a file or a movie; see ``sequence``.

    ``frames`` restricts it to a range (``1001-1100x5,1180``); a movie's first frame is 1. ``part`` selects
    the part of each frame by name; ``as_held`` is what it is of each. No pixels are read. Raises
    SequenceError when nothing is there to read, FrameError for a movie that is damaged, MissingPackageError
    for one without PyAV.
    """
    shot = _open(os.path.expanduser(str(spec)), frames, part)
    shot.as_held = as_held
    return shot


def _open(spec: str, frames: str | None, part: str | None) -> Shot:
    files = find_files(spec)
    first = next(iter(files.files.values()))
    if is_movie_path(first):
        if part is not None:
            raise ChannelError(
                "A movie has no parts.", found=f"part {part}", where=spec, remedy="leave it out"
            )
        return MovieShot(spec, first, frames)
    return FileShot(spec, restrict(files, frames, spec), part, tuple(files.files.values()))


def open_sink(
    spec: str,
    *,
    like: Shot,
    overwrite: bool = False,
    update: bool = False,
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
    such as ``{"model": hash}``, goes with every frame; ``read_provenance`` finds it again. A movie that is
    there, made by whatever model, is to be brought up to date where ``update``.

    Nothing is written yet. Raises SequenceError for an output that cannot take the frames or is the plate
    itself, SettingError for a depth or compression that does not exist, and for a movie made by something
    else when not ``overwrite``.
    """
    spec = os.path.expanduser(str(spec))
    numbers = tuple(like.numbers if numbers is None else numbers)
    rate = Fraction(frame_rate).limit_denominator(1001) if frame_rate else None
    options = WriteOptions(depth, compression, rate, provenance or {})
    if is_movie_path(spec):
        sink = _movie_sink(spec, like, numbers, options, overwrite, update)
    else:
        sink = _file_sink(spec, like, numbers, options)
    _check_not_the_plate(sink, like, numbers)
    return sink


def _file_sink(spec: str, like: Shot, numbers: Sequence[int], options: WriteOptions) -> FrameSink:
    target = _target(spec, like, numbers)
    image_format = format_to_write(target.path(1) if isinstance(target, Pattern) else target)
    check_depth(image_format, options.depth)
    check_compression(image_format, options.compression)
    return FileSink(spec, target, options)


def _movie_sink(
    spec: str, like: Shot, numbers: Sequence[int], options: WriteOptions, overwrite: bool, update: bool
) -> FrameSink:
    if extension_of(spec) not in WRITABLE_MOVIES or parse_pattern(spec) is not None:
        raise SequenceError(
            "This movie cannot be written.",
            expected=f"one file ending in {', '.join(WRITABLE_MOVIES)}",
            found=Path(spec).name,
            where=spec,
        )
    if not overwrite:
        _check_own_movie(Path(spec), options.provenance, ("model",) if update else ())
    return MovieSink(spec, like, numbers, options, update)


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
    if like.is_still:
        return folder / like.path(like.numbers[0]).name
    if isinstance(like, FileShot) and like.pattern is not None:
        return Pattern(folder, like.pattern.prefix, like.pattern.suffix, like.pattern.padding)
    return Pattern(folder, f"{like.name}.", ".png" if like.is_movie else like.extension, like.padding)


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


def _check_own_movie(path: Path, provenance: Mapping[str, str], but: Sequence[str] = ()) -> None:
    """A movie made by the same model in the same way, ``but`` for what is named, may be made again; any other
    is refused."""
    if not path.exists():
        return
    wanted = {name.removeprefix(PREFIX): value for name, value in provenance.items()}
    found = read_provenance(path)
    if wanted and found and _without(found, but) == _without(wanted, but):
        return
    raise SettingError(
        "The output movie exists already.",
        expected="none, or one that the same model made in the same way (mix, mask, channels, extra, part, "
        "precision)",
        found="a movie that was made by something else, or in another way",
        where=str(path),
        remedy="choose another name, or allow it with --overwrite; where only the model is another, bring it "
        "up to date with --update",
    )


def _without(made: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: value for name, value in made.items() if name not in names}
