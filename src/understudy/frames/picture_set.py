"""Pictures that have nothing to do with each other, numbered like the frames of a shot: those of a folder, of
a list, or of tar files. They differ in size, and some are grey where others are coloured."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from understudy.errors import ChannelError, FrameError
from understudy.frames.formats import extension_of, is_image_path
from understudy.frames.frame import Frame, Part, is_colour, spec_with
from understudy.frames.held_files import read_file
from understudy.frames.image_file import read_header, read_image_file
from understudy.frames.matte import spread
from understudy.frames.probe import Header, probe
from understudy.frames.shot import Shot, content_of_file
from understudy.frames.tar_files import TarMember, read_member

LOOKED_AT = 64
"""Headers that tell whether the pictures of a set are grey or coloured."""
GREY_CODES = 1 / 255 + 1e-6
"""How far red, green and blue of a grey picture may be apart: JPEG rounds each by itself."""

Picture = str | TarMember
Side = Literal["plate", "truth"]


class PictureSet(Shot):
    """``pictures`` by number: the path of a file, or a member of a tar.

    All come with the same channels. As ``plate`` a grey picture has its grey in red, green and blue, where
    there are coloured ones beside it. As ``truth`` of a set of mostly grey pictures one in colour gives its
    grey, and is refused where it is not grey. Nothing else is changed.
    """

    is_set = True

    def __init__(self, spec: str, pictures: Mapping[int, Picture], side: Side) -> None:
        self.spec, self._pictures, self._side = spec, dict(pictures), side
        self.numbers = tuple(self._pictures)

    @property
    def frame_rate(self) -> Fraction | None:
        return None

    @property
    def name(self) -> str:
        return "picture"

    @property
    def extension(self) -> str:
        return Path(self.frame_name(self.numbers[0])).suffix

    def path(self, number: int) -> Path:
        """Of a member of a tar, the tar and the member's name in one: a name, and no place on the disk."""
        self.check(number)
        picture = self._pictures[number]
        return Path(picture) if isinstance(picture, str) else Path(picture.tar) / picture.name

    def file(self, number: int) -> Path:
        """The file on the disk that holds a picture: its own, or a tar."""
        picture = self._pictures[number]
        return Path(picture if isinstance(picture, str) else picture.tar)

    def frame_name(self, number: int) -> str:
        picture = self._pictures[number]
        return os.path.basename(picture if isinstance(picture, str) else picture.name)

    def stamp(self, number: int) -> str:
        picture = self._pictures[number]
        if isinstance(picture, str):
            return super().stamp(number)
        try:
            return f"{picture.offset}-{picture.size}-{os.stat(picture.tar).st_mtime_ns}"
        except OSError:
            return ""

    def read(self, number: int) -> Frame:
        return self._as_others(replace(self._read(number), as_held=self.as_held))

    def file_size(self, number: int) -> int:
        picture = self._pictures[number]
        return super().file_size(number) if isinstance(picture, str) else picture.size

    def content(self, number: int) -> str:
        picture = self._pictures[number]
        if not isinstance(picture, str):
            return hashlib.sha256(read_member(picture)).hexdigest()[:32]
        return content_of_file(Path(picture))

    def close(self) -> None:
        """Nothing is open between pictures."""

    def _read(self, number: int) -> Frame:
        self.check(number)
        picture = self._pictures[number]
        return read_file(Path(picture), number) if isinstance(picture, str) else _member(picture, number)

    def probe(self, number: int) -> Header:
        picture = self._pictures[number]
        if isinstance(picture, str):
            return probe(picture)
        with _as_file(picture) as path:
            return probe(path)

    def read_ahead(self, number: int) -> None:
        picture = self._pictures[number]
        if isinstance(picture, str):
            super().read_ahead(number)
        else:
            read_member(picture)

    # -- channels ------------------------------------------------------------------------------------------

    @cached_property
    def channels(self) -> int:
        """How many colours the pictures are taken to have: 1 or 3; 0 where they are left as they are."""
        counts = [len(colours_of(frame)) for frame in self._headers()]
        grey, coloured = sum(count == 1 for count in counts), sum(count >= 3 for count in counts)
        if not grey or self._side == "plate":
            return 3 if coloured else 0
        return 1 if 2 * grey >= grey + coloured else 3

    def _headers(self) -> list[Frame]:
        found = []
        for number in spread(self.numbers, LOOKED_AT):
            with suppress(FrameError):
                found.append(self._header(number))
        return found

    def _header(self, number: int) -> Frame:
        picture = self._pictures[number]
        return read_header(picture) if isinstance(picture, str) else _member(picture, number)

    def _as_others(self, frame: Frame) -> Frame:
        own = colours_of(frame)
        if len(own) == 1 and self.channels == 3:
            return _coloured(frame, own[0])
        if len(own) == 3 and self.channels == 1:
            return _grey(frame, own)
        return frame


