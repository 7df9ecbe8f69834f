"""What each file format can carry: the only place that knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from understudy.errors import SequenceError, SettingError


@dataclass(frozen=True)
class ImageFormat:
    """One kind of image file, under OpenImageIO's name."""

    name: str
    extensions: tuple[str, ...]
    kinds: tuple[str, ...]  # stored types that it can hold
    channel_counts: tuple[int, ...] = ()  # empty: any number of channels, with names
    has_windows: bool = False  # a data window apart from the display window
    has_names: bool = False  # channels of any name, kept under it
    carries_provenance: bool = False  # free attributes survive
    depths: tuple[str, ...] = ()
    default_depth: str = ""
    can_write: bool = True


FORMATS: tuple[ImageFormat, ...] = (
    ImageFormat(
        "openexr",
        ("exr", "sxr", "mxr"),
        ("half", "float", "uint"),
        has_windows=True,
        has_names=True,
        carries_provenance=True,
        depths=("half", "float"),
        default_depth="half",
    ),
    ImageFormat(
        "tiff",
        ("tif", "tiff"),
        ("uint8", "uint16", "uint", "float"),
        depths=("8", "16", "float"),
        default_depth="16",
    ),
    ImageFormat(
        "png",
        ("png",),
        ("uint8", "uint16"),
        channel_counts=(1, 2, 3, 4),
        carries_provenance=True,
        depths=("8", "16"),
        default_depth="16",
    ),
    ImageFormat("jpeg", ("jpg", "jpeg"), ("uint8",), channel_counts=(1, 3), depths=("8",), default_depth="8"),
    ImageFormat(
        "dpx",
        ("dpx",),
        ("uint8", "uint16"),
        channel_counts=(1, 3, 4),
        depths=("8", "10", "12", "16"),
        default_depth="10",
    ),
    ImageFormat(
        "hdr", ("hdr", "rgbe"), ("float",), channel_counts=(3,), depths=("float",), default_depth="float"
    ),
    ImageFormat("targa", ("tga",), ("uint8",), channel_counts=(1, 3, 4), depths=("8",), default_depth="8"),
    ImageFormat("cineon", ("cin",), ("uint16",), channel_counts=(3,), can_write=False),
)

IMAGE_EXTENSIONS = frozenset(extension for each in FORMATS for extension in each.extensions)
MOVIE_EXTENSIONS = ("mov", "mxf", "mp4", "m4v", "mkv")
WRITABLE_MOVIES = ("mov", "mxf", "mp4")
DEPTHS = ("8", "10", "12", "16", "half", "float")

_COMPRESSIONS: dict[str, tuple[str, ...]] = {
    "openexr": (
        *("none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab"),
        *("htj2k32", "htj2k256", "zstd"),
    ),
    "tiff": ("none", "lzw", "zip", "packbits"),
    "jpeg": ("jpeg",),
}


def extension_of(path: str | PurePath) -> str:
    """The extension in lower case, without its dot."""
    return PurePath(path).suffix[1:].lower()


def is_movie_path(path: str | PurePath) -> bool:
    return extension_of(path) in MOVIE_EXTENSIONS


def is_image_path(path: str | PurePath) -> bool:
    return extension_of(path) in IMAGE_EXTENSIONS


def format_named(name: str) -> ImageFormat | None:
    """The format under OpenImageIO's name, or None when this project does not read it."""
    return next((each for each in FORMATS if each.name == name), None)


def format_to_write(path: str | PurePath) -> ImageFormat:
    """The format that the extension of ``path`` asks for; SequenceError when it cannot be written."""
    extension = extension_of(path)
    for image_format in FORMATS:
        if extension in image_format.extensions and image_format.can_write:
            return image_format
    writable = [each.extensions[0] for each in FORMATS if each.can_write]
    raise SequenceError(
        "The output's extension names no format that can be written.",
        expected=", ".join([*writable, *WRITABLE_MOVIES]),
        found=f".{extension}" if extension else "no extension",
        where=str(path),
        remedy="give the output one of these extensions",
    )


def check_depth(image_format: ImageFormat, depth: str | None) -> None:
    """SettingError unless ``depth`` is None or one that the format can store."""
    if depth is None or depth in image_format.depths:
        return
    raise SettingError(
        f"{image_format.extensions[0].upper()} files cannot store this bit depth.",
        expected=", ".join(image_format.depths),
        found=depth,
        remedy="choose one of these, or another file format",
    )


def check_compression(image_format: ImageFormat, compression: str | None) -> None:
    """SettingError unless ``compression`` (``name`` or ``name:level``) is None or known to the format.

    The library takes an unknown name for zip without a word.
    """
    if compression is None:
        return
    known = _COMPRESSIONS.get(image_format.name, ())
    name, _, level = compression.partition(":")
    if name in known and (not level or level.replace(".", "", 1).isdigit()):
        return
    raise SettingError(
        f"{image_format.extensions[0].upper()} files do not have this compression.",
        expected=", ".join(known) or "none to choose from",
        found=compression,
        remedy="leave the compression out to keep the plate's",
    )
