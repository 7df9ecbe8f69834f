"""Sections, and the settings of a job made of them: nested where they are used, flat where they are asked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError

from understudy.settings.field import NOWHERE, split_name
from understudy.settings.info import SettingInfo, describe, from_validation, unknown_setting

_LAYER = re.compile(r"[A-Za-z_][A-Za-z0-9_ .:-]*")


class Section(BaseModel):
    """Settings that belong together: frozen values, and one error (SettingError) for whatever does not
    fit."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise from_validation(type(self), error) from None

    def replace(self, **changes: Any) -> Self:
        """The same section with ``changes``, checked again."""
        return type(self)(**{**self.given(), **changes})

    def given(self) -> dict[str, Any]:
        """The values that were set, without the defaults that were not touched."""
        return {name: value for name, value in self if name in self.model_fields_set}


@dataclass(frozen=True, init=False)
class Settings:
    """All that a job is asked for: a subclass has one field for each section. They are given flat, by their
    names, which are unique: ``TrainSettings(input=..., crop_size=128).augmentation.crop_size``."""

    def __init__(self, **values: Any) -> None:
        models = sections_of(type(self))
        known = [name for model in models.values() for name in model.model_fields]
        for name in values:
            if name not in known:
                raise unknown_setting(name, tuple(known))
        for section, model in models.items():
            own = {name: value for name, value in values.items() if name in model.model_fields}
            object.__setattr__(self, section, model(**own))

    def sections(self) -> dict[str, Section]:
        """The sections by name, in order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def flat(self) -> dict[str, Any]:
        """Every value by the name of its setting."""
        return {name: value for section in self.sections().values() for name, value in section}

    def as_json(self) -> dict[str, Any]:
        """Every value by the name of its setting, as JSON has it: paths are text, tuples lists."""
        dumps = (section.model_dump(mode="json") for section in self.sections().values())
        return {name: value for dump in dumps for name, value in dump.items()}

    def given(self) -> dict[str, Any]:
        """The values that were set, without the defaults that were not touched."""
        parts = (section.given() for section in self.sections().values())
        return {name: value for part in parts for name, value in part.items()}

    def replace(self, **changes: Any) -> Self:
        """The same settings with ``changes``, by name, checked again."""
        return type(self)(**{**self.given(), **changes})

    def anchored(self, folder: Path | None = None) -> Self:
        """The same settings with every path absolute, so that they mean the same from any folder."""
        base, values = str(folder or Path.cwd()), self.flat()
        infos = [info for info in settings_of(type(self)) if info.is_path]
        return self.replace(**{info.name: _absolute(values[info.name], base, info) for info in infos})


def sections_of(model: type[Settings]) -> Mapping[str, type[Section]]:
    """The sections of ``model`` by name, in the order in which they should be shown."""
    hints = get_type_hints(model)
    return {field.name: hints[field.name] for field in fields(model)}


def settings_of(model: type[Settings]) -> tuple[SettingInfo, ...]:
    """Every setting of ``model`` in the order in which it should be shown."""
    return tuple(info for name, section in sections_of(model).items() for info in describe(section, name))


def _absolute(value: Any, base: str, info: SettingInfo) -> Any:
    if isinstance(value, tuple):
        return tuple(_absolute(item, base, info) for item in value)
    if value is None or value == info.default:  # a default such as "none" is a word
        return value
    if info.is_model and os.sep not in value and not _is_there(os.path.join(base, value)):
        return value  # the name of a model that comes trained
    if info.name == "extra" and _LAYER.fullmatch(value) and not _is_there(os.path.join(base, value)):
        return value  # a layer of the plate

    name, path = split_name(value) if info.kind == "shots" else ("", value)
    if name:
        return value if path == NOWHERE else f"{name}={os.path.join(base, path)}"
    return type(value)(os.path.join(base, value)) if not os.path.isabs(value) else value


def _is_there(path: str) -> bool:
    """Whether a model of this name, which its ending need not be part of, lies there."""
    return os.path.exists(path) or os.path.exists(f"{path}.cat")
