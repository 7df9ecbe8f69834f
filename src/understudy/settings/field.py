"""What a section is written with: one field for each setting, and the types that settings have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidatorFunctionWrapHandler, WrapValidator

from understudy.durations import parse_duration
from understudy.errors import SettingError

NOWHERE = "none"
"""What is said for a shot that there is not."""
_NAMED = re.compile(r"([A-Za-z_]\w*)=(.+)", re.ASCII | re.DOTALL)
_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,6}\s*")


def setting(
    default: Any, label: str, description: str, *, unit: str = "", kind: str = "text", advanced: bool = False
) -> Any:
    """One setting. ``default`` is ``...`` where it must be given. ``kind`` tells faces how to ask: text,
    shot, shots (each may have a name before it), file, model, weights, folder, seconds, channels, frames,
    mask, region, points, box or layer. An ``advanced`` one is folded away."""
    extra: dict[str, Any] = {"label": label, "unit": unit, "kind": kind, "advanced": advanced}
    return Field(default, description=description, json_schema_extra=extra)


def split_name(text: str) -> tuple[str, str]:
    """The name and the shot of ``hero=SHOT``; no name of a shot alone. Of a path that begins so, ``./``
    before it tells that it is one."""
    found = _NAMED.fullmatch(text)
    return (found[1], found[2]) if found else ("", text)


def _text(value: object) -> object:
    """Paths and whole numbers count as text, so that Python callers may pass them as they are."""
    if isinstance(value, Path) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    return value


def _texts(value: object) -> object:
    if value is None:
        return ()
    if isinstance(value, Mapping):
        return tuple(f"{name}={_text(item)}" for name, item in value.items())
    items = [value] if isinstance(value, str | Path) else value
    return tuple(_text(item) for item in items) if isinstance(items, Iterable) else value


def _frames(value: object) -> object:
    if isinstance(value, str) or value is None or not isinstance(value, Iterable):
        return _text(value)
    return ",".join(str(number) for number in value)


def _frames_of_shots(value: object) -> object:
    """One range for each shot: a text alone, or numbers alone, are that of a single one."""
    if value is None:
        return ()
    items = [value] if isinstance(value, str | int) or not isinstance(value, Iterable) else list(value)
    if items and all(isinstance(item, int) and not isinstance(item, bool) for item in items):
        items = [items]
    return tuple(_frames(item) for item in items)


def parse_region(text: str) -> tuple[int, int, int, int]:
    """The left, the top, the width and the height that a region such as 640,360,400,200 says. ValueError."""
    numbers = text.split(",")
    if len(numbers) != 4 or not all(_WHOLE.fullmatch(number) for number in numbers):
        raise ValueError("not four whole numbers")
    left, top, width, height = map(int, numbers)
    if min(width, height) < 1:
        raise ValueError("without pixels")
    return left, top, width, height


def _region(value: object) -> object:
    """Text, or four numbers, as text of one form."""
    if value is None:
        return None
    items = value if isinstance(value, str) or not isinstance(value, Iterable) else ",".join(map(str, value))
    return ",".join(map(str, parse_region(str(items))))


def _seconds(value: object) -> object:
    if value is None:
        return None
    try:
        return parse_duration(value)  # type: ignore[arg-type]
    except SettingError as error:
        raise ValueError(error.message) from None


def _any_name(value: object, check: ValidatorFunctionWrapHandler) -> Any:
    """Names of files may hold bytes that are no UTF-8, which Python carries as lone surrogates."""
    if isinstance(value, str):
        check(value.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
        return value
    return check(value)


Name = Annotated[str, Field(min_length=1, max_length=4096), WrapValidator(_any_name)]
Text = Annotated[Name, BeforeValidator(_text)]
Texts = Annotated[tuple[Name, ...], BeforeValidator(_texts)]
Frames = Annotated[str | None, BeforeValidator(_frames)]
FramesOfShots = Annotated[tuple[Name, ...], BeforeValidator(_frames_of_shots)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Region = Annotated[str | None, BeforeValidator(_region)]
Seconds = Annotated[Annotated[float, Field(ge=1)] | None, BeforeValidator(_seconds)]
