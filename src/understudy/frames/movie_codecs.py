"""Which codec a finished movie gets: the plate's own where it can be written, else the trade's habit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from understudy.errors import SettingError
from understudy.frames.movie_info import MovieInfo, is_rgb


@dataclass(frozen=True)
class Codec:
    """``encoder`` and ``options`` are FFmpeg's; ``alpha_format`` is empty where the codec has no alpha.

    ``formats``: the pixel formats among which the plate's own is kept; none where there is only one.
    ``full_range``: whether readers are told of full range; such as ProRes cannot say it. ``interlaced`` is
    whether fields can be encoded, or need no encoding of their own. ``sizes``: which
    sizes of frames it takes, in words, where not all.
    """

    name: str
    encoder: str
    pixel_format: str
    options: Mapping[str, str] = field(default_factory=dict)
    alpha_format: str = ""
    formats: tuple[str, ...] = ()
    full_range: bool = False
    interlaced: bool = True
    sizes: str = ""

    @property
    def bits(self) -> int:
        return bits_of(self.pixel_format)


def _prores(name: str, profile: str, pixel_format: str = "yuv422p10le", alpha_format: str = "") -> Codec:
    options = {"profile": profile, "vendor": "apl0"}
    if alpha_format:
        options["alpha_bits"] = "16"
    return Codec(name, "prores_ks", pixel_format, options, alpha_format)


def _dnxhr(name: str, pixel_format: str) -> Codec:
    return Codec(
        name, "dnxhd", pixel_format, {"profile": name}, interlaced=False, sizes="at least 256 x 120 pixels"
    )


_EIGHT, _TEN = ("yuv420p", "yuv422p", "yuv444p"), ("yuv420p10le", "yuv422p10le", "yuv444p10le")
_TWELVE = ("yuv420p12le", "yuv422p12le", "yuv444p12le")
# without B frames: the encoder gives a movie of one or two frames impossible times with them
_HEVC = {"crf": "10", "preset": "medium", "x265-params": "log-level=error:bframes=0"}

CODECS: dict[str, Codec] = {
    codec.name: codec
    for codec in (
        _prores("prores_proxy", "proxy"),
        _prores("prores_lt", "lt"),
        _prores("prores_422", "standard"),
        _prores("prores_hq", "hq"),
        _prores("prores_4444", "4444", "yuv444p10le", "yuva444p10le"),
        _prores("prores_xq", "4444xq", "yuv444p10le", "yuva444p10le"),
        _dnxhr("dnxhr_lb", "yuv422p"),
        _dnxhr("dnxhr_sq", "yuv422p"),
        _dnxhr("dnxhr_hq", "yuv422p"),
        _dnxhr("dnxhr_hqx", "yuv422p10le"),
        _dnxhr("dnxhr_444", "yuv444p10le"),
        Codec(
            "h264",
            "libx264",
            "yuv420p",
            {"crf": "12", "preset": "medium"},
            formats=(*_EIGHT, *_TEN),
            full_range=True,
        ),
        Codec("hevc", "libx265", "yuv420p", _HEVC, formats=(*_EIGHT, *_TEN, *_TWELVE), full_range=True),
        Codec("png", "png", "rgb24", {}, "rgba", ("rgb24", "rgb48be"), full_range=True),
        Codec("animation", "qtrle", "rgb24", {}, "argb", full_range=True),
        Codec("v210", "v210", "yuv422p10le", sizes="an even width"),
    )
}

_DEFAULTS = {"mov": "prores_4444", "mxf": "dnxhr_hqx", "mp4": "h264"}
_IN_MP4 = ("h264", "hevc")
_ONLY_MOV = (*_IN_MP4, "png", "animation", "v210")
_CARRIES = {
    "mov": tuple(CODECS),
    "mxf": tuple(name for name in CODECS if name not in _ONLY_MOV),
    "mp4": _IN_MP4,
}
_PRORES_PROFILES = {
    "proxy": "prores_proxy",
    "lt": "prores_lt",
    "standard": "prores_422",
    "hq": "prores_hq",
    "4444": "prores_4444",
    "xq": "prores_xq",
}
_LIKE = {"h264": "h264", "hevc": "hevc", "png": "png", "qtrle": "animation", "v210": "v210"}
_HDR_TRANSFERS = (16, 18)


def choose_codec(extension: str, plate: MovieInfo | None, wanted: str | None) -> Codec:
    """The codec for a movie with this extension; ``wanted`` is a key of ``CODECS`` or None.

    Raises SettingError for a codec that does not exist, or that the container cannot carry.
    """
    if wanted is None:
        codec = codec_like(plate) if plate else None
        if codec is None or codec.name not in _CARRIES[extension]:
            codec = _nearest(extension, plate)
        return _fitted(codec, plate)
    if wanted not in _CARRIES[extension]:
        raise SettingError(
            f"A .{extension} movie cannot be written with this codec.",
            expected=", ".join(_CARRIES[extension]),
            found=wanted,
            remedy="choose one of these, or leave the codec out",
        )
    return _fitted(CODECS[wanted], plate)


def codec_like(plate: MovieInfo) -> Codec | None:
    """The codec that writes what the plate is; None when there is no encoder for it."""
    profile = plate.profile.lower()
    if plate.codec == "prores":
        return CODECS.get(_PRORES_PROFILES.get(profile, "prores_hq"))
    if plate.codec == "dnxhd":
        return CODECS.get(profile.replace(" ", "_"), CODECS["dnxhr_hqx"])
    name = _LIKE.get(plate.codec)
    return CODECS[name] if name else None


def bits_of(pixel_format: str) -> int:
    """Bits of one component, from FFmpeg's name of a pixel format of the table above."""
    depths = {"p10": 10, "p12": 12, "48": 16, "64": 16}
    return next((bits for mark, bits in depths.items() if mark in pixel_format), 8)


def chroma_of(pixel_format: str) -> str:
    """``4:2:0``, ``4:2:2``, ``4:4:4`` or ``RGB``, from FFmpeg's name of a pixel format."""
    if is_rgb(pixel_format):
        return "RGB"
    marks = {"422": "4:2:2", "444": "4:4:4", "210": "4:2:2", "216": "4:2:2", "nv16": "4:2:2", "411": "4:1:1"}
    return next((name for mark, name in marks.items() if mark in pixel_format), "4:2:0")


def _nearest(extension: str, plate: MovieInfo | None) -> Codec:
    """What loses nothing visible of a plate whose own codec cannot be written here."""
    if plate is not None and extension == "mp4" and plate.tags.transfer in _HDR_TRANSFERS:
        return CODECS["hevc"]
    if plate is not None and extension == "mxf" and chroma_of(plate.pixel_format) in ("4:4:4", "RGB"):
        return CODECS["dnxhr_444"]
    return CODECS[_DEFAULTS[extension]]


def _fitted(codec: Codec, plate: MovieInfo | None) -> Codec:
    """The codec with the plate's own depth and chroma, among those that it has."""
    if plate is None or not codec.formats:
        return codec
    chroma = chroma_of(plate.pixel_format)
    wanted = {"RGB": "4:4:4", "4:1:1": "4:2:2"}.get(chroma, chroma)
    fit = [name for name in codec.formats if is_rgb(name) or chroma_of(name) == wanted]
    deep = [name for name in fit if bits_of(name) >= plate.bits] or fit[-1:]
    deeper = codec.alpha_format if bits_of(deep[0]) == 8 else codec.alpha_format.replace("rgba", "rgba64be")
    return replace(codec, pixel_format=deep[0], alpha_format=deeper)
