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
