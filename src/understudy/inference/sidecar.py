"""The small TOML file beside an ONNX or TorchScript file: what the file itself cannot say.

label = "Relight"
colour = "srgb"            # linear (default), srgb or raw: the space the network takes and gives
range = 255.0              # the value that 1.0 becomes; default 1
size_multiple = 8          # height and width are padded to multiples of this, and cut again
reach = 128                # pixels of context on each side that a tile needs; default 256
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
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from understudy.errors import ModelFileError
from understudy.toml_text import to_toml

MAX_FILE = 1 << 20
ENDINGS = (".onnx", ".pt", ".ts", ".torchscript")
ANY = -1
REACH = 256


def is_foreign(path: Path) -> bool:
    """Whether a file is a network of another program, by its ending."""
    return path.suffix.lower() in ENDINGS


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PortText(_Strict):
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
    size_multiple: int = Field(default=1, ge=1, le=1024)
    reach: int = Field(default=REACH, ge=0, le=1 << 14)
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
    expected, found = "a TOML file", str(error)
    if isinstance(error, ValidationError):
        faults = error.errors()
        expected = "; ".join(dict.fromkeys(_expected(each["loc"], each) for each in faults))
        found = "; ".join(f"{_place(each['loc'])} = {each['input']!r:.60}" for each in faults)
    return ModelFileError(
        "The file beside the model cannot be used.", expected=expected, found=found, where=str(path)
    )


def _place(location: tuple[int | str, ...]) -> str:
    """Where in the file: ``inputs 2, channels``."""
    words = "".join(f" {part + 1}" if isinstance(part, int) else f", {part}" for part in location)
    return words.lstrip(", ")


def _expected(location: tuple[int | str, ...], fault: Mapping[str, Any]) -> str:
    """What may stand there; for a name that nobody knows, those that there are."""
    if fault["type"] != "extra_forbidden":
        return f"{_place(location)}: {fault['msg']}"
    tables: dict[int | str, type[BaseModel]] = {
        "inputs": PortText,
        "outputs": PortText,
        "options": OptionText,
    }
    table = tables[location[0]] if len(location) > 1 else Sidecar
    return "one of " + ", ".join(table.model_fields)


def sidecar_text(side: Sidecar, comments: tuple[str, ...] = ()) -> str:
    """The sidecar as TOML that ``read_sidecar`` reads back; what is at its default is left out."""
    values = side.model_dump(exclude_defaults=True)
    tables = {name: values.pop(name, None) or [] for name in ("inputs", "outputs", "options")}
    parts = [to_toml(values, comments)]
    for name, rows in tables.items():
        parts += [f"\n[[{name}]]\n{to_toml(row)}" for row in rows]
    return "".join(parts)
