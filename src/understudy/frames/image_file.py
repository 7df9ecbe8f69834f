"""One image file -> Frame. Every failure of the library becomes a FrameError here."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from understudy.errors import ChannelError, FrameError
from understudy.frames.formats import FORMATS, ImageFormat, format_named
from understudy.frames.frame import Frame, Part, channel_kinds, part_label
from understudy.frames.header_colour import mark_png
from understudy.frames.library_path import library_path
from understudy.frames.orientation import turn_windows, turned, turns_of
from understudy.frames.values import DTYPES

MAX_STORED_BYTES = 4 * 2**30  # all parts together: 16k x 16k RGBA half is 2 GiB
ALWAYS_PLAUSIBLE_BYTES = 64 * 2**20  # what a file of any size may unpack to
MAX_DISPLAY_PIXELS = 2**28  # 16k x 16k: what planes() makes by default
MAX_EXPANSION = 32_768  # larger frames may not be this many times larger than their file
MAX_PARTS = 1024

_BROKEN = (OSError, UnicodeDecodeError, ValueError, MemoryError, RuntimeError, OverflowError, TypeError)


def set_threads(count: int) -> None:
    """How many threads OpenImageIO may use for one image; 0 for one per core."""
    oiio.attribute("threads", int(count))
    oiio.attribute("exr_threads", int(count))


def read_image_file(path: Path | str, *, part: str | None = None, number: int = 1) -> Frame:
    """The whole file as a Frame, each channel in its stored type.

    ``part`` selects a part by name, by the first word of its name, or by its number from 1. Alpha is
    never multiplied into the colours. Raises FrameError for a file that is missing, damaged, deep, of
    another format or larger than a frame can be, ChannelError for a part that is not there.
    """
    frame = _read(Path(path), number, _read_part)
    return frame if part is None else select_part(frame, part)


def read_header(path: Path | str, *, number: int = 1) -> Frame:
    """The file as a Frame without pixels: its parts, their channels and headers. FrameError."""
    return _read(Path(path), number, _without_pixels)


ReadPart = Callable[[oiio.ImageInput, int, oiio.ImageSpec, Path], Part]


def _read(path: Path, number: int, read_part: ReadPart) -> Frame:
    size = _file_size(path)
    try:
        with library_path(path) as name:
            source = _open(path, name)
            try:
                return _read_parts(source, path, size, number, read_part)
            finally:
                source.close()
    except _BROKEN as error:
        raise _damaged(path, type(error).__name__) from error


def select_part(frame: Frame, wanted: str) -> Frame:
    """The same frame with another part selected; ChannelError when there is no such part."""
    labels = [part_label(part, index) for index, part in enumerate(frame.parts)]
    stems = [label.split(".")[0] for label in labels]
    for names in (labels, stems, [str(index + 1) for index in range(len(labels))]):
        if wanted in names:
            return Frame(frame.parts, frame.path, frame.number, frame.file_format, names.index(wanted))
    raise ChannelError(
        "The file has no such part.",
        expected=wanted,
        found=", ".join(labels),
        where=str(frame.path),
        remedy="name a part that the file has",
    )


def take_part(frame: Frame, like: Frame) -> Frame:
    """The same frame with the part selected that bears the name of the selected one of ``like``, which its
    shot begins with. ChannelError when it has none: another part would be another picture."""
    if len(frame.parts) == len(like.parts) == 1:
        return frame
    names, name = [part.name for part in frame.parts], like.part.name
    if name and name in names:
        return replace(frame, selected=names.index(name))
    if not name and like.selected < len(names) and not names[like.selected]:
        return replace(frame, selected=like.selected)
    raise ChannelError(
        "The frame lacks the part that its shot begins with.",
        expected=name or "a part without a name",
        found=", ".join(part_label(part, index) for index, part in enumerate(frame.parts)),
        where=str(frame.path),
        remedy="render this frame again with that part, or name one that all frames have with --part",
    )


def _file_size(path: Path) -> int:
    try:
        info = os.stat(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        if os.path.islink(path):
            reason = f"a link to {os.readlink(path)}, which is not there"
        raise FrameError(
            "The file cannot be opened.", found=reason, where=str(path), remedy="check the path"
        ) from error
    if not stat.S_ISREG(info.st_mode):
        raise FrameError("This is not a file.", expected="an image file", where=str(path))
    return info.st_size


def _open(path: Path, name: Path) -> oiio.ImageInput:
    settings = oiio.ImageSpec()
    settings.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(str(name), settings)
    if source is None:
        raise _refused(path, _pending_error())
    if _format_of(source) is None:
        known = ", ".join(each.extensions[0] for each in FORMATS)
        raise _refused(path, f"a {source.format_name()} file", expected=f"one of {known}")
    return source


def _format_of(source: oiio.ImageInput) -> ImageFormat | None:
    return format_named(source.format_name())


def _read_parts(source: oiio.ImageInput, path: Path, size: int, number: int, read_part: ReadPart) -> Frame:
    specs = _specs(source, path, size)
    parts = tuple(
        _upright(read_part(source, index, spec, path), source.format_name())
        for index, spec in enumerate(specs)
    )
    if source.format_name() == "jpeg" and not _is_whole_jpeg(path):
        raise _damaged(path, "a file cut short")
    return Frame(parts, path, number, source.format_name())


def _upright(part: Part, file_format: str) -> Part:
    """The part as the picture is to be held."""
    steps = turns_of(part.spec, file_format)
    if not steps:
        return part
    turn_windows(part.spec, steps)
    planes = turned(part.pixels.values(), steps)
    return replace(part, pixels=dict(zip(part.pixels, planes, strict=True)))


def _is_whole_jpeg(path: Path) -> bool:
    """False when the last scan has no end: the library fills the rest with grey and says nothing."""
    data = path.read_bytes()
    return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")


def _specs(source: oiio.ImageInput, path: Path, size: int) -> list[oiio.ImageSpec]:
    """The header of every part, all of them checked before a single pixel is read."""
    specs: list[oiio.ImageSpec] = []
    total = 0
    while len(specs) < MAX_PARTS and source.seek_subimage(len(specs), 0):
        spec = oiio.ImageSpec(source.spec())
        _check_header(spec, path)
        if source.format_name() == "png":
            mark_png(spec, path)
        total += spec.width * spec.height * sum(DTYPES[kind].itemsize for kind in channel_kinds(spec))
        specs.append(spec)
    _check_size(total, size, path)
    if not specs:
        raise _damaged(path, _error_of(source))
    return specs


def _check_header(spec: oiio.ImageSpec, path: Path) -> None:
    if spec.deep:
        raise _refused(path, "a deep image", remedy="flatten it to one sample per pixel first")
    unknown = [kind for kind in channel_kinds(spec) if kind not in DTYPES]
    if unknown:
        raise _refused(path, f"values of type {unknown[0]}", expected=", ".join(DTYPES))
    if spec.depth > 1 or min(spec.width, spec.height, spec.full_width, spec.full_height, spec.nchannels) < 1:
        raise _refused(
            path, f"a header of {spec.width} x {spec.height} x {spec.depth}, {spec.nchannels} channels"
        )
    if spec.full_width * spec.full_height > MAX_DISPLAY_PIXELS:
        raise _refused(
            path, f"a header that claims a display window of {spec.full_width} x {spec.full_height}"
        )
    if len(set(spec.channelnames)) != spec.nchannels:
        raise _refused(path, "two channels of one name")


def _check_size(claimed: int, size: int, path: Path) -> None:
    """Refuse a header that claims more pixels than a frame has, or than the file could hold."""
    plausible = claimed <= max(ALWAYS_PLAUSIBLE_BYTES, size * MAX_EXPANSION)
    if claimed <= MAX_STORED_BYTES and plausible:
        return
    raise _refused(
        path,
        f"a header that claims {claimed / 2**30:.1f} GiB of pixels in a file of {size} bytes",
        expected=f"at most {MAX_STORED_BYTES // 2**30} GiB",
    )


def _read_part(source: oiio.ImageInput, index: int, spec: oiio.ImageSpec, path: Path) -> Part:
    kinds = channel_kinds(spec)
    names = tuple(spec.channelnames)
    read = _read_mixed if len(set(kinds)) > 1 else _read_uniform
    planes = read(source, index, kinds, path)
    pixels = {name: plane for name, plane in zip(names, planes, strict=True)}
    return Part(_part_name(spec), names, pixels, spec)


def _without_pixels(source: oiio.ImageInput, index: int, spec: oiio.ImageSpec, path: Path) -> Part:
    return Part(_part_name(spec), tuple(spec.channelnames), {}, spec)


def _part_name(spec: oiio.ImageSpec) -> str:
    return str(spec.getattribute("name") or spec.getattribute("oiio:subimagename") or "")


def _read_uniform(
    source: oiio.ImageInput, index: int, kinds: tuple[str, ...], path: Path
) -> list[np.ndarray]:
    array = _read_channels(source, index, 0, len(kinds), kinds[0], path)
    return [array[..., channel] for channel in range(len(kinds))]


def _read_mixed(source: oiio.ImageInput, index: int, kinds: tuple[str, ...], path: Path) -> list[np.ndarray]:
    """Half and float together as float, which is exact; 32-bit integers apart, since floats cannot hold
    them."""
    array = _read_channels(source, index, 0, len(kinds), "float", path)
    planes = []
    for channel, kind in enumerate(kinds):
        if kind == "uint":
            planes.append(_read_channels(source, index, channel, channel + 1, kind, path)[..., 0])
        else:
            planes.append(array[..., channel].astype(DTYPES[kind]))
    return planes


def _read_channels(
    source: oiio.ImageInput, index: int, first: int, end: int, kind: str, path: Path
) -> np.ndarray:
    array = source.read_image(index, 0, first, end, oiio.TypeDesc(kind))
    if array is None:
        raise _damaged(path, _error_of(source))
    expected = (end - first,)
    if array.ndim != 3 or array.shape[2:] != expected:
        raise _damaged(path, f"pixels of shape {array.shape}")
    return array


def _error_of(source: oiio.ImageInput) -> str:
    try:
        return source.geterror()
    except UnicodeDecodeError:
        return "a header that is not text"


def _pending_error() -> str:
    try:
        return oiio.geterror()
    except UnicodeDecodeError:
        return "a header that is not text"


def _damaged(path: Path, reason: str) -> FrameError:
    return FrameError(
        "The image file is damaged.",
        expected="a whole image file",
        found=_short(reason) or "pixels that cannot be read",
        where=str(path),
        remedy="render or copy this frame again",
    )


def _refused(path: Path, found: str, *, expected: str = "an image file", remedy: str = "") -> FrameError:
    return FrameError(
        "The image file cannot be used.",
        expected=expected,
        found=_short(found),
        where=str(path),
        remedy=remedy or "convert the file, or take it out of the sequence",
    )


def _short(reason: str) -> str:
    """The library's words in one printable line of bearable length."""
    line = " ".join(reason.split())
    printable = "".join(character if character.isprintable() else "?" for character in line)
    return printable[:300]
