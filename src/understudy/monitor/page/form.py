"""A form generated from a settings model; labels, help, units, defaults and ranges come from settings/."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from nicegui import ui

from understudy.errors import UnderstudyError
from understudy.monitor.app_state import AppState
from understudy.monitor.page.fields import ChoiceField, PlainField, SwitchField
from understudy.monitor.page.path_field import ManyFields, PathField
from understudy.settings import SettingInfo, Settings, settings_of

PATHS = {
    "shot": "shot",
    "shots": "shot",
    "mask": "shot",
    "file": "file",
    "model": "model",
    "weights": "weights",
}


FIRST = ("input", "ground_truth", "preview")
"""What CopyCat asks for first, in its order; all else comes section by section."""


def _place(info: SettingInfo) -> int:
    return FIRST.index(info.name) if info.name in FIRST else len(FIRST)


class SettingsForm:
    """The fields of a settings model in its own order, the rare ones folded under Advanced."""

    def __init__(
        self,
        app_state: AppState,
        model: type[Settings],
        changed: Callable[[], Any],
        leave_out: Iterable[str] = (),
    ) -> None:
        self._app_state = app_state
        self._changed = changed
        self._filling = False
        left_out = set(leave_out)
        infos = sorted(settings_of(model), key=_place)
        self.infos = {info.name: info for info in infos if info.name not in left_out}
        self.fields: dict[str, Any] = {}
        for info in self.infos.values():
            if not info.advanced:
                self.fields[info.name] = self._field(info)
        with ui.expansion("Advanced").props("dense header-class=us-small") as self.advanced:
            for info in self.infos.values():
                if info.advanced:
                    self.fields[info.name] = self._field(info)

    @property
    def values(self) -> dict[str, Any]:
        """What was filled in, by the names of the settings."""
        filled = {name: field.value for name, field in self.fields.items()}
        return {
            name: value
            for name, value in filled.items()
            if value not in ("", [], None) and value != self.infos[name].default
        }

    def fill(self, values: dict[str, Any]) -> None:
        """Put ``values`` into the fields; the others go back to their defaults."""
        self._filling = True
        for name, field in self.fields.items():
            info = self.infos[name]
            value = values.get(name, info.default if info.choices or info.kind == "yes-no" else None)
            untouched = value is None or (value == info.default and not info.choices)
            field.value = "" if untouched else _as_typed(value)
        self._filling = False

    def put(self, values: dict[str, Any]) -> None:
        """Put ``values`` into their fields; the others stay as they are."""
        self._filling = True
        for name in values.keys() & self.fields.keys():
            self.fields[name].value = _as_typed(values[name])
        self._filling = False

    def show_fault(self, error: UnderstudyError) -> bool:
        """Show ``error`` at the field that it is about. Returns whether there is one."""
        self.clear_faults()
        flag = error.where.split(" ")[0]
        for name, info in self.infos.items():
            if flag == info.flag:
                self.fields[name].fault(
                    " ".join(filter(None, (error.message, f"Expected {error.expected}.")))
                )
                if info.advanced:
                    self.advanced.open()
                return True
        return False

    def clear_faults(self) -> None:
        """Remove the error texts of all fields."""
        for field in self.fields.values():
            field.fault("")

    def _on_change(self) -> None:
        if not self._filling:
            self._changed()

    def _field(self, info: SettingInfo) -> Any:
        if info.several:
            return ManyFields(partial(self._one_of_several, info), info.label, info.help)
        if info.kind in PATHS:
            field = PathField(self._app_state, info.label, info.help, PATHS[info.kind], self._on_change)  # type: ignore[arg-type]
            if info.default not in (None, ()):
                field.field.props["placeholder"] = str(info.default)
            return field
        if info.kind == "yes-no":
            return SwitchField(info, self._on_change)
        if info.choices and not info.number:
            return ChoiceField(info, self._on_change)
        return PlainField(info, self._on_change)

    def _one_of_several(self, info: SettingInfo, label: str, help_text: str) -> Any:
        if info.is_path:
            return PathField(self._app_state, label, help_text, "shot", self._on_change)
        return PlainField(replace(info, label=label), self._on_change)


def _as_typed(value: Any) -> Any:
    """As somebody would type it: 90 and not 90.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
