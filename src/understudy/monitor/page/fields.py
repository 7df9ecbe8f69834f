"""The plain fields of a form: text, a choice, a switch. Each has ``value`` and can show an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from understudy.settings import SettingInfo


class PlainField:
    """A text field; the placeholder is the default."""

    def __init__(self, info: SettingInfo, changed: Callable[[], Any]) -> None:
        default = "" if info.default in (None, ()) else str(info.default)
        self.field = ui.input(info.label, placeholder=default, on_change=changed)
        self.field.props("dense outlined stack-label bottom-slots spellcheck=false autocomplete=off")
        if info.unit:
            self.field.props["suffix"] = info.unit
        self.field.props["hint"] = info.help

    @property
    def value(self) -> str:
        return (self.field.value or "").strip()

    @value.setter
    def value(self, value: Any) -> None:
        self.field.value = str(value)

    def fault(self, text: str) -> None:
        """Show ``text`` as an error; "" removes it."""
        self.field.props["error"] = bool(text)
        self.field.props["error-message"] = text


class ChoiceField:
    """One of a few words."""

    def __init__(self, info: SettingInfo, changed: Callable[[], Any]) -> None:
        self.field = ui.select(list(info.choices), value=info.default, label=info.label, on_change=changed)
        self.field.props("dense outlined options-dense bottom-slots")
        self.field.props["hint"] = info.help

    @property
    def value(self) -> str:
        return self.field.value or ""

    @value.setter
    def value(self, value: Any) -> None:
        if value in self.field.options:
            self.field.value = value

    def fault(self, text: str) -> None:
        """Ignored: a choice is always valid."""


class SwitchField:
    """Yes or no."""

    def __init__(self, info: SettingInfo, changed: Callable[[], Any]) -> None:
        self.field = ui.switch(info.label, value=bool(info.default), on_change=changed).props("dense")
        self.field.tooltip(info.help).style("padding: 6px 0")

    @property
    def value(self) -> bool:
        return bool(self.field.value)

    @value.setter
    def value(self, value: Any) -> None:
        self.field.value = bool(value)

    def fault(self, text: str) -> None:
        """Ignored: a switch is always valid."""
