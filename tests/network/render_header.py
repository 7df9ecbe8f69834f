"""The header of a network that takes albedo and normals beside a render."""

from __future__ import annotations

from understudy.colour import LINEAR, PLAIN
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.model_file import ExtraInput, ModelHeader


def header_of(shape: Architecture, network: EffectNetwork) -> ModelHeader:
    layers = {"albedo": ["a.R", "a.G", "a.B"], "normal": ["n.X", "n.Y", "n.Z"]}
    return ModelHeader(
        kind="image",
        input_channels=["R", "G", "B"],
        output_channels=["R", "G", "B"],
        extra=[ExtraInput(name=name, channels=each, colour=PLAIN) for name, each in layers.items()],
        colour_in=LINEAR,
        colour_out=LINEAR,
        architecture=shape.to_dict(),
        stride=network.stride,
        reach=network.reach,
    )
