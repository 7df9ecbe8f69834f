"""Finished frames as they travel from one process to another, which OpenImageIO's specs cannot themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import OpenImageIO as oiio

from understudy.frames import Frame
from understudy.frames.frame import Part

SIDES = ("x", "y", "z", "full_x", "full_y", "full_z", "full_width", "full_height", "full_depth")
FURTHER = ("tile_width", "tile_height", "tile_depth", "alpha_channel", "z_channel", "deep")


@dataclass(frozen=True)
class Shipped:
    """A frame whose parts have their specs as plain values."""

    frame: Frame
    specs: tuple[dict[str, Any], ...]


def ship(frame: Frame) -> Shipped:
    parts = tuple(replace(part, spec=None, pixels=dict(part.pixels)) for part in frame.parts)  # type: ignore[arg-type]
    return Shipped(replace(frame, parts=parts), tuple(_values(part.spec) for part in frame.parts))


def unpack(shipped: Shipped) -> Frame:
    parts = [
        Part(part.name, part.channels, part.pixels, _spec(values))
        for part, values in zip(shipped.frame.parts, shipped.specs, strict=True)
    ]
    return replace(shipped.frame, parts=tuple(parts))


def _values(spec: oiio.ImageSpec) -> dict[str, Any]:
    kept = {name: getattr(spec, name) for name in (*SIDES, *FURTHER)}
    return {
        "size": (spec.width, spec.height, spec.nchannels, str(spec.format)),
        "channels": tuple(spec.channelnames),
        "formats": tuple(map(str, spec.channelformats)),
        "kept": kept,
        "attributes": [(each.name, str(each.type), each.value) for each in spec.extra_attribs],
    }


def _spec(values: dict[str, Any]) -> oiio.ImageSpec:
    width, height, channels, kind = values["size"]
    spec = oiio.ImageSpec(width, height, channels, kind)
    spec.channelnames = values["channels"]
    if values["formats"]:
        spec.channelformats = tuple(map(oiio.TypeDesc, values["formats"]))
    for name, value in values["kept"].items():
        setattr(spec, name, value)
    for name, kind, value in values["attributes"]:
        spec.attribute(name, oiio.TypeDesc(kind), value)
    return spec
