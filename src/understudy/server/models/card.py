"""What every served model says of itself, and what one request to it is."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from understudy.errors import ServerError

ANY = -1
SENT = 3  # Nuke sends three channels for every input, whatever the list says
KINDS: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "string"}
INT32 = (-(2**31), 2**31 - 1)
FLOAT32 = 3.4028234e38
RESERVED_KNOBS = frozenset(
    [
        "host",
        "port",
        "connect",
        "models",
        "serialiseKnob",
        "name",
        "label",
        "disable",
        "help",
        "tile_color",
        "note_font",
        "note_font_size",
        "note_font_color",
        "hide_input",
        "cached",
        "dope_sheet",
        "bookmark",
        "postage_stamp",
        "postage_stamp_frame",
        "lifetimeStart",
        "lifetimeEnd",
        "useLifetime",
        "knobChanged",
        "onCreate",
        "onDestroy",
        "updateUI",
        "autolabel",
        "panel",
        "indicators",
        "icon",
        "selected",
        "xpos",
        "ypos",
        "gl_color",
        "inject",
        "enable",
        "mask",
        "channels",
    ]
)


class RequestError(ServerError):
    """A request that does not fit the model. The message is fit for the client: no paths, no traces."""


class UnknownModel(RequestError):
    """There is no model of that name."""


class ModelDown(ServerError):
    """The model cannot answer now. The message is fit for the client."""


@dataclass(frozen=True)
class Port:
    """One input or output: its name and its number of channels (``ANY`` when it takes what comes)."""

    name: str
    channels: int = 3


@dataclass(frozen=True)
class Option:
    """One knob: name, type, default, range and a sentence."""

    name: str
    kind: str
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    description: str = ""

    def read(self, value: Any, clamp: bool) -> Any:
        """``value`` as this option's type. ``clamp`` brings it into the range (a node sends wild values);
        otherwise a value out of range is refused."""
        value = self._typed(value)
        if self.kind == "string":
            return self._chosen(value, clamp)
        if self.kind == "bool":
            return value
        within = self._clamped(value)
        if within != value and not clamp:
            low, high = self._range()
            raise RequestError(f'The option "{self.name}" must lie between {low} and {high}.')
        return within

    def _typed(self, value: Any) -> Any:
        kind = KINDS.get(type(value), type(value).__name__)
        if self.kind == "float" and kind == "int":
            return float(value)
        if self.kind == "int" and kind == "float" and math.isfinite(value) and value == int(value):
            return int(value)
        if kind != self.kind:
            raise RequestError(f'The option "{self.name}" is of type {self.kind}, not {kind}.')
        return value

    def _chosen(self, value: str, clamp: bool) -> str:
        if not self.choices or value in self.choices:
            return value
        if clamp:
            return self.default
        raise RequestError(f'The option "{self.name}" is one of: {", ".join(self.choices)}.')

    def _clamped(self, value: Any) -> Any:
        if self.kind == "float" and not math.isfinite(value):
            return self.default
        low, high = self._range()
        return type(value)(min(max(value, low), high))

    def _range(self) -> tuple[float, float]:
        """What the option may hold: its own range within that of the wire."""
        low, high = INT32 if self.kind == "int" else (-FLOAT32, FLOAT32)
        return (
            low if self.minimum is None else max(low, self.minimum),
            high if self.maximum is None else min(high, self.maximum),
        )

    def fits_wire(self) -> bool:
        """Whether the default fits the numbers of the wire."""
        return self.kind in ("bool", "string") or self._clamped(self.default) == self.default

    def as_json(self) -> dict[str, Any]:
        facts = {
            "name": self.name,
            "type": self.kind,
            "default": self.default,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "choices": list(self.choices) or None,
            "description": self.description,
        }
        return {key: value for key, value in facts.items() if value is not None}


@dataclass(frozen=True)
class Card:
    """Name (unique, safe in a path of a URL), label (what an artist reads), ports, options and buttons."""

    name: str
    label: str
    inputs: tuple[Port, ...] = (Port("input"),)
    outputs: tuple[Port, ...] = (Port("output"),)
    options: tuple[Option, ...] = ()
    buttons: tuple[str, ...] = ()
    kind: str = "built in"
    version: str = "1"
    space: str = "scene-linear"
    description: str = ""
    takes_what_comes: bool = (
        False  # a Python model sees what Nuke sends, three channels, whatever it declares
    )

    def read_options(self, given: dict[str, Any], clamp: bool) -> dict[str, Any]:
        """All options with their values for one request: what was given, and defaults. Only declared ones
        pass.
        """
        declared = {option.name: option for option in self.options}
        unknown = [name for name in given if name not in declared]
        if unknown:
            has = ", ".join(declared) or "none"
            raise RequestError(
                f'The model "{self.label}" has no option "{printable(unknown[0])}"; its options: {has}.'
            )
        values = {name: option.default for name, option in declared.items()}
        return values | {name: declared[name].read(value, clamp) for name, value in given.items()}

    def read_buttons(self, given: dict[str, Any]) -> dict[str, bool]:
        """All buttons of one request; a button that is not named is not pressed."""
        unknown = [name for name in given if name not in self.buttons]
        if unknown:
            raise RequestError(f'The model "{self.label}" has no button "{printable(unknown[0])}".')
        return {name: bool(given.get(name, False)) for name in self.buttons}

    def fits(self, port: Port, channels: int) -> bool:
        """Whether a picture of so many channels may come to an input."""
        return port.channels in (ANY, channels) or (self.takes_what_comes and channels == SENT)

    def check_inputs(self, channels: Sequence[int]) -> None:
        """Refuse pictures that do not fit the inputs, by number and by channels."""
        if len(channels) != len(self.inputs):
            raise wrong_number(self.label, self.inputs, len(channels))
        for port, found in zip(self.inputs, channels, strict=True):
            if not self.fits(port, found):
                raise wrong_channels(self.label, port, found)


@dataclass
class Call:
    """One request to a model: float32 pictures as planes (channels, height, width), the top row first.

    ``linear`` says that pictures are scene-linear, as Nuke sends them, and must go back so; otherwise they
    hold the values of the files that the model knows.
    """

    pictures: list[np.ndarray]
    options: dict[str, Any] = field(default_factory=dict)
    buttons: dict[str, bool] = field(default_factory=dict)
    linear: bool = False

    def batch_key(self) -> tuple[Any, ...]:
        """Calls of equal batch_key may run as one batch."""
        return (
            tuple(each.shape for each in self.pictures),
            tuple(sorted(self.options.items())),
            self.linear,
            any(self.buttons.values()),
        )


@dataclass
class Answer:
    """Float32 pictures as planes, the top row first; ``objects`` are encoded attributes for the node."""

    pictures: list[np.ndarray]
    objects: list[bytes] = field(default_factory=list)


class ServedModel(Protocol):
    """What a model is to the server. ``run`` is called by one of the workers of its ``executor``."""

    card: Card
    executor: str
    workers: int
    max_batch: int
    state: str  # "ready", "starting", "waiting", "down", "failed"
    trouble: str

    def run(self, calls: list[Call]) -> list[Answer]: ...

    def refresh(self) -> None: ...

    def close(self) -> None: ...


def safe_name(text: str) -> str:
    """A model name from any text: letters, digits, dot, dash and underscore."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:64] or "model"


