"""The small TOML file beside a network of others: what the file itself cannot say.

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
output = "mask"            # which of several outputs, by name or by number from 1; default: the first;
                           # several, ["fgr", "pha"], become one result
channels = ["R", "G", "B", "A"]  # what the channels of the result are called
straight = false           # true: colours of a result with an alpha are not multiplied by it yet
frames = [-1, 0, 1]        # the frames that its input takes, the one before and the one after it here
stack = "channels"         # how they lie in it, or batch, time (N, n, C, H, W), depth (N, C, n, H, W)
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

[frames]                   # or by input, where it has several
previous = -1

[constants]                # what is given to an input with every frame
downsample_ratio = 0.25

[state]                    # outputs that go back into inputs with the next frame
r1i = "r1o"
lead_in = 10               # frames before the first of --frames that are gone through

[initial]                  # what is in them before the first frame: a number, or zeros of a size
r1i = [1, 16, "height/4", "width/4"]

What takes points and boxes, or gives lists, has ``encoder = "encoder.onnx"`` and the tables ``[encoded]``,
``[prompts]`` and ``[instances]``: see further_tables.py.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from understudy.errors import ModelFileError
from understudy.models.further_tables import FileName, InstanceText, PromptText
from understudy.models.sidecar_parts import (
    ChannelName,
    ClassName,
    Constant,
    Dimension,
    Finite,
    Numbers,
    Offset,
    Offsets,
    OptionText,
    Output,
    PortText,
    Side,
    Span,
    Stack,
    StateText,
    ends,
)
from understudy.toml_text import to_toml

MAX_FILE = 1 << 20
ENDINGS = (".onnx", ".pt", ".ts", ".torchscript", ".pt2", ".safetensors", ".tflite", ".xml")
REACH = 256
MOST_SCALE = 8
TYPE = re.compile(r"^constrained-|[\[(]|^(bool|float|int|str)$")
"""How pydantic names a type that it has tried."""
NAMED = ("classes", "frames", "constants", "state", "initial", "encoded", "prompts", "instances")
"""Tables of names that only the network knows."""


def is_imported(path: Path) -> bool:
    """Whether a file is an imported network, by its ending."""
    return path.suffix.lower() in ENDINGS


class Sidecar(BaseModel):
    """All that a sidecar may say; what it leaves out is taken from the file."""

    model_config = ConfigDict(extra="forbid")

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
    output: Output | Annotated[list[Output], Field(min_length=2)] | None = None
    channels: list[ChannelName] = []
    straight: bool = False
    frames: Offsets | dict[str, Offset | Offsets] | None = None
    stack: Stack | None = None
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
    encoder: FileName | None = None
    encoded: dict[str, str] = {}
    prompts: PromptText | None = None
    instances: InstanceText | None = None
    constants: dict[str, Constant] = {}
    state: StateText | None = None
    initial: dict[str, Finite | list[Dimension]] = {}
    time_limit: float = Field(default=120.0, gt=0)
    start_limit: float = Field(default=120.0, gt=0)
    memory_limit: str = ""

    @model_validator(mode="after")
    def _agree(self) -> Sidecar:
        if self.edges and self.fit in ("tile", "pad"):
            raise ValueError('edges = true goes with fit = "resize"')
        if self.activation == "argmax" and not self.classes:
            raise ValueError('activation = "argmax" needs [classes]: a name and a number for each matte')
        if self.fit == "tile" and (self.prompts or self.instances or self.encoder):
            raise ValueError(
                'fit = "tile" does not go with [prompts], [instances] or encoder: "resize" or "pad"'
            )
        if self.instances and (self.prompts or self.classes or self.encoder or self.edges or self.normalise):
            raise ValueError("[instances] goes with no prompts, classes, encoder, edges and normalise")
        if self.encoded and not self.encoder:
            raise ValueError("[encoded] goes with encoder: the file beside this one that makes it")
        if isinstance(self.mean, str) and self.deviation is None:
            self.deviation = self.mean
        return self

    @model_validator(mode="after")
    def _agree_on_frames(self) -> Sidecar:
        if self.joins and (self.classes or self.activation in ("argmax", "ids")):
            raise ValueError("[classes], argmax and ids go with one output")
        if self.channels and self.classes:
            raise ValueError("channels and [classes] both name what comes out: one of them")
        if self.has_state and self.fit == "tile":
            raise ValueError('[state] goes with whole frames: fit = "resize" or "pad"')
        beside = self.prompts or self.instances or self.encoder
        if beside and (self.has_state or self.constants or self.frames or self.joins):
            raise ValueError("[prompts], [instances] and encoder go without [state], [constants] and frames")
        unknown = [name for name in self.initial if name not in self.state_pairs]
        if unknown:
            raise ValueError(f"[initial] is for inputs that [state] names, unlike {', '.join(unknown)}")
        return self

    @property
    def black(self) -> float:
        """What 0 becomes."""
        return ends(self.range)[0]

    @property
    def span(self) -> float:
        """How far what 1 becomes lies above what 0 becomes."""
        low, high = ends(self.range)
        return high - low

    @property
    def output_black(self) -> float:
        """What in the answer means 0."""
        return ends(self._output_range)[0]

    @property
    def output_span(self) -> float:
        """How far what means 1 in the answer lies above what means 0."""
        low, high = ends(self._output_range)
        return high - low

    @property
    def _output_range(self) -> float | tuple[float, float]:
        if self.output_range is not None:
            return self.output_range
        coverage = self.normalise or self.instances or self.prompts or self.activation != "none"
        return 1.0 if coverage else self.range

    @property
    def sees_whole(self) -> bool:
        """Whether whole frames go in, by what is said of it."""
        return self.fits_itself or self.has_state

    @property
    def fits_itself(self) -> bool:
        """Whether frames of any size are brought to one that the network takes."""
        return bool(self.fit or self.size or self.prompts or self.instances or self.encoder)

    @property
    def joins(self) -> bool:
        """Whether several outputs become one result."""
        return isinstance(self.output, list)

    @property
    def state_pairs(self) -> dict[str, int | str]:
        """Of each input that takes an output again, which one."""
        return self.state.pairs if self.state else {}

    @property
    def has_state(self) -> bool:
        """Whether something goes from frame to frame."""
        return bool(self.state_pairs)

    @property
    def stacks(self) -> bool:
        """Whether several frames lie in one input."""
        told = self.frames.values() if isinstance(self.frames, dict) else [self.frames or 0]
        return any(isinstance(each, list) for each in told)

    def offsets_of(self, index: int, *names: str) -> tuple[int, ...]:
        """Which frames the picture input of this place and these names takes, as distances."""
        if isinstance(self.frames, list):
            return tuple(self.frames) if index == 0 else (0,)
        told = next((self.frames[name] for name in names if name in self.frames), 0) if self.frames else 0
        return tuple(told) if isinstance(told, list) else (told,)

    @property
    def is_matte(self) -> bool:
        """Whether the answer is coverage by what is said of it."""
        told = self.matte or self.normalise or bool(self.classes) or bool(self.instances)
        return told or self.activation in ("argmax", "ids")


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
    """Where in the file: ``inputs 2, channels``; which of several types was tried is nothing to a reader."""
    said = [part for part in location if isinstance(part, int) or not TYPE.search(part)]
    words = "".join(f" {part + 1}" if isinstance(part, int) else f", {part}" for part in said)
    return words.lstrip(", ")


def _expected(location: tuple[int | str, ...], fault: Mapping[str, Any]) -> str:
    """What may stand there; for a name that nobody knows, those that there are."""
    if fault["type"] != "extra_forbidden":
        return f"{_place(location)}: {fault['msg']}"
    tables: dict[int | str, type[BaseModel]] = {
        "inputs": PortText,
        "outputs": PortText,
        "options": OptionText,
        "prompts": PromptText,
        "instances": InstanceText,
        "state": StateText,
    }
    table = tables[location[0]] if len(location) > 1 else Sidecar
    return "one of " + ", ".join(table.model_fields)


def sidecar_text(side: Sidecar, comments: tuple[str, ...] = ()) -> str:
    """The sidecar as TOML that ``read_sidecar`` reads back; what is at its default is left out."""
    values = side.model_dump(exclude_defaults=True)
    tables = {name: values.pop(name, None) or [] for name in ("inputs", "outputs", "options")}
    named = [(name, values.pop(name)) for name in NAMED if isinstance(values.get(name), dict)]
    parts = [to_toml(values, comments)]
    for name, rows in tables.items():
        parts += [f"\n[[{name}]]\n{to_toml(row)}" for row in rows]
    parts += [f"\n[{name}]\n{to_toml(table)}" for name, table in named]
    return "".join(parts)
