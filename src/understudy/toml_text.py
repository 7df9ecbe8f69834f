"""Values <-> TOML text. Reading is tomllib's; writing needs only what a settings file holds."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from understudy.errors import SettingError

SHORT_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
LARGEST_FILE = 1_000_000  # bytes; a settings file is a page of text, whatever its name claims


def quote(text: str) -> str:
    """``text`` as a TOML basic string, quotes included."""
    return '"' + "".join(SHORT_ESCAPES.get(c) or _plain_or_code(c) for c in text) + '"'


def _plain_or_code(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 32 or code == 127 else character


def value_text(value: object) -> str:
    """One value as TOML: a flag, a number, text, a path, or a list of these."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(value_text(item) for item in value) + "]"
    return quote(str(value))


def key_text(key: str) -> str:
    """A key as TOML: bare where it may be, such as ``crop_size``, else in quotes."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else quote(key)


def _float_text(value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    text = repr(value)
    return text if any(c in text for c in ".e") else text + ".0"


def to_toml(values: Mapping[str, Any], comments: Iterable[str] = ()) -> str:
    """``values`` as TOML, one line each, below ``comments``. None is left out: TOML has no word for it."""
    head = [f"# {line}".rstrip() for line in comments]
    body = [f"{key_text(key)} = {value_text(value)}" for key, value in values.items() if value is not None]
    return "\n".join(head + body) + "\n"


def tables_to_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """``tables`` of flat values as TOML, each below its name; one that has nothing but None is left out."""
    given = {name: values for name, values in tables.items() if any(v is not None for v in values.values())}
    return "\n".join(f"[{name}]\n{to_toml(values)}" for name, values in given.items())


def read_toml(path: Path) -> dict[str, Any]:
    """The values of the TOML file at ``path``. SettingError when it is missing, giant, or not TOML."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise _unreadable(path, "more than a megabyte")
        return parse_toml(path.read_bytes(), str(path))
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None


def parse_toml(given: bytes, where: str) -> dict[str, Any]:
    """The values of TOML that was read from ``where``. SettingError when it is giant, or not TOML."""
    if len(given) > LARGEST_FILE:
        raise _unreadable(where, "more than a megabyte")
    try:
        text = given.decode("utf-8", errors="surrogateescape")
        return tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _unreadable(where, str(error) or "lists nested too deep") from None


def _unreadable(path: str | Path, found: str) -> SettingError:
    return SettingError(
        "The settings file cannot be read.",
        expected="a TOML file with one setting per line, such as crop_size = 256",
        found=found,
        where=str(path),
        remedy="Correct the file, or leave out --settings.",
    )