def colours_of(frame: Frame) -> tuple[str, ...]:
    """The channels of a frame that are colours; of a file with one channel that one."""
    names = frame.part.channels
    own = tuple(name for name in names if is_colour(name) and name.lower() not in ("a", "alpha"))
    return own or (names if len(names) == 1 else ())


def _coloured(frame: Frame, grey: str) -> Frame:
    """The frame with its grey in R, G and B."""
    return _with(frame, dict.fromkeys("RGB", frame.part.pixels[grey]), {grey})


def _grey(frame: Frame, own: tuple[str, ...]) -> Frame:
    """The frame with its first colour as Y. ChannelError where it is not grey."""
    planes = frame.planes(own)
    if float(np.ptp(planes, axis=2).max(initial=0.0)) <= 4 * GREY_CODES:
        return _with(frame, {"Y": frame.part.pixels[own[0]]}, set(own))
    raise ChannelError(
        "A ground truth is coloured where most of its set are grey.",
        expected="one channel, or red, green and blue alike",
        found=", ".join(own),
        where=str(frame.path),
        remedy="Write it in one channel, or say which is meant with --ground-truth-channels.",
    )


def _with(frame: Frame, new: Mapping[str, np.ndarray], without: set[str]) -> Frame:
    """The frame's selected part with channels ``new`` first, and not those of ``without``."""
    part = frame.part
    kind = part.kinds[part.channels.index(next(iter(without)))]
    rest = {name: part.pixels[name] for name in part.channels if name not in without}
    kinds = [kind] * len(new) + [part.kinds[part.channels.index(name)] for name in rest]
    planes = {**new, **rest}
    spec = spec_with(part.spec, tuple(planes), kinds)
    spec.alpha_channel = next((at for at, name in enumerate(planes) if name in ("A", "alpha")), -1)
    parts = list(frame.parts)
    parts[frame.selected] = Part(part.name, tuple(planes), planes, spec)
    return replace(frame, parts=tuple(parts))


def _member(member: TarMember, number: int) -> Frame:
    """A picture in a tar; the library reads files alone, so it is one for a moment, under a name of ours."""
    where = Path(member.tar) / member.name
    with _as_file(member) as path:
        return replace(read_image_file(path, number=number), path=where)


@contextmanager
def _as_file(member: TarMember) -> Iterator[str]:
    """The path of a file with what a member holds, as long as the block lasts. Errors name the member."""
    content = read_member(member)
    suffix = f".{extension_of(member.name)}" if is_image_path(member.name) else ""
    where = Path(member.tar) / member.name
    try:
        with tempfile.NamedTemporaryFile(prefix="understudy-", suffix=suffix) as file:
            file.write(content)
            file.flush()
            yield file.name
    except FrameError as error:
        raise FrameError(
            error.message, expected=error.expected, found=error.found, where=str(where), remedy=error.remedy
        ) from error
    except OSError as error:
        raise FrameError(
            "There is no room to read a picture out of its tar.",
            found=error.strerror or str(error),
            where=tempfile.gettempdir(),
        ) from error
