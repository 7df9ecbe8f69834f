"""A settings file: TOML with one table for each section. Files without tables, as older versions wrote them
and as people write them by hand, are read as well."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from understudy import toml_text
from understudy.errors import SettingError
from understudy.settings.info import unknown_setting
from understudy.settings.sections import Section, Settings, sections_of
from understudy.settings.train import TrainSettings


def load_settings_file(path: str | Path, model: type[Settings] = TrainSettings) -> dict[str, Any]:
    """What the TOML file at ``path`` sets, by name (hyphens count as underscores), not yet checked for range.

    SettingError when the file cannot be read, names a table or a setting that does not exist, has a setting
    in the table of another section, or has it twice.
    """
    return flattened(toml_text.read_toml(Path(path)), model, str(path))


def load_settings_text(given: bytes, where: str, model: type[Settings] = TrainSettings) -> dict[str, Any]:
    """The same of a file's content, which was read from ``where``."""
    return flattened(toml_text.parse_toml(given, where), model, where)


def flattened(values: Mapping[str, Any], model: type[Settings], where: str = "") -> dict[str, Any]:
    """``values`` by the names of their settings, whether they come in tables or not. SettingError as of
    ``load_settings_file``; ``where`` is said in it."""
    flat: dict[str, Any] = {}
    for name, value in _named(values, sections_of(model), where):
        if name in flat:
            raise SettingError(
                f"The setting {name} is there twice.", where=where, remedy="Leave one of them out."
            )
        flat[name] = value
    return flat


def to_toml(settings: Settings) -> str:
    """``settings`` as the text of a settings file; values left at None are left out, and empty tables."""
    return toml_text.tables_to_toml({name: dict(section) for name, section in settings.sections().items()})


def _named(
    top: Mapping[str, Any], sections: Mapping[str, type[Section]], where: str
) -> Iterator[tuple[str, Any]]:
    """Every setting with its name. A table is a section, whatever settings are called."""
    homes = {name: section for section, model in sections.items() for name in model.model_fields}
    for key, value in top.items():
        name = key.replace("-", "_")
        if isinstance(value, dict):
            yield from _of_table(name, value, sections, homes, where)
        elif name in homes:
            yield name, value
        else:
            raise unknown_setting(name, tuple(homes), where)


def _of_table(
    table: str,
    values: Mapping[str, Any],
    sections: Mapping[str, type[Section]],
    homes: Mapping[str, str],
    where: str,
) -> Iterator[tuple[str, Any]]:
    if table not in sections:
        raise _unknown_table(table, tuple(sections), where)
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in homes:
            raise unknown_setting(name, tuple(sections[table].model_fields), f"{where} [{table}]".strip())
        if homes[name] != table:
            raise SettingError(
                f"The setting {name} is in the wrong table.",
                expected=f"{name} under [{homes[name]}], or above all tables",
                found=f"{name} under [{table}]",
                where=where,
                remedy=f"Move it to [{homes[name]}].",
            )
        yield name, value


def _unknown_table(name: str, known: tuple[str, ...], where: str) -> SettingError:
    near = difflib.get_close_matches(name, known, n=1)
    return SettingError(
        f"There is no table called [{name}] in the settings.",
        expected="one of " + ", ".join(f"[{section}]" for section in known),
        found=f"[{name}]",
        where=where,
        remedy=f"Did you mean [{near[0]}]?" if near else "Leave it out.",
    )
