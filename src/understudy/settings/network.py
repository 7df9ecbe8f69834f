"""Settings of a training: network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from understudy.settings.field import Text, setting
from understudy.settings.sections import Section

NO_WEIGHTS = "none"


class NetworkSettings(Section):
    """The network, and what it starts from."""

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
        "Start from what this .cat, or run, has learned, or from a network that comes trained, by its name; "
        "none starts from nothing.",
        kind="weights",
        advanced=True,
    )

    @field_validator("coarse_view")
    @classmethod
    def _is_power_of_two(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value & (value - 1):
            raise ValueError("1, 2, 4, 8 or 16 is needed")
        return value
