"""What a section says about its settings, for flags, pages and documents; and its errors in plain words."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from understudy.errors import SettingError

MODELS = ("model", "weights")
_SHOT = "a sequence such as plate.####.exr, a folder, a movie, or one file"


@dataclass(frozen=True)
class SettingInfo:
    """One setting as faces show it. ``section``: the table of a settings file that it stands in. ``several``
    means it may be given more than once."""

    name: str
    section: str
    label: str
    help: str
    # text, shot, shots, file, model, weights, folder, seconds, channels, frames, mask, region, points, box,
    # layer, choice, whole, number, yes-no
    kind: str
    default: Any
    unit: str = ""
    advanced: bool = False
    required: bool = False
    several: bool = False
    choices: tuple[str, ...] = ()
    number: str = ""  # "whole" or "real" where a number is allowed
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    step: int | None = None

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def is_model(self) -> bool:
        """Whether its value is a model: a path, or the name of one that comes trained."""
        return self.kind in MODELS

    @property
    def is_path(self) -> bool:
        """Whether its value names files or a folder, and depends on the folder one is in."""
        return self.kind in ("shot", "shots", "file", "folder", *MODELS)

    @property
    def expected(self) -> str:
        """What may be given, in words: "auto, or a whole number from 1 to 4096"."""
        return (
            ", or ".join([", ".join(self.choices)] * bool(self.choices) + self._range_words())
            or self._kind_words()
        )

    def _range_words(self) -> list[str]:
        if not self.number:
            return []
        words = "a whole number" if self.number == "whole" else "a number"
        if self.kind == "seconds":
            return ["a length of time of at least a second, such as 90s, 10m, 1h30m"]
        if self.step:
            words += f", a multiple of {self.step},"
        return [(words + self._bounds()).rstrip(",")]

    def _bounds(self) -> str:
        low, high = self.minimum, self.maximum
        if self.above is not None:
            return f" above {self.above:g}" + (f", at most {high:g}" if high is not None else "")
        if low is not None and high is not None and high < 1_000_000:
            return f" from {low:g} to {high:g}"
        return f" of at least {low:g}" if low is not None else ""

    def _kind_words(self) -> str:
        return {
            "yes-no": "yes or no",
            "shot": _SHOT,
            "shots": f"{_SHOT}, or several of these with a name before each: hero=SHOT",
            "file": "a file",
            "model": "a .cat, a run, or the name of a network that comes trained",
            "weights": "a .cat, a run, or the name of a network that comes trained",
            "folder": "a folder",
            "frames": "frame numbers such as 1001-1100x5,1180",
            "layer": "letters, digits and _",
            "region": "X,Y,WIDTH,HEIGHT in whole pixels, such as 640,360,400,200",
            "points": "x,y,1 of each point, parted by semicolons: 640,360,1;200,100,0",
            "box": "x,y,x,y of two corners, such as 600,300,700,420",
            "channels": "rgb, rgba, alpha, or channel names with commas between",
        }.get(self.kind, "text")


def describe(section: type[BaseModel], name: str = "") -> tuple[SettingInfo, ...]:
    """Every setting of the ``section`` called ``name``, in the order in which it should be shown."""
    return tuple(_describe(each, field, name) for each, field in section.model_fields.items())


def _describe(name: str, field: FieldInfo, section: str) -> SettingInfo:
    extra = _extra(field)
    annotation: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    leaves = list(_leaves(annotation))
    values = {key: value for leaf in leaves for key, value in _limits(leaf[1]).items()}
    scalar = {leaf[0] for leaf in leaves}
    choices = tuple(c for leaf in leaves if get_origin(leaf[0]) is Literal for c in get_args(leaf[0]))
    number = "real" if float in scalar else "whole" if int in scalar else ""
    kind = extra.get("kind", "text")
    if kind == "text":
        kind = _kind(scalar, choices, number)
    return SettingInfo(
        name=name,
        section=section,
        label=extra.get("label", name),
        help=field.description or "",
        kind=kind,
        default=None if field.is_required() else field.default,
        unit=extra.get("unit", ""),
        advanced=bool(extra.get("advanced")),
        required=field.is_required(),
        several=any(get_origin(leaf) is tuple for leaf in _branches(annotation)),
        choices=choices,
        number=number,
        **values,
    )


def _extra(field: FieldInfo) -> dict[str, Any]:
    extra = field.json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}


def _kind(scalar: set[Any], choices: tuple[str, ...], number: str) -> str:
    if bool in scalar:
        return "yes-no"
    if number:
        return "whole" if number == "whole" else "number"
    if choices:
        return "choice"
    return "file" if Path in scalar else "text"


def _branches(annotation: Any) -> Iterator[Any]:
    """Every type inside Annotated and unions, tuples included."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _branches(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for branch in get_args(annotation):
            yield from _branches(branch)
    else:
        yield annotation


def _leaves(annotation: Any, metadata: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Every plain type in ``annotation``, with the limits that apply to it."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        yield from _leaves(inner, (*metadata, *more))
    elif origin in (Union, types.UnionType):
        for branch in get_args(annotation):
            yield from _leaves(branch, metadata)
    elif annotation is not type(None):
        yield annotation, metadata


def _limits(metadata: tuple[Any, ...]) -> dict[str, Any]:
    names = {"ge": "minimum", "gt": "above", "le": "maximum", "multiple_of": "step"}
    pieces = [
        piece for item in metadata for piece in (item.metadata if isinstance(item, FieldInfo) else [item])
    ]
    return {
        meaning: getattr(piece, name)
        for piece in pieces
        for name, meaning in names.items()
        if hasattr(piece, name)
    }


def from_validation(section: type[BaseModel], error: ValidationError) -> SettingError:
    """The first thing that ``error`` complains about, said once and in the trade's words."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    known = {info.name: info for info in describe(section)}
    if name not in known:
        return unknown_setting(name, tuple(known))
    info, where = known[name], f"{known[name].flag} ({known[name].label})"
    if first["type"] == "missing":
        return SettingError(
            f"{info.label} is missing.",
            expected=info.expected,
            where=where,
            remedy=f"Give {info.flag}. {info.help}",
        )
    return SettingError(
        f"{info.label} is out of range." if info.number or info.choices else f"{info.label} does not fit.",
        expected=info.expected,
        found=_found(first["input"]),
        where=where,
        remedy=f"Correct {info.flag}, or leave it out. {info.help}",
    )


def _found(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return (text if len(text) <= 200 else text[:200] + " ...") or "nothing"


def unknown_setting(name: str, known: tuple[str, ...], where: str = "") -> SettingError:
    """The error for a setting that does not exist, with a hint at the nearest that does."""
    near = difflib.get_close_matches(name.replace("-", "_"), known, n=1)
    return SettingError(
        f"There is no setting called {name!r}.",
        expected="one of " + ", ".join(known),
        found=name,
        where=where,
        remedy=f"Did you mean {near[0]}?" if near else "Leave it out.",
    )
