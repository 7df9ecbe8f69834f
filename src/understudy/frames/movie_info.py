"""What a movie's header says: enough to write another one like it."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from understudy.frames.timecode import Timecode, parse_timecode

_MATRICES = (1, 4, 5, 6, 7, 9)  # those that the conversion to RGB knows
DEFAULT_RATE = Fraction(24)


@dataclass(frozen=True)
class ColourTags:
    """The four numbers of ITU-T H.273 by which a movie says how its values are meant; 2 (range: 0) is
    unspecified."""

    primaries: int = 1
    transfer: int = 1
    matrix: int = 1
    full_range: bool = False


@dataclass(frozen=True)
class MovieInfo:
    """``codec`` and ``profile`` are FFmpeg's names; ``bits`` the depth of one component."""

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
    pixel_aspect: float = 1.0


def movie_info(stream: Any) -> MovieInfo:
    """Read from an opened PyAV video stream."""
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
        pixel_aspect=float(aspect) if aspect else 1.0,
    )


def _rate(stream: Any) -> Fraction:
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return next((Fraction(rate) for rate in rates if rate), DEFAULT_RATE)


def _tags(context: Any) -> ColourTags:
    """The tags, with the matrix guessed from the height where the movie does not say it, as players do."""
    matrix = int(context.colorspace)
    if matrix not in _MATRICES:
        matrix = 1 if context.height > 576 else 5
    full = int(context.color_range) == 2 or (context.pix_fmt or "").startswith("yuvj")
    return ColourTags(int(context.color_primaries), int(context.color_trc), matrix, full)
