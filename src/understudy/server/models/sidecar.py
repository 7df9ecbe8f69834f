"""The small TOML file beside an ONNX or TorchScript file: what the file itself cannot say.

label = "Relight"
colour = "srgb"            # linear (default), srgb or raw: the space the network takes and gives
range = 255.0              # the value that 1.0 becomes; default 1
size_multiple = 8          # height and width are padded to multiples of this, and cut again
matte = false              # true: the output is coverage and is not converted

[[inputs]]
name = "plate"
channels = 3
tensor = "input.1"         # the name in the file; default: by order

[[outputs]]
name = "lit"
channels = 3

[[options]]
name = "strength"
type = "float"             # bool, int, float, string
default = 0.5
minimum = 0.0
maximum = 1.0
tensor = "strength"
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from understudy.errors import ModelFileError
from understudy.server.models.card import ANY, Option, Port, RequestError, is_knob_name, safe_name

MAX_FILE = 1 << 20


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PortText(_Strict):
    """One input or output."""

    name: str = Field(min_length=1, max_length=64)
    channels: int = Field(default=3, ge=ANY, le=1024)
    tensor: str = ""


class OptionText(_Strict):
    """One option, and the tensor or argument of the file that it is given to."""

    name: str
    type: Literal["bool", "int", "float", "string"] = "float"
    default: bool | int | float | str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: list[str] = []
    description: str = ""
    tensor: str = ""


class Sidecar(_Strict):
    """All that a sidecar may say; what it leaves out is taken from the file."""

    label: str = ""
    description: str = ""
    colour: Literal["linear", "srgb", "raw"] = "linear"
    range: float = Field(default=1.0, gt=0)
    size_multiple: int = Field(default=1, ge=1, le=4096)
    matte: bool = False
    inputs: list[PortText] = []
    outputs: list[PortText] = []
    options: list[OptionText] | None = None
    time_limit: float = Field(default=120.0, gt=0)
    start_limit: float = Field(default=120.0, gt=0)
    memory_limit: str = ""


def read_sidecar(path: Path) -> Sidecar:
    """The sidecar at ``path``, or an empty one when there is none; ``ModelFileError`` when it says
    nonsense.
    """
    try:
        text = path.read_bytes()[:MAX_FILE].decode("utf-8")
    except FileNotFoundError:
        return Sidecar()
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(path, error) from error
    try:
        return Sidecar.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise _wrong(path, error) from error


def _wrong(path: Path, error: Exception) -> ModelFileError:
    return ModelFileError("The file beside the model cannot be used.", found=str(error), where=str(path))


def option_of(text: OptionText) -> Option:
    """The option that a sidecar describes; ``ModelFileError`` when it cannot become a knob."""
    zero: dict[str, Any] = {"bool": False, "int": 0, "float": 0.0, "string": ""}
    option = Option(
        text.name,
        text.type,
        zero[text.type],
        text.minimum,
        text.maximum,
        tuple(text.choices),
        text.description,
    )
    if not is_knob_name(text.name):
        raise ModelFileError(
            "An option's name cannot become a knob.",
            found=text.name,
            expected="a letter, then letters, digits and underscores; no name of Nuke's own",
        )
    if text.default is None:
        return option
    try:
        default = option.read(text.default, gentle=False)
    except RequestError as error:
        raise ModelFileError("An option's default does not fit it.", found=error.message) from error
    return Option(text.name, text.type, default, text.minimum, text.maximum, option.choices, text.description)


def ports_of(texts: list[PortText]) -> tuple[Port, ...]:
    return tuple(Port(safe_name(text.name), text.channels) for text in texts)
