"""What a movie says of the display it was mastered on (ST 2086) and of its brightest pixels (CTA-861.3)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_CHROMATICITY = 50_000  # units of x265 and of the standard
_LUMINANCE = 10_000


@dataclass(frozen=True)
class HdrMetadata:
    """``mastering``: the display as x265 writes it; ``light``: the largest and the largest average level in
    candelas for a square metre, as ``1000,400``. Empty where the movie does not say it. ``moving``: the movie
    has metadata that change from frame to frame, which are not kept."""

    mastering: str = ""
    light: str = ""
    moving: str = ""

    def __bool__(self) -> bool:
        return bool(self.mastering or self.light)


NO_HDR = HdrMetadata()


def hdr_metadata(side_data: Mapping[str, bytes]) -> HdrMetadata:
    """From the side data of a frame, by FFmpeg's names."""
    moving = [name for kind, name in _MOVING.items() if kind in side_data]
    return HdrMetadata(
        _mastering(side_data.get("MASTERING_DISPLAY_METADATA", b"")),
        _light(side_data.get("CONTENT_LIGHT_LEVEL", b"")),
        " and ".join(moving),
    )


_MOVING = {"DYNAMIC_HDR_PLUS": "HDR10+", "DOVI_METADATA": "Dolby Vision", "DYNAMIC_HDR_VIVID": "HDR Vivid"}


def side_data_of(frame: Any) -> dict[str, bytes]:
    """What goes along with a decoded frame, by FFmpeg's names."""
    return {data.type.name: bytes(data) for data in frame.side_data if data.type is not None}


def _mastering(data: bytes) -> str:
    if len(data) < 88:
        return ""
    values = struct.unpack_from("=22i", data)
    pairs = zip(values[:20:2], values[1:20:2], strict=True)
    ratios = [top / bottom if bottom else 0.0 for top, bottom in pairs]
    has_primaries, has_luminance = values[20:22]
    if not (has_primaries and has_luminance):
        return ""
    units = [round(ratio * _CHROMATICITY) for ratio in ratios[:8]]
    red, green, blue, white = (f"({units[at]},{units[at + 1]})" for at in (0, 2, 4, 6))
    low, high = (round(ratio * _LUMINANCE) for ratio in ratios[8:10])
    return f"G{green}B{blue}R{red}WP{white}L({high},{low})"


def _light(data: bytes) -> str:
    if len(data) < 8:
        return ""
    return "{},{}".format(*struct.unpack_from("=2I", data))
