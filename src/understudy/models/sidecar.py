"""The small TOML file beside an ONNX or TorchScript file: what the file itself cannot say.

label = "Relight"
colour = "srgb"            # linear (default), srgb or raw: the space the network takes and gives
range = 255.0              # the value that 1.0 becomes; default 1
size_multiple = 8          # height and width are padded to multiples of this, and cut again
reach = 128                # pixels of context on each side that a tile needs; default 256
scale = 2                  # how many times larger the result is than the input; default 1
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
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from understudy.errors import ModelFileError, RequestError
from understudy.models.description import ANY, ImageSpec
from understudy.models.names import is_knob_name, safe_name
from understudy.models.options import Option, usable_options
from understudy.toml_text import to_toml

MAX_FILE = 1 << 20
ENDINGS = (".onnx", ".pt", ".ts", ".torchscript")
REACH = 256
MOST_SCALE = 8


def is_imported(path: Path) -> bool:
    """Whether a file is an imported network, by its ending."""
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
    scale: int = Field(default=1, ge=1, le=MOST_SCALE)
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


def declared_options(side: Sidecar, names: tuple[str, ...]) -> dict[str, Option]:
    """The options that a sidecar declares, by the tensor or argument that each is given to. ModelFileError
    when the file has no such one, or an option cannot become a knob."""
    found = {text.tensor or text.name: option_of(text) for text in side.options or ()}
    unknown = [name for name in found if name not in names]
    if unknown or len(usable_options(found.values())) != len(side.options or ()):
        raise ModelFileError(
            "The options in the TOML do not fit the model.",
            expected=", ".join(names) or "no options",
            found=", ".join(text.tensor or text.name for text in side.options or ()),
        )
    return found


def option_of(text: OptionText) -> Option:
    """The option that a sidecar describes; ModelFileError when it cannot become a knob."""
    zero: dict[str, Any] = {"bool": False, "int": 0, "float": 0.0, "string": ""}
    made = Option(
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
        return made
    try:
        return replace(made, default=made.read(text.default, clamp=False))
    except RequestError as error:
        raise ModelFileError("An option's default does not fit it.", found=error.message) from error


def images_of(
    texts: list[PortText], tensors: Sequence[ImageSpec], what: str, path: Path
) -> tuple[ImageSpec, ...]:
    """The images that the sidecar names, with what the file knows of its ``tensors``, in their order; of the
    outputs the first ones may do. ModelFileError when the sidecar names another number of them."""
    if not texts:
        return tuple(replace(each, name=safe_name(each.name)) for each in tensors)
    named = [ImageSpec(safe_name(text.name), text.channels, tensor=text.tensor) for text in texts]
    if not tensors:
        return tuple(named)
    if len(named) > len(tensors) or (what == "inputs" and len(named) < len(tensors)):
        raise ModelFileError(
            f"The TOML beside the model does not fit its {what}.",
            expected=f"{len(tensors)} {what}, as the file has",
            found=f"{len(named)}",
            where=str(path.with_suffix(".toml")),
            remedy="Name each image that the model takes or gives, in its order.",
        )
    return tuple(replace(t, name=n.name, count=n.count) for n, t in zip(named, tensors, strict=False))
