"""What a sidecar is made of: the kinds of its values, and its small tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from understudy.models.description import ANY


def _rising(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[1] <= ends[0]:
        raise ValueError("white must lie above black, as in [-1.0, 1.0]")
    return ends


Finite = Annotated[float, Field(allow_inf_nan=False)]
Span = Annotated[float, Field(gt=0)] | Annotated[tuple[Finite, Finite], AfterValidator(_rising)]
"""The value that 1.0 becomes, or (black, white)."""
Numbers = Finite | list[Finite] | Literal["imagenet"] | None
Side = Annotated[int, Field(ge=1, le=1 << 14)]
ClassName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]


ChannelName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")]
Constant = bool | int | Finite | list[int | Finite] | str
"""What is given to an input with every frame."""
LEAD_IN = 10
"""Frames before the first of ``--frames`` that are gone through for their state alone."""
MOST_LEAD_IN = 10_000
MOST_OFFSET = 16
Output = Annotated[int, Field(ge=1)] | Annotated[str, Field(min_length=1)]
"""One output: its name, or its number from 1."""
Offset = Annotated[int, Field(ge=-MOST_OFFSET, le=MOST_OFFSET)]
Dimension = (
    Annotated[int, Field(ge=1, le=1 << 16)]
    | Annotated[str, Field(pattern=r"^(height|width)(/[1-9][0-9]?)?$")]
)
"""One length of a tensor: a number, or the frame's, or a part of it, such as ``height/4``."""
Stack = Literal["channels", "batch", "time", "depth"]
"""How several frames lie in one tensor: C x n, N x n, (N, n, C, H, W), (N, C, n, H, W)."""


def _several(offsets: list[int]) -> list[int]:
    if len(set(offsets)) < len(offsets):
        raise ValueError("each frame once, such as [-1, 0, 1]")
    return offsets


Offsets = Annotated[list[Offset], Field(min_length=1), AfterValidator(_several)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PortText(Strict):
    """One input or output."""

    name: str = Field(min_length=1, max_length=64)
    channels: int = Field(default=3, ge=ANY, le=1024)
    tensor: str = ""

    @field_validator("channels")
    @classmethod
    def _some(cls, channels: int) -> int:
        if channels == 0:
            raise ValueError("an input or output has at least one channel; -1 takes what comes")
        return channels


class StateText(BaseModel):
    """Which outputs go back in with the next frame: ``input = output``, by name or by number from 1.
    ``lead_in``: frames that are gone through before the first that is asked for."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Output]

    lead_in: int = Field(default=LEAD_IN, ge=0, le=MOST_LEAD_IN)

    @property
    def pairs(self) -> dict[str, int | str]:
        """The output of each input."""
        return dict(self.__pydantic_extra__)


class OptionText(Strict):
    """One option, and the tensor or argument of the file that it is given to."""

    name: str
    type: Literal["bool", "int", "float", "string"] = "float"
    default: bool | int | float | str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: list[str] = []
    description: str = ""
    tensor: str = ""


def ends(span: float | tuple[float, float]) -> tuple[float, float]:
    return span if isinstance(span, tuple) else (0.0, span)