def safe_label(text: str) -> str:
    """A label that a script can hold: no ``;`` or ``:``, no leading brace, nothing that does not print."""
    cleaned = "".join(each if each.isprintable() and each not in ";:" else " " for each in text)
    return " ".join(cleaned.split()).lstrip("{")[:64].strip() or "model"


def is_knob_name(name: str) -> bool:
    """Whether an option of this name can become a knob."""
    return bool(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name)) and name not in RESERVED_KNOBS


def usable_options(options: Iterable[Option], taken: Iterable[str] = ()) -> tuple[Option, ...]:
    """The options that can become knobs: valid names, not reserved, unique, of values that fit the wire."""
    seen, kept = set(taken), []
    for option in options:
        if is_knob_name(option.name) and option.name not in seen and option.fits_wire():
            seen.add(option.name)
            kept.append(option)
    return tuple(kept)


def wrong_number(label: str, ports: Sequence[Port], came: int) -> RequestError:
    """The refusal of a request with too many or too few pictures."""
    names = ", ".join(port.name for port in ports)
    return RequestError(f'The model "{label}" wants {count(len(ports), "image")} ({names}); {came} came.')


def wrong_channels(label: str, port: Port, came: int) -> RequestError:
    """The refusal of a picture with too many or too few channels."""
    wanted = count(port.channels, "channel")
    return RequestError(f'The input "{port.name}" of "{label}" wants {wanted}; {came} came.')


def count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")


def printable(text: str) -> str:
    """Text of a client, short and printable, fit to be shown."""
    return "".join(each if each.isprintable() else "?" for each in str(text))[:64]
