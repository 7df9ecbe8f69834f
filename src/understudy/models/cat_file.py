"""A trained network of ours, a .cat, as a description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from understudy.models.description import ImageSpec, ModelDescription
from understudy.models.names import safe_label, safe_name

if TYPE_CHECKING:
    from understudy.network.model_file import ModelHeader


def describe_header(
    header: ModelHeader, name: str, format: str = "network", version: str = "1"
) -> ModelDescription:
    """What the header of a .cat says. ``name``: of the model, any text; one that comes trained has a
    title."""
    return ModelDescription(
        name=safe_name(name),
        label=safe_label(header.card.title if header.card else name),
        inputs=(
            _image("input", header.input_channels, header.colour_in),
            *(_extra(extra, number) for number, extra in enumerate(header.extra, 1)),
        ),
        outputs=(_image("output", header.output_channels, header.colour_out),),
        format=format,
        file_format=f"{header.format} {header.version}",
        kind=header.kind,
        version=version,
        text=header.card.purpose if header.card else _text(header),
        scale=header.scale,
        adapts=header.adapts,
        keys=header.architecture.get("screen") is True,
        stride=header.stride,
        reach=header.reach,
        whole=_whole(header.architecture.get("whole")),
        premultiplied=header.premultiplied,
        precision=header.precision,
        confidence=header.confidence,
        card=header.card,
        provenance=header.provenance,
    )


def _whole(value: Any) -> int:
    """What the architecture says before anybody has checked it."""
    return value if type(value) is int and value > 0 else 0


def _text(header: ModelHeader) -> str:
    return f"{header.kind}: {', '.join(header.input_channels)} to {', '.join(header.output_channels)}"


def _image(name: str, channels: list[str], colour: Any, offset: int = 0) -> ImageSpec:
    return ImageSpec(name, len(channels), tuple(channels), colour, offset)


def _extra(extra: Any, number: int) -> ImageSpec:
    name = safe_name(extra.name or f"extra_{number}")
    return _image(name, extra.channels, extra.colour, extra.offset)
