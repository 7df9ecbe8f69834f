"""Settings of a training: network."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from understudy.errors import SettingError
from understudy.settings.field import Text, setting
from understudy.settings.sections import Section

NO_WEIGHTS = "none"
WHOLE = 320
"""Pixels a side of the pictures that U-2-Net was made for."""


class NetworkSettings(Section):
    """The network, and what it starts from."""

    architecture: Literal["unet", "u2net", "u2netp"] = setting(
        "unet",
        "Architecture",
        "unet is for a shot and a few frames; u2net (44 million weights) and u2netp (1.1 million) are "
        "U-2-Net, for what is to be found in any of thousands of pictures, such as the subject of each.",
        advanced=True,
    )
    network_size: Literal["auto", "full"] | Annotated[int, Field(ge=32, le=1024, multiple_of=32)] = setting(
        "auto",
        "Network Size",
        "The network sees each frame whole, as a picture of so many pixels a side, and its answer follows "
        "the edges of the frame; full: it sees frames as they are, in tiles where they are large. auto is "
        "320 for mattes by u2net and u2netp, and full for all else.",
        unit="pixels",
        advanced=True,
    )
    whole_share: Literal["auto"] | Annotated[float, Field(ge=0, le=1)] = setting(
        "auto",
        "Whole Share",
        "Where the network sees frames whole: the share of steps that it learns from whole frames; the "
        "others are from crops of them. auto is 0.75, or 1 of frames that are more than twice as large as "
        "it sees them.",
        advanced=True,
    )

    model_size: Literal["auto", "small", "medium", "large"] = setting(
        "auto",
        "Model Size",
        "Small learns fast, large reaches far; auto goes by the time.",
        advanced=True,
    )
    coarse_view: Literal["auto"] | Annotated[int, Field(ge=1, le=16)] = setting(
        "auto",
        "Coarse View",
        "The network also sees the whole frame so many times smaller (2, 4, 8, 16), which tells what is "
        "where; auto goes by the frames and by the effect, 1 is none.",
        advanced=True,
    )
    initial_weights: Text = setting(
        NO_WEIGHTS,
        "Initial Weights",
        "Start from what this .cat, or run, has learned, or from a network that comes trained, by its name: "
        "understudy models lists them; none starts from nothing.",
        kind="weights",
    )

    @property
    def is_nested(self) -> bool:
        """Whether the architecture is one of U-2-Net's."""
        return self.architecture != "unet"

    @property
    def size(self) -> str:
        """What tells the network's layers: a model size, or an architecture that comes in one."""
        return self.architecture if self.is_nested else self.model_size

    def whole_for(self, kind: str) -> int:
        """How many pixels a side the network sees of a frame, for mattes or images; 0: it sees frames as they
        are."""
        if self.network_size == "auto":
            return WHOLE if self.is_nested and kind == "matte" else 0
        return 0 if self.network_size == "full" else int(self.network_size)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        whole = isinstance(self.network_size, int)
        if self.is_nested and self.model_size != "auto":
            raise _apart(f"--model-size {self.model_size}", f"--architecture {self.architecture}", "auto")
        if (self.is_nested or whole) and self.coarse_view not in ("auto", 1):
            other = f"--network-size {self.network_size}" if whole else f"--architecture {self.architecture}"
            raise _apart(f"--coarse-view {self.coarse_view}", other, "auto")
        if self.whole_share != "auto" and not self.is_nested and not whole:
            raise _apart(f"--whole-share {self.whole_share:g}", "frames that are seen as they are", "auto")
        return self

    @field_validator("coarse_view")
    @classmethod
    def _is_power_of_two(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value & (value - 1):
            raise ValueError("1, 2, 4, 8 or 16 is needed")
        return value


def _apart(one: str, other: str, instead: str) -> SettingError:
    return SettingError(
        "These two settings do not go together.",
        expected=f"{one.split()[0]} {instead}, with {other}",
        found=one,
        where=one.split()[0],
        remedy="Leave one of the two out.",
    )
