"""The small TOML file beside an ONNX or TorchScript file: what the file itself cannot say.

label = "Relight"
colour = "srgb"            # linear (default), srgb or raw: the space the network takes and gives
range = 255.0              # what 1.0 becomes, or what 0.0 and 1.0 become: [-1.0, 1.0]; default 1
mean = "imagenet"          # then taken off: a number, one for each channel, or by name
deviation = "imagenet"     # and divided by; by name it comes with the mean
order = "BGR"              # RGB (default), BGR, or grey
layout = "NHWC"            # or NCHW; default: as the file's shapes tell
size_multiple = 8          # height and width are padded to multiples of this, and cut again
reach = 128                # pixels of context on each side that a tile needs; default 256
scale = 2                  # how many times larger the result is than the input; default 1
fit = "resize"             # or tile, pad: how frames come into a network of one size
size = [320, 320]          # width and height of it, where the file does not say
filter = "bilinear"        # or bicubic, lanczos, linear, nearest: how frames and answers are brought to size
edges = false              # true: a smaller answer is drawn up along the plate's edges
output = "mask"            # which of several outputs, by name or by number from 1; default: the first
output_range = 1.0         # like range, of the answer; default: the same
activation = "softmax"     # or sigmoid, argmax, ids (the answer holds numbers of classes), none (default)
normalise = false          # true: the smallest value of each frame becomes 0, the largest 1
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

[classes]                  # of these channels of the answer mattes are made, by name
person = 15
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from understudy.errors import ModelFileError, RequestError
from understudy.models.description import ANY, ImageSpec
from understudy.models.names import is_knob_name, safe_name
from understudy.models.options import Option, usable_options
from understudy.toml_text import to_toml

MAX_FILE = 1 << 20
ENDINGS = (".onnx", ".pt", ".ts", ".torchscript", ".tflite")
REACH = 256
MOST_SCALE = 8


def is_imported(path: Path) -> bool:
    """Whether a file is an imported network, by its ending."""
    return path.suffix.lower() in ENDINGS


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
    range: Span = 1.0
    mean: Numbers = None
    deviation: Numbers = None
    order: Literal["RGB", "BGR", "grey"] = "RGB"
    layout: Literal["NCHW", "NHWC"] | None = None
    fit: Literal["resize", "tile", "pad"] | None = None
    size: tuple[Side, Side] | None = None
    filter: Literal["bilinear", "bicubic", "lanczos", "linear", "nearest"] = "bilinear"
    edges: bool = False
    output: Annotated[int, Field(ge=1)] | str | None = None
    output_range: Span | None = None
    activation: Literal["none", "sigmoid", "softmax", "argmax", "ids"] = "none"
    normalise: bool = False
    size_multiple: int = Field(default=1, ge=1, le=1024)
    scale: int = Field(default=1, ge=1, le=MOST_SCALE)
    reach: int = Field(default=REACH, ge=0, le=1 << 14)
    matte: bool = False
    inputs: list[PortText] = []
    outputs: list[PortText] = []
    options: list[OptionText] | None = None
    classes: dict[ClassName, Annotated[int, Field(ge=0, le=1 << 20)]] = {}
    time_limit: float = Field(default=120.0, gt=0)
    start_limit: float = Field(default=120.0, gt=0)
    memory_limit: str = ""

    @model_validator(mode="after")
    def _agree(self) -> Sidecar:
        if self.edges and self.fit in ("tile", "pad"):
            raise ValueError('edges = true goes with fit = "resize"')
        if self.activation == "argmax" and not self.classes:
            raise ValueError('activation = "argmax" needs [classes]: a name and a number for each matte')
        if isinstance(self.mean, str) and self.deviation is None:
            self.deviation = self.mean
        return self

    @property
    def black(self) -> float:
        """What 0 becomes."""
        return _ends(self.range)[0]

    @property
    def span(self) -> float:
        """How far what 1 becomes lies above what 0 becomes."""
        low, high = _ends(self.range)
        return high - low

    @property
    def output_black(self) -> float:
        """What in the answer means 0."""
        return _ends(self._output_range)[0]

    @property
    def output_span(self) -> float:
        """How far what means 1 in the answer lies above what means 0."""
        low, high = _ends(self._output_range)
        return high - low

    @property
    def _output_range(self) -> float | tuple[float, float]:
        if self.output_range is not None:
            return self.output_range
        return 1.0 if self.normalise or self.activation != "none" else self.range

    @property
    def is_matte(self) -> bool:
        """Whether the answer is coverage by what is said of it."""
        return self.matte or self.normalise or bool(self.classes) or self.activation in ("argmax", "ids")


def _ends(span: float | tuple[float, float]) -> tuple[float, float]:
    return span if isinstance(span, tuple) else (0.0, span)


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
    classes = values.pop("classes", None)
    parts = [to_toml(values, comments)]
    for name, rows in tables.items():
        parts += [f"\n[[{name}]]\n{to_toml(row)}" for row in rows]
    if classes:
        parts.append(f"\n[classes]\n{to_toml(classes)}")
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


def picked_output(wanted: str | int, names: Sequence[str], path: Path) -> int:
    """Which of the outputs of the file at ``path``, by their ``names``, is ``wanted``: a name, or a number
    from 1. ModelFileError when it is not there."""
    by_key: dict[str | int, int] = {}
    for index, name in enumerate(names):
        by_key |= {name: index, index + 1: index}
    if wanted in by_key:
        return by_key[wanted]
    raise ModelFileError(
        "The TOML beside the model names an output that is not there.",
        expected=f"one of {', '.join(names)}, or a number from 1 to {len(names)}",
        found=f"output = {wanted!r}",
        where=str(path.with_suffix(".toml")),
    )
