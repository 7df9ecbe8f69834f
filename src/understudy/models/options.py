"""The options of a model: knobs with a type, a default and a range."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from understudy.errors import RequestError
from understudy.models.names import is_knob_name

KINDS: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "string"}
INT32 = (-(2**31), 2**31 - 1)
FLOAT32 = 3.4028234e38


@dataclass(frozen=True)
class Option:
    """One knob: name, type, default, range and a sentence. ``spare``: a list that is short of room leaves it
    out."""

    name: str
    kind: str
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    description: str = ""
    spare: bool = False

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


def usable_options(options: Iterable[Option], taken: Iterable[str] = ()) -> tuple[Option, ...]:
    """The options that can become knobs: valid names, not reserved, unique, of values that fit the wire."""
    seen, kept = set(taken), []
    for option in options:
        if is_knob_name(option.name) and option.name not in seen and option.fits_wire():
            seen.add(option.name)
            kept.append(option)
    return tuple(kept)
