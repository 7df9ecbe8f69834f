"""The last touch on what the network made, before it is laid over the plate."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from understudy.settings.field import setting
from understudy.settings.sections import Section

Pixels = Annotated[int, Field(ge=0, le=1_000_000)]
Level = Annotated[float, Field(ge=0, le=1)]
Growth = Annotated[float, Field(ge=-20, le=20)]
Blur = Annotated[float, Field(ge=0, le=100)]
Gamma = Annotated[float, Field(ge=0.01, le=100)]
Shutter = Annotated[float, Field(ge=0.01, le=1)]
Width = Annotated[float, Field(ge=0, le=40)]


class FinishingSettings(Section):
    """Of mattes, in the order in which it is done; then of images. Nothing is done by default."""

    clip_black: Level = setting(
        0.0, "Clip Black", "Mattes: what is this dark, or darker, becomes 0, and what is above is spread."
    )
    clip_white: Level = setting(
        1.0, "Clip White", "Mattes: what is this bright, or brighter, becomes 1, and what is below is spread."
    )
    despeckle: Pixels = setting(
        0,
        "Despeckle",
        "Mattes: islands and holes of fewer pixels than this go. What hangs together with something larger, "
        "such as a hair, stays.",
        unit="pixels",
    )
    grow: Growth = setting(
        0.0,
        "Grow / Shrink",
        "Mattes: move the edge outwards, or, below 0, inwards, by parts of pixels too, as soft as it is.",
        unit="pixels",
    )
    soften: Blur = setting(
        0.0, "Soften", "Mattes: blur by a Gaussian of this standard deviation.", unit="pixels"
    )
    gamma: Gamma = setting(1.0, "Gamma", "Mattes: above 1 makes the greys brighter, below 1 darker.")
    motion_blur: Literal["none", "auto"] | Shutter = setting(
        "none",
        "Motion Blur",
        "Mattes: smear the edge along the plate's motion as far as it is sharper than the shutter makes it: "
        "the part of the time between two frames for which that is open, such as 0.5 for 180 degrees; auto "
        "measures it in the plate.",
    )
    edge: Width = setting(
        0.0,
        "Edge Only",
        "Mattes: leave a band of this width along the edge alone.",
        unit="pixels",
    )
    invert: bool = setting(False, "Invert", "Mattes: white becomes black, and black white.")
    premultiply: bool = setting(
        False,
        "Premultiply",
        "Mattes: write the plate's colours too, multiplied by the matte: RGBA, in files that hold such. What "
        "is keyed: its own colours, in the place of the plate's.",
    )
    grain: Literal["none", "match"] = setting(
        "none",
        "Grain",
        "Images: match gives what the network smoothed grain of the plate's own strength and structure, "
        "measured where nothing was changed.",
    )
