"""What applying a trained network to a plate needs to know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, field_validator

from understudy.errors import SettingError
from understudy.settings.field import Frames, Region, Text, Texts, setting
from understudy.settings.finishing import FinishingSettings
from understudy.settings.prompting import PromptSettings
from understudy.settings.sections import Section, Settings

_LAYER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
_TAKEN = ("rgb", "rgba", "alpha")
TileSize = Annotated[int, Field(ge=64, le=16384)]
Stabilise = Literal["auto"] | Annotated[float, Field(ge=0, le=1)]
Scale = Annotated[int, Field(ge=1, le=16)]
Overlap = Annotated[int, Field(ge=0, le=4096)]


class ModelSettings(Section):
    """The trained network."""

    model: Text = setting(
        ...,
        "Model File",
        "A .cat, a run, which means its best checkpoint, an imported network, or the name of one that comes "
        "trained (understudy models lists them).",
        kind="model",
    )


class PlateSettings(Section):
    """The frames to work on, and which of their channels."""

    plate: Text = setting(..., "Input", "The frames to work on.", kind="shot")
    frames: Frames = setting(None, "Frames", "Only these frames, such as 1001-1100x5,1180.", kind="frames")
    input_channels: Text | None = setting(
        None,
        "Input Channels",
        "Channels of the plate to work on instead of those the network learned from, such as beauty.rgb.",
        kind="channels",
        advanced=True,
    )
    extra: Texts = setting(
        (),
        "Extra Inputs",
        "The further layers that the network was trained with, in its order: files, or layers of the plate "
        "by name, such as albedo. denoise with albedo and normal takes renders.",
        kind="shot",
        advanced=True,
    )
    part: Text | None = setting(None, "Part", "Which part of a multi-part EXR to work on.", advanced=True)


class OutputSettings(Section):
    """The finished frames: where they go, and how much of the effect shows where."""

    output: Text = setting(
        ..., "Output", "Where the finished frames go, such as out/shot.####.exr.", kind="shot"
    )
    mix: Annotated[float, Field(ge=0, le=1)] = setting(1.0, "Mix", "0 gives the plate, 1 the full effect.")
    mask: Text | None = setting(
        None,
        "Mask",
        "Where the effect shows: an image, a sequence, or a channel of the plate, as in channel:A.",
        kind="mask",
    )
    region: Region = setting(
        None,
        "Region",
        "Work only in this box of the display window, such as 640,360,400,200: how far from left and top it "
        "begins, its width and its height. Around it the plate stays.",
        unit="pixels",
        kind="region",
    )
    scale: Literal["auto"] | Scale = setting(
        "auto",
        "Scale",
        "How many times larger than the plate the frames become, with a network that enlarges: auto goes "
        "through it once; 4, with one that makes twice the size, goes twice.",
        unit="times",
        advanced=True,
    )
    painted: Literal["keep", "network"] = setting(
        "keep",
        "Painted Frames",
        "keep gives frames that the run learned from, and corrected ones, out as they were painted; network "
        "gives out what the network makes of them.",
    )
    blend: Annotated[int, Field(ge=0, le=100)] = setting(
        0,
        "Blend",
        "Over so many frames before and after a painted one, what the network misses there fades out along "
        "the motion.",
        unit="frames",
    )
    stabilise: Stabilise = setting(
        0.0,
        "Stabilise",
        "How much of what boils from frame to frame is averaged away along the motion, over two frames "
        "before and after each; auto tries on a few frames whether anything is gained. What the plate does "
        "itself stays. Takes about twice as long.",
    )
    confidence: bool = setting(
        False,
        "Confidence",
        "Add a channel confidence: where it is 0.9, nine of ten pixels are right, an image's within 2 code "
        "values (of 8 bits), a matte's on the right side of 0.5. Takes about twice as long.",
    )
    output_layer: Text | None = setting(
        None,
        "Output Layer",
        "Put the result into a layer of this name, beside the plate's own channels, which stay as they are: "
        "NAME.R, NAME.G, NAME.B, or NAME.A of a matte. In EXR files.",
        kind="layer",
        advanced=True,
    )
    overwrite: bool = setting(False, "Overwrite", "Make frames again that are there already.")
    update: bool = setting(
        False,
        "Update",
        "Of frames that another model made, such as the run before it was corrected, write only those that "
        "differ now by more than half a code value.",
    )
    like: Text | None = setting(
        None,
        "Like",
        "Take over how this result of apply was made: mix, region, scale, channels, part, precision, output "
        "layer, stabilising and the last touch, where they are not given here.",
        kind="shot",
        advanced=True,
    )

    @field_validator("output_layer")
    @classmethod
    def _is_a_layer(cls, value: str | None) -> str | None:
        if value is None or (_LAYER.fullmatch(value) and value.lower() not in _TAKEN):
            return value
        raise SettingError(
            "This cannot be the name of a layer.",
            expected="letters, digits and _, beginning with a letter, and neither rgb, rgba nor alpha",
            found=value,
            where="--output-layer (Output Layer)",
            remedy="Name it for what the result is, such as cleanup.",
        )


class TileSettings(Section):
    """How large frames are cut up."""

    tile_size: Literal["auto", "none"] | TileSize = setting(
        "auto",
        "Tile Size",
        "Work in tiles of this size when memory is short; none takes frames whole.",
        unit="pixels",
        advanced=True,
    )
    tile_overlap: Literal["auto"] | Overlap = setting(
        "auto",
        "Tile Overlap",
        "How far tiles reach into each other; auto covers what the network sees.",
        unit="pixels",
        advanced=True,
    )


class EngineSettings(Section):
    """What computes, and in which numbers."""

    devices: Text = setting("auto", "Devices", "auto, cpu, cuda, cuda:1 or mps.", advanced=True)
    precision: Literal["auto", "float32", "bfloat16"] = setting(
        "auto",
        "Precision",
        "auto takes the faster bfloat16 only where the difference cannot be seen.",
        advanced=True,
    )
    engine: Literal["auto", "torch", "openvino"] = setting(
        "auto",
        "Engine",
        "What computes the network; auto takes OpenVINO on a CPU where it is installed.",
        advanced=True,
    )


@dataclass(frozen=True, init=False)
class ApplySettings(Settings):
    """What applying a trained network to a plate needs to know, section by section."""

    model: ModelSettings
    plate: PlateSettings
    output: OutputSettings
    prompting: PromptSettings
    finishing: FinishingSettings
    tiles: TileSettings
    engine: EngineSettings
