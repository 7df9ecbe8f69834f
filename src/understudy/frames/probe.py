"""What the header of a picture says, read as quickly as can be: of many pictures each is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import OpenImageIO as oiio

from understudy.errors import FrameError
from understudy.frames.library_path import library_path
from understudy.frames.orientation import turns_of

_BROKEN = (OSError, UnicodeDecodeError, ValueError, MemoryError, RuntimeError, OverflowError, TypeError)


@dataclass(frozen=True)
class Header:
    """Height and width of the display window as the picture is to be held, and how many channels it has."""

    height: int
    width: int
    channels: int


def probe(path: str | Path) -> Header:
    """The header of an image file. FrameError where there is none."""
    try:
        with library_path(Path(path)) as name:
            source = oiio.ImageInput.open(str(name))
            if source is None:
                raise _refused(path, _why())
            try:
                return _header(source.spec(), source.format_name())
            finally:
                source.close()
    except _BROKEN as error:
        raise _refused(path, type(error).__name__) from error


def _header(spec: oiio.ImageSpec, file_format: str) -> Header:
    height, width = spec.full_height, spec.full_width
    if "t" in turns_of(spec, file_format):
        height, width = width, height
    return Header(height, width, spec.nchannels)


def _why() -> str:
    try:
        return " ".join(oiio.geterror().split())[:200] or "nothing that can be read"
    except UnicodeDecodeError:
        return "a header that is not text"


def _refused(path: str | Path, found: str) -> FrameError:
    return FrameError("The image file cannot be used.", found=found, where=str(path))
