"""Settings of a training: augmentation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from understudy.settings.field import setting
from understudy.settings.sections import Section

LARGEST_FACTOR = 16.0


def parse_range(text: object) -> tuple[float, float]:
    """The two factors of a range such as 0.5,2. ValueError."""
    parts = str(text).split(",") if isinstance(text, str) else list(text)  # type: ignore[call-overload]
    low, high = (float(part) for part in parts) if len(parts) == 2 else (0.0, 0.0)
    if not 1 / LARGEST_FACTOR <= low <= high <= LARGEST_FACTOR:
        raise ValueError(f"two factors from {1 / LARGEST_FACTOR:g} to {LARGEST_FACTOR:g}, such as 0.5,2")
    return low, high


def _range(value: object) -> object:
    low, high = parse_range(value)
    return f"{low:g},{high:g}"


Probability = Annotated[float, Field(ge=0, le=1)]
Range = Annotated[str, BeforeValidator(_range)]


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
    flop_probability: Probability = setting(
        0.0,
        "Flop Probability",
        "How often a crop is mirrored left to right, and its truth with it. For many pictures: all of these "
        "probabilities hurt on a single shot, which knows left from right and its own colours.",
        advanced=True,
    )
    flip_probability: Probability = setting(
        0.0,
        "Flip Probability",
        "How often a crop is turned upside down. Hurts on a single shot.",
        advanced=True,
    )
    rotation_probability: Probability = setting(
        0.0,
        "Rotation Probability",
        "How often a crop is turned by a right angle, one way or the other. Hurts on a single shot.",
        advanced=True,
    )
    scale_probability: Probability = setting(
        0.0,
        "Scale Probability",
        "How often a crop is made larger or smaller, by up to the scale range. Hurts on a single shot.",
        advanced=True,
    )
    scale_range: Annotated[float, Field(gt=1, le=4)] = setting(
        1.4, "Scale Range", "By how much, at the most: 2 is from half to double the size.", advanced=True
    )
    gain_probability: Probability = setting(
        0.0,
        "Gain Probability",
        "How often a crop, and with it an image's truth, is made brighter or darker. Hurts on a single shot.",
        advanced=True,
    )
    gain_range: Range = setting(
        "0.5,2", "Gain Range", "By which factors of the values in the files.", advanced=True
    )
    contrast_probability: Probability = setting(
        0.0,
        "Contrast Probability",
        "How often a crop, and with it an image's truth, gets another contrast. Hurts on a single shot.",
        advanced=True,
    )
    contrast_range: Range = setting(
        "0.5,2", "Contrast Range", "By which factors about the middle of the range.", advanced=True
    )
    saturation_probability: Probability = setting(
        0.0,
        "Saturation Probability",
        "How often a crop, and with it an image's truth, gets another saturation. Hurts on a single shot.",
        advanced=True,
    )
    saturation_range: Range = setting(
        "0.5,2", "Saturation Range", "By which factors; 0 would be grey.", advanced=True
    )
    multi_resolution: bool = setting(
        False,
        "Multi-resolution",
        "Learn from crops, and whole pictures, at a quarter of their size first, then at half, then at full: "
        "early steps are quicker. Not where the network has a coarse view, which learns so anyhow.",
        advanced=True,
    )
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = setting(
        0, "Seed", "Another number gives other random crops; the same number the same ones.", advanced=True
    )
