"""What a file's header says about the colour of its values, in the header's own words.

Nothing is made of it here: ``colour`` decides what it means. Movies and PNG say it with two numbers of
ITU-T H.273, which a frame's header holds as OpenImageIO's attribute ``CICP``; others with a name, with
chromaticities, or with an ICC profile.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from understudy.frames.frame import Frame

UNSPECIFIED = 2
CICP = "CICP"
PNG_SRGB = "understudy:pngSRGB"
MOST_CHUNKS = 1000
_FOUR = oiio.TypeDesc("int[4]")

_FILM = ("Logarithmic", "Printing density")
_VIDEO = (
    *("Unspecified video", "SMPTE 274M", "ITU-R 709-4", "NTSC", "PAL"),
    *("ITU-R 601-5 system B or G", "ITU-R 601-5 system M"),
)
_PRIMARIES = {1: "BT.709", 5: "BT.601", 6: "BT.601", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_TRANSFERS = {
    **{1: "BT.709", 4: "gamma 2.2", 5: "gamma 2.8", 6: "BT.601", 8: "linear", 13: "sRGB"},
    **{14: "BT.2020", 15: "BT.2020", 16: "PQ", 18: "HLG"},
}


@dataclass(frozen=True)
class HeaderColour:
    """``source`` names what says it, for sentences (``the movie's tags``); it is empty when nothing is said.

    primaries, transfer  numbers of ITU-T H.273 (1 BT.709, 8 linear, 13 sRGB, 16 PQ, 18 HLG, ...);
                         2 is unspecified
    space                a name, where the header gives one, as OpenImageIO or the Color Interop Forum know it
    chromaticities       x and y of red, green, blue and white, of linear values
    icc                  an ICC profile
    value                what the source says, as one reads it in the file
    """

    source: str = ""
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    space: str = ""
    chromaticities: tuple[float, ...] = ()
    icc: bytes = field(default=b"", repr=False)
    value: str = ""

    def __bool__(self) -> bool:
        return bool(self.source)

    @property
    def words(self) -> str:
        """The statement in a few words, such as ``the DPX header says transfer Logarithmic``."""
        return f"{self.source} {'say' if self.source.endswith('s') else 'says'} {self.value or self._codes()}"

    def _codes(self) -> str:
        primaries = _PRIMARIES.get(self.primaries, "unspecified")
        transfer = _TRANSFERS.get(self.transfer, "unspecified")
        return f"{self.primaries}/{self.transfer} ({primaries} primaries, {transfer} transfer)"


SILENT = HeaderColour()


def header_colour(frame: Frame) -> HeaderColour:
    """What the header of the frame's selected part says."""
    readers = {"dpx": _of_dpx, "cineon": _of_cineon, "png": _of_png, "openexr": _of_exr, "movie": _of_movie}
    return readers.get(frame.file_format, _of_others)(frame.part.spec)


def tag_rgb(spec: oiio.ImageSpec, primaries: int, transfer: int) -> None:
    """Say in ``spec`` what R, G and B over their full range mean; nothing where both are unspecified."""
    if (primaries, transfer) != (UNSPECIFIED, UNSPECIFIED):
        spec.attribute(CICP, _FOUR, (primaries, transfer, 0, 1))


def mark_png(spec: oiio.ImageSpec, path: Path) -> None:
    """Note in ``spec`` that the file has an sRGB chunk: the library calls a silent PNG sRGB too."""
    with suppress(OSError, struct.error):
        if _has_srgb_chunk(path):
            spec.attribute(PNG_SRGB, 1)


def _has_srgb_chunk(path: Path) -> bool:
    """Chunks are passed over by their lengths, up to the first of the pixels."""
    with open(path, "rb") as file:
        file.seek(8)
        for _ in range(MOST_CHUNKS):
            length, kind = struct.unpack(">I4s", file.read(8))
            if kind in (b"sRGB", b"IDAT", b"IEND"):
                return kind == b"sRGB"
            file.seek(length + 4, 1)
    return False


def _of_dpx(spec: oiio.ImageSpec) -> HeaderColour:
    transfer, source = spec.get_string_attribute("dpx:Transfer"), "the DPX header"
    value = f"transfer {transfer}"
    if transfer in _FILM:
        return HeaderColour(source, space="KodakLog", value=value)
    if transfer == "Linear":
        return HeaderColour(source, space="lin_rec709_scene", value=value)
    return HeaderColour(source, 1, 1, value=value) if transfer in _VIDEO else SILENT


def _of_cineon(spec: oiio.ImageSpec) -> HeaderColour:
    return HeaderColour("the Cineon format", space="KodakLog", value="film log")


def _of_png(spec: oiio.ImageSpec) -> HeaderColour:
    """In the order of precedence that the PNG standard gives: cICP, iCCP, sRGB, gAMA."""
    stated, source = _of_cicp(spec, f"{CICP} in the header") or _of_icc(spec), "the PNG header"
    if stated:
        return stated
    if spec.get_int_attribute(PNG_SRGB):
        return HeaderColour(source, space="srgb_rec709_scene", value="sRGB")
    name, gamma = spec.get_string_attribute("oiio:ColorSpace"), spec.get_float_attribute("oiio:Gamma")
    if name.startswith("lin_"):
        return HeaderColour(source, space=name, value="gAMA 1, linear")
    if gamma > 0:
        return HeaderColour(source, space=name, value=f"gAMA {1 / gamma:.4g}, a gamma of {gamma:.3g}")
    return SILENT


def _of_exr(spec: oiio.ImageSpec) -> HeaderColour:
    name, source = spec.get_string_attribute("colorInteropID"), "the EXR header"
    if name and name != "unknown":
        return HeaderColour(source, space=name, value=f"colorInteropID {name}")
    values = spec.getattribute("chromaticities")
    if not isinstance(values, tuple) or len(values) != 8:
        return SILENT
    shown = " ".join(f"{value:.4g}" for value in values)
    return HeaderColour(source, chromaticities=tuple(map(float, values)), value=f"chromaticities {shown}")


def _of_movie(spec: oiio.ImageSpec) -> HeaderColour:
    return _of_cicp(spec, "the movie's tags")


def _of_others(spec: oiio.ImageSpec) -> HeaderColour:
    stated = _of_icc(spec)
    if stated or spec.get_int_attribute("Exif:ColorSpace") != 1:
        return stated
    return HeaderColour("the Exif header", space="srgb_rec709_scene", value="sRGB")


def _of_cicp(spec: oiio.ImageSpec, source: str) -> HeaderColour:
    tags = spec.getattribute(CICP)
    if not (isinstance(tags, tuple) and len(tags) == 4):
        return SILENT
    return HeaderColour(source, int(tags[0]), int(tags[1]))


def _of_icc(spec: oiio.ImageSpec) -> HeaderColour:
    profile = spec.getattribute("ICCProfile")
    if not isinstance(profile, np.ndarray | bytes | tuple) or len(profile) < 128:
        return SILENT
    name = spec.get_string_attribute("ICCProfile:profile_description") or "one of no name"
    return HeaderColour("the ICC profile", icc=bytes(bytearray(profile)), value=f"it is {name[:80]}")
