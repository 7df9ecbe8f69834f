"""Settings of a training: augmentation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from understudy.settings.field import setting
from understudy.settings.sections import Section


class AugmentationSettings(Section):
    """Which crops are drawn from the frames, and how they are varied."""

    crop_size: Annotated[int, Field(ge=32, le=1024, multiple_of=16)] = setting(
        256,
        "Crop Size",
        "The width and height of a crop; larger sees more context and takes longer.",
        unit="pixels",
        advanced=True,
    )
    vary: Literal["auto", "always", "never"] = setting(
        "auto",
        "Vary Crops",
        "Turn, zoom and mix the crops of mattes, mirror and turn those of images: always, never, or once "
        "frames are seen to be learned by heart (and from the start where painted mattes differ in shape).",
        advanced=True,
    )
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = setting(
        0, "Seed", "Another number gives other random crops; the same number the same ones.", advanced=True
    )
