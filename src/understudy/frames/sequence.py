"""Which files a shot is made of: patterns, ranges, folders and single files.

    plate.####.exr  plate.@@@@.exr  plate.%04d.exr  plate.$F4.exr   a pattern: one digit for each mark
    plate.1001-1100####.exr, or "plate.####.exr 1001-1100"          a pattern with its range
    a folder                                                        the one sequence, still or movie in it
    anything else                                                   one file, used as it is written

A file that exists under the very name given is always that one file, whatever marks its name has. Only the
file name may hold a pattern, not the folders above it. Files of another padding, or with their extension in
another case, belong to the sequence too; when two files bear one number, the one with the pattern's own
padding is used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import fileseq

from understudy.errors import SequenceError
from understudy.frames.formats import is_image_path, is_movie_path

MAX_FRAMES = 1_000_000
MOST_NAMED = 20

_RANGE = r"-?\d+(?:-{1,2}\d+)?(?:[xy:]\d+)?(?:,-?\d+(?:-{1,2}\d+)?(?:[xy:]\d+)?)*"
_MARK = re.compile(r"#+|@+|%0?(\d*)d|\$F(\d*)")
_RANGE_BEFORE = re.compile(rf"(?P<range>{_RANGE})$")
_RANGE_AFTER = re.compile(rf"^(?P<path>.*\S)\s+(?P<range>{_RANGE})$")
_NUMBERED = re.compile(r"^(?P<prefix>.*?)(?P<number>(?:(?:(?<=[._])|^)-)?\d+)(?P<suffix>\.[^.]*)$")


@dataclass(frozen=True)
class Pattern:
    """A file name with room for a frame number, in a folder."""

    folder: Path
    prefix: str
    suffix: str
    padding: int
    numbers: tuple[int, ...] | None = None  # the range written into the pattern itself

    def path(self, number: int) -> Path:
        """Where the frame of this number is written; the sign counts as one of the padded digits."""
        return self.folder / f"{self.prefix}{number:0{self.padding}d}{self.suffix}"

    def __str__(self) -> str:
        return str(self.folder / f"{self.prefix}{'#' * self.padding}{self.suffix}")


@dataclass(frozen=True)
class FileList:
    """The files of a shot by frame number. ``pattern`` is None for a single file. ``missing``: numbers
    without a file, of those ``requested`` by a frame range, or else of those between the first and the last.
    """

    files: dict[int, Path]
    pattern: Pattern | None = None
    missing: tuple[int, ...] = field(default=())
    requested: bool = False


def parse_frame_range(text: str) -> tuple[int, ...]:
    """The frame numbers of ``1001-1100x5,1180``, sorted, each once; negative numbers as ``-5--1``.

    Raises SequenceError for anything else, and for more than a million frames.
    """
    squeezed = re.sub(r"\s*,\s*", ",", text.strip())
    try:
        if not re.fullmatch(_RANGE, squeezed):
            raise ValueError(text)
        frames = fileseq.FrameSet(squeezed)
        numbers = tuple(sorted({int(number) for number in frames})) if len(frames) <= MAX_FRAMES else ()
    except (fileseq.FileSeqException, ValueError, OverflowError):
        numbers = ()
    if not numbers:
        raise SequenceError(
            "The frame range cannot be read.",
            expected=f"numbers and ranges such as 1001-1100x5,1180, at most {MAX_FRAMES} frames",
            found=repr(text),
            remedy="write ranges with a dash, steps with an x, and commas between them",
        )
    return numbers


def parse_pattern(spec: str) -> Pattern | None:
    """The pattern in the file name of ``spec``, or None when it names one file."""
    folder, name = os.path.split(spec)
    marks = list(_MARK.finditer(name))
    if not marks:
        return None
    hashes = [mark for mark in marks if not mark.group().startswith("@")]
    mark = (hashes or marks)[-1]  # an @ is more likely to be a part of the name
    prefix, numbers = name[: mark.start()], None
    before = _RANGE_BEFORE.search(prefix)
    if before and re.search(r"\d-|,", before["range"]):
        prefix, numbers = prefix[: before.start()], parse_frame_range(before["range"])
    return Pattern(Path(folder), prefix, name[mark.end() :], _padding(mark), numbers)


def find_files(spec: str) -> FileList:
    """The files that ``spec`` names, as this module's first lines say.

    Raises SequenceError when there are none, or when a folder holds several shots.
    """
    if not spec or "\0" in spec:
        raise SequenceError("No file was named.", expected="a file, a pattern or a folder", found=repr(spec))
    if os.path.isfile(spec):
        return single_file(Path(spec))
    if os.path.isdir(spec):
        return _only_shot_in(Path(spec))
    after = _RANGE_AFTER.match(spec)
    numbers = parse_frame_range(after["range"]) if after else None
    pattern = parse_pattern(after["path"] if after else spec)
    if pattern is None:
        raise SequenceError(
            "There is no such file.",
            expected="a file, a folder, or a pattern such as plate.####.exr",
            found="nothing of that name",
            where=spec,
            remedy="check the path; a sequence is written with #### for its frame numbers",
        )
    return _files_of(pattern, numbers if numbers is not None else pattern.numbers)


def single_file(path: Path) -> FileList:
    """One file; its number is the one before its extension (``plate.1001.exr``, ``plate_1001.exr``),
    else 1."""
    match = _NUMBERED.match(path.name)
    numbered = match is not None and (not match["prefix"] or match["prefix"][-1] in "._")
    return FileList({_bounded(match["number"]) if match and numbered else 1: path})


def restrict(files: FileList, frames: str | None, spec: str) -> FileList:
    """Only the frames of the range ``frames``; SequenceError when none of them is there."""
    if frames is None:
        return files
    wanted = parse_frame_range(frames)
    kept = {number: files.files[number] for number in wanted if number in files.files}
    if not kept:
        raise SequenceError(
            "None of the wanted frames is there.",
            expected=f"frames {frames}",
            found=f"frames {format_numbers(files.files)}",
            where=spec,
            remedy="give --frames a range that the shot has",
        )
    absent = tuple(number for number in wanted if number not in kept)
    return FileList(kept, files.pattern, absent, requested=True)


def format_numbers(numbers: Iterable[int]) -> str:
    """Frame numbers as a short range: ``1001-1004,1010``."""
    listed = sorted(numbers)
    return str(fileseq.FrameSet(listed)) if listed else "none"


def _padding(mark: re.Match[str]) -> int:
    digits = mark.group(1) or mark.group(2)
    if digits is not None or mark.group()[0] in "%$":
        return max(min(int(digits or 1), 32), 1)
    return min(len(mark.group()), 32)


def _bounded(digits: str) -> int:
    """A number from a file name, or 1 when it is too long to be a frame number."""
    return int(digits) if len(digits) <= 12 else 1


def _files_of(pattern: Pattern, numbers: tuple[int, ...] | None) -> FileList:
    found = _matching_files(pattern)
    if numbers is not None:
        found = {number: found[number] for number in numbers if number in found}
    if not found:
        raise SequenceError(
            "No file belongs to this sequence.",
            expected=f"files such as {pattern.path(1001).name}",
            found=_what_is_missing(pattern.folder),
            where=str(pattern),
            remedy="check the folder, the name and the frame numbers",
        )
    ordered = dict(sorted(found.items()))
    wanted = numbers if numbers is not None else _between(ordered)
    missing = tuple(number for number in wanted if number not in ordered)
    return FileList(ordered, pattern, missing, requested=numbers is not None)


def _what_is_missing(folder: Path) -> str:
    """Why there is no file in ``folder``: the outermost folder that is not there, or just none."""
    missing = [each for each in (folder, *folder.parents) if not each.is_dir()]
    if missing and missing[-1].is_symlink():
        return f"{missing[-1]}, a link to {os.readlink(missing[-1])}, which is not there"
    return f"no folder {missing[-1]}" if missing else "none"


def _between(numbers: Iterable[int]) -> Iterable[int]:
    listed = list(numbers)
    span = range(listed[0], listed[-1] + 1)
    return span if len(span) <= MAX_FRAMES else ()


def _matching_files(pattern: Pattern) -> dict[int, Path]:
    matcher = re.compile(
        re.escape(pattern.prefix) + r"(-?\d{1,12})" + f"(?i:{re.escape(pattern.suffix)})$", re.DOTALL
    )
    found: dict[int, Path] = {}
    for name in sorted(_names_in(pattern.folder)):
        match = matcher.match(name)
        if match and int(match.group(1)) not in found:
            found[int(match.group(1))] = pattern.folder / name
    for number in found:
        exact = pattern.path(number)
        if exact != found[number] and exact.is_file():
            found[number] = exact
    return found


def _names_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder) if entry.is_file() or _is_broken_link(entry)]
    except OSError:
        return []


def _is_broken_link(entry: os.DirEntry[str]) -> bool:
    """A frame that was linked and is gone: it belongs to the shot, and reading it is an error."""
    return entry.is_symlink() and not os.path.exists(entry.path)


def _only_shot_in(folder: Path) -> FileList:
    singles, sequences = _grouped(folder)
    shots = sorted([*singles, *sequences])
    if len(shots) == 1:
        return next(iter(_shots_in(folder).values()))
    more = f" and {len(shots) - MOST_NAMED} more" if len(shots) > MOST_NAMED else ""
    raise SequenceError(
        "The folder holds several shots." if shots else "The folder holds no frames.",
        expected="one sequence of image files, or one movie",
        found=", ".join(shots[:MOST_NAMED]) + more if shots else "no image file or movie",
        where=str(folder),
        remedy="name the sequence, as in folder/plate.####.exr",
    )


def holds_one_shot(folder: str | Path) -> bool:
    """Whether the images and movies in a folder are one sequence, one still or one movie."""
    labels: set[str] = set()
    for name in _names_in(Path(folder)):
        label = _label(name)
        if label is not None:
            labels.add(label)
        if len(labels) > 1:
            return False
    return len(labels) == 1


def _label(name: str) -> str | None:
    """What the shot is called that a file belongs to; None where it belongs to none."""
    if name.startswith(".") or not (is_image_path(name) or is_movie_path(name)):
        return None
    match = None if is_movie_path(name) else _NUMBERED.match(name)
    if match is None or len(match["number"]) > 12:
        return name
    return f"{match['prefix']}####{match['suffix'].lower()}"


def _grouped(folder: Path) -> tuple[list[str], dict[str, list[re.Match[str]]]]:
    """The stills and movies in a folder, and the names that are numbered, by the sequence they belong to."""
    singles: list[str] = []
    sequences: dict[str, list[re.Match[str]]] = {}
    for name in sorted(_names_in(folder)):
        label = _label(name)
        if label == name:
            singles.append(name)
        elif label is not None:
            match = _NUMBERED.match(name)
            assert match is not None
            sequences.setdefault(label, []).append(match)
    return singles, sequences


def _shots_in(folder: Path) -> dict[str, FileList]:
    """Every sequence, still and movie in a folder under the name by which a user would ask for it."""
    singles, sequences = _grouped(folder)
    shots = {name: single_file(folder / name) for name in singles}
    for label, matches in sequences.items():
        padding = min(len(match["number"]) for match in matches)
        pattern = Pattern(folder, matches[0]["prefix"], matches[0]["suffix"], padding)
        shots[label] = _files_of(pattern, None)
    return shots
