"""Which codec a finished movie gets: the plate's own where it can be written, else the trade's habit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from understudy.errors import SettingError
from understudy.frames.movie_info import MovieInfo


@dataclass(frozen=True)
class Codec:
    """``encoder`` and ``options`` are FFmpeg's; ``alpha_format`` is empty where the codec has no alpha."""

    name: str
    encoder: str
    pixel_format: str
    options: Mapping[str, str] = field(default_factory=dict)
    alpha_format: str = ""


def _prores(name: str, profile: str, pixel_format: str = "yuv422p10le", alpha_format: str = "") -> Codec:
    options = {"profile": profile, "vendor": "apl0"}
    if alpha_format:
        options["alpha_bits"] = "16"
    return Codec(name, "prores_ks", pixel_format, options, alpha_format)


def _dnxhr(name: str, pixel_format: str) -> Codec:
    return Codec(name, "dnxhd", pixel_format, {"profile": name})


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
        Codec("h264", "libx264", "yuv420p", {"crf": "12", "preset": "medium"}),
    )
}

_DEFAULTS = {"mov": "prores_4444", "mxf": "dnxhr_hqx", "mp4": "h264"}
_CARRIES = {"mov": tuple(CODECS), "mxf": tuple(name for name in CODECS if name != "h264"), "mp4": ("h264",)}
_PRORES_PROFILES = {
    "proxy": "prores_proxy",
    "lt": "prores_lt",
    "standard": "prores_422",
    "hq": "prores_hq",
    "4444": "prores_4444",
    "xq": "prores_xq",
}
_H264_FORMATS = ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le")


def choose_codec(extension: str, plate: MovieInfo | None, wanted: str | None) -> Codec:
    """The codec for a movie with this extension; ``wanted`` is a key of ``CODECS`` or None.

    Raises SettingError for a codec that does not exist, or that the container cannot carry.
    """
    if wanted is None:
        codec = codec_like(plate) if plate else None
        return codec if codec and codec.name in _CARRIES[extension] else CODECS[_DEFAULTS[extension]]
    if wanted not in _CARRIES[extension]:
        raise SettingError(
            f"A .{extension} movie cannot be written with this codec.",
            expected=", ".join(_CARRIES[extension]),
            found=wanted,
            remedy="choose one of these, or leave the codec out",
        )
    return CODECS[wanted]


def codec_like(plate: MovieInfo) -> Codec | None:
    """The codec that writes what the plate is; None when there is no encoder for it."""
    profile = plate.profile.lower()
    if plate.codec == "prores":
        return CODECS.get(_PRORES_PROFILES.get(profile, "prores_hq"))
    if plate.codec == "dnxhd":
        return CODECS.get(profile.replace(" ", "_"), CODECS["dnxhr_hqx"])
    if plate.codec == "h264":
        pixel_format = plate.pixel_format.replace("yuvj", "yuv")
        return replace(
            CODECS["h264"], pixel_format=pixel_format if pixel_format in _H264_FORMATS else "yuv420p"
        )
    return None
