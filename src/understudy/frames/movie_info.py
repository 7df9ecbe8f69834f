"""What a movie's header says: enough to write another one like it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from understudy.frames.movie_hdr import NO_HDR, HdrMetadata, hdr_metadata, side_data_of
from understudy.frames.movie_orientation import UPRIGHT, Orientation, orientation_of
from understudy.frames.timecode import Timecode, parse_timecode

_MATRICES = (1, 4, 5, 6, 7, 9)  # those that the conversion to RGB knows
DEFAULT_RATE = Fraction(24)
PROGRESSIVE = 1
TOP_FIRST, BOTTOM_FIRST = (2, 4), (3, 5)  # FFmpeg's numbers of field orders
UNSPECIFIED = 2


@dataclass(frozen=True)
class ColourTags:
    """The four numbers of ITU-T H.273 by which a movie says how its values are meant; 2 (range: 0) is
    unspecified. ``guessed`` names those that the movie does not say and that had to be taken."""

    primaries: int = 1
    transfer: int = 1
    matrix: int = 1
    full_range: bool = False
    guessed: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class MovieInfo:
    """``codec`` and ``profile`` are FFmpeg's names; ``bits`` the depth of one component; ``width`` and
    ``height`` those of the stored picture, before it is turned by ``orientation``.

    ``fields`` is FFmpeg's number of the field order (0 unknown, 1 progressive). ``tracks`` names what else
    the file holds: pairs of kind and codec.
    """

    codec: str
    profile: str
    pixel_format: str
    width: int
    height: int
    rate: Fraction
    bits: int
    has_alpha: bool
    tags: ColourTags
    timecode: Timecode | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    pixel_aspect: Fraction = Fraction(1)
    time_base: Fraction = Fraction(1, 24)
    orientation: Orientation = UPRIGHT
    fields: int = 0
    hdr: HdrMetadata = NO_HDR
    tracks: tuple[tuple[str, str], ...] = ()

    @property
    def is_rgb(self) -> bool:
        return is_rgb(self.pixel_format)

    @property
    def is_interlaced(self) -> bool:
        return self.fields > PROGRESSIVE

    @property
    def shown_aspect(self) -> Fraction:
        """The pixel aspect of the picture as it is shown."""
        return 1 / self.pixel_aspect if self.orientation.swapped else self.pixel_aspect


def movie_info(stream: Any) -> MovieInfo:
    """Read from an opened PyAV video stream, before anything was decoded."""
    context = stream.codec_context
    components = context.format.components if context.format else ()
    metadata = {**stream.container.metadata, **stream.metadata}
    aspect = stream.sample_aspect_ratio
    return MovieInfo(
        codec=context.codec.canonical_name,
        profile=str(context.profile or ""),
        pixel_format=context.pix_fmt or "",
        width=context.width,
        height=context.height,
        rate=_rate(stream),
        bits=max((component.bits for component in components), default=8),
        has_alpha=any(component.is_alpha for component in components),
        tags=_tags(context),
        timecode=parse_timecode(metadata.get("timecode", "")),
        metadata=metadata,
        pixel_aspect=Fraction(aspect) if aspect else Fraction(1),
        time_base=Fraction(stream.time_base or 1 / _rate(stream)),
        fields=int(context.field_order),
        tracks=tuple((other.type, _codec_of(other)) for other in stream.container.streams if other != stream),
    )


def with_first_frame(info: MovieInfo, frame: Any, decoded_fields: int) -> MovieInfo:
    """The info with what only a decoded frame tells: turning, fields and HDR metadata.
    ``decoded_fields`` is the field order that the decoder found."""
    side_data = side_data_of(frame)
    matrix = side_data.get("DISPLAYMATRIX", b"")
    whole = len(matrix) == 36
    numbers = tuple(int.from_bytes(matrix[at : at + 4], "little", signed=True) for at in range(0, 36, 4))
    fields = info.fields
    if frame.interlaced_frame and not info.is_interlaced:
        fields = decoded_fields if decoded_fields > PROGRESSIVE else TOP_FIRST[0]
    return replace(
        info,
        orientation=orientation_of(numbers if whole else ()),
        fields=fields,
        hdr=hdr_metadata(side_data),
    )


def is_rgb(pixel_format: str) -> bool:
    """Whether FFmpeg's name of a pixel format is one of red, green and blue."""
    return pixel_format.startswith(("gbr", "rgb", "bgr", "argb", "abgr", "0rgb", "0bgr", "pal8", "x2"))


def _codec_of(stream: Any) -> str:
    context = stream.codec_context
    return str(context.name) if context is not None else str(stream.metadata.get("handler_name", ""))


def _rate(stream: Any) -> Fraction:
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return next((Fraction(rate) for rate in rates if rate), DEFAULT_RATE)


def _tags(context: Any) -> ColourTags:
    """The tags, with the matrix guessed from the height where the movie does not say it, as players do."""
    pixel_format = context.pix_fmt or ""
    primaries, transfer = int(context.color_primaries), int(context.color_trc)
    if is_rgb(pixel_format):
        return ColourTags(primaries, transfer, 9 if primaries == 9 else 1, True)
    guessed = []
    matrix = int(context.colorspace)
    if matrix not in _MATRICES:
        matrix = 1 if context.height > 576 else 5
        guessed.append("matrix")
    said = int(context.color_range)
    if said == 0 and not pixel_format.startswith("yuvj"):
        guessed.append("range")
    full = said == 2 or pixel_format.startswith("yuvj")
    return ColourTags(primaries, transfer, matrix, full, tuple(guessed))
