"""Flags made from the settings: names, help, ranges and defaults are said in settings/ and only there."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import Group, Parameter

from understudy.settings import (
    SettingInfo,
    Settings,
    TrainSettings,
    load_settings_file,
    load_settings_text,
    settings_of,
)
from understudy.toml_text import LARGEST_FILE

S = TypeVar("S", bound=Settings)
MAIN = Group("Options", sort_key=1)
ADVANCED = Group("Advanced", sort_key=9)
STANDARD_INPUT = "-"
METAVARS = {
    "shot": "SHOT",
    "shots": "SHOT",
    "file": "FILE",
    "model": "MODEL",
    "weights": "MODEL",
    "folder": "DIR",
    "seconds": "TIME",
    "frames": "RANGE",
    "channels": "CHANNELS",
    "mask": "MASK",
    "region": "X,Y,WIDTH,HEIGHT",
    "points": "X,Y,1;...",
    "box": "X,Y,X,Y",
    "whole": "N",
    "number": "X",
}
SETTINGS_HELP = (
    "Take what is not given here from this file, one setting in a line, as in mix = 0.5; - is standard input."
)
SETTINGS_HELPS: dict[type[Settings], str] = {
    TrainSettings: "Take what is not given here from this file; a run's settings.toml is one, - is standard "
    "input.",
}


def settings_command(model: type[S], positional: Iterable[str] = ()) -> Callable[[Callable[..., int]], Any]:
    """Make a command of a function ``f(settings, *, own)``: its flags are the settings and its own.

    ``positional`` names settings that may also be given without their flag, in this order.
    """

    order = tuple(positional)
    known = {info.name for info in settings_of(model)}

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        def command(*first: Any, **values: Any) -> int:
            values |= dict(zip(order, first, strict=False))
            flags = {name: values.pop(name) for name in list(values) if name in known}
            return function(merged(model, flags, values.pop("settings", None)), **values)

        command.__doc__ = function.__doc__
        command.usage = " ".join([*(name.upper() for name in order), "[OPTIONS]"])  # type: ignore[attr-defined]
        command.__signature__ = _signature(model, order, function)  # type: ignore[attr-defined]
        return command

    return decorate


def merged(model: type[S], flags: dict[str, Any], path: Path | None) -> S:
    """The settings of the file at ``path``, overridden by the flags that were given."""
    given = {name: value for name, value in flags.items() if value is not None}
    return model(**{**(_of_file(model, path) if path else {}), **given})


def _of_file(model: type[Settings], path: Path) -> dict[str, Any]:
    if str(path) != STANDARD_INPUT:
        return load_settings_file(path, model)
    return load_settings_text(sys.stdin.buffer.read(LARGEST_FILE + 1), "standard input", model)


def _signature(
    model: type[Settings], positional: tuple[str, ...], function: Callable[..., int]
) -> inspect.Signature:
    infos = {info.name: info for info in settings_of(model)}
    first = [flag(infos[name], positional=True) for name in positional]
    rest = [flag(info) for name, info in infos.items() if name not in positional]
    file = inspect.Parameter(
        "settings", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_settings_flag(model)
    )
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    return inspect.Signature([*first, *rest, file, *own])


def _settings_flag(model: type[Settings]) -> Any:
    return Annotated[
        Path | None,
        Parameter(
            name="--settings",
            metavar="FILE.toml",
            help=SETTINGS_HELPS.get(model, SETTINGS_HELP),
            allow_leading_hyphen=True,  # - is standard input
        ),
    ]


def flag(info: SettingInfo, positional: bool = False) -> inspect.Parameter:
    """One setting as a parameter for cyclopts: text, not yet checked; None when it was not given."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD if positional else inspect.Parameter.KEYWORD_ONLY
    plain: Any = list[str] if info.several else bool if info.kind == "yes-no" else str
    parameter = Parameter(
        help=_help(info),
        show_default=False,
        metavar=None if info.kind == "yes-no" else _metavar(info),
        negative=(),
        group=ADVANCED if info.advanced and not positional else MAIN,
        allow_leading_hyphen=_may_be_negative(info),
    )
    return inspect.Parameter(info.name, kind, default=None, annotation=Annotated[plain | None, parameter])


def _may_be_negative(info: SettingInfo) -> bool:
    """Whether a value may begin with a hyphen, as frame numbers and places may."""
    limit = info.above if info.minimum is None else info.minimum
    is_place = info.kind in ("frames", "region", "points", "box")
    return is_place or bool(info.number and (limit is None or limit < 0))


def _metavar(info: SettingInfo) -> str:
    words = [*info.choices]
    if info.number or not info.choices:
        words.append(METAVARS.get(info.kind, info.name.rpartition("_")[2].upper()))
    return "|".join(words)


def _help(info: SettingInfo) -> str:
    notes = ["required"] if info.required else []
    if info.several:
        notes.append("may be given several times")
    if info.number and info.kind != "seconds" and _has_range(info):
        notes.append(info.expected)
    if info.unit:
        notes.append(info.unit)
    if info.default not in (None, ()) and info.default is not False and not info.required:
        notes.append(f"default: {info.default}")
    return info.help + (f" [{'; '.join(notes)}]" if notes else "")


def _has_range(info: SettingInfo) -> bool:
    return info.maximum is not None and info.maximum < 1_000_000
