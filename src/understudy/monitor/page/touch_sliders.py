"""The controls of the last touch: a slider and a number for each value, a switch for each yes or no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from understudy.settings import SettingInfo

RANGES: dict[str, tuple[float, float, float]] = {
    "clip_black": (0, 1, 0.005),
    "clip_white": (0, 1, 0.005),
    "despeckle": (0, 1000, 10),
    "grow": (-10, 10, 0.1),
    "soften": (0, 20, 0.1),
    "gamma": (0.2, 4, 0.05),
    "edge": (0, 40, 0.5),
}
"""From, to and step of each slider, in a range in which a hand is fine enough; numbers may go further."""


NUMBER = "shutter"
HALF_OPEN = 0.5  # of the time between two frames: 180 degrees


class TouchSlider:
    """A number, by slider or as it is typed. Its name reset it with a double-click."""

    def __init__(self, info: SettingInfo, changed: Callable[[], Any]) -> None:
        self._info, self._changed, self._setting = info, changed, False
        low, high, step = RANGES[info.name]
        with ui.element("div").classes("us-touch-row"):
            label = ui.label(info.label).classes("us-touch-name")
            label.tooltip(f"{info.help} Double-click resets.").on("dblclick", self.reset)
            self.slider = ui.slider(
                min=low, max=high, step=step, value=info.default, on_change=self._slid
            ).props(f'aria-label="{info.label}"')
            self.number = ui.number(
                value=info.default, min=info.minimum, max=info.maximum, step=step, on_change=self._typed
            ).props(f'dense outlined hide-bottom-space aria-label="{info.label}, number"')
            ui.label(info.unit and "px").classes("us-touch-unit")

    @property
    def value(self) -> float:
        number = self.number.value
        return self._info.default if number is None else int(number) if self._whole else float(number)

    @value.setter
    def value(self, value: float) -> None:
        self._set(self.slider, value)
        self._set(self.number, value)

    def reset(self) -> None:
        """Back to what does nothing."""
        if self.value != self._info.default:
            self.value = self._info.default
            self._changed()

    @property
    def _whole(self) -> bool:
        return self._info.number == "whole"

    def _slid(self, event: Any) -> None:
        if not self._setting and event.value is not None:
            self._set(self.number, round(event.value, 4))
            self._changed()

    def _typed(self, event: Any) -> None:
        if not self._setting:
            self._set(self.slider, self.value)
            self._changed()

    def _set(self, control: Any, value: float) -> None:
        """The slider stops where it ends, and leaves the number as it is."""
        self._setting = True
        low, high, _ = RANGES[self._info.name]
        control.set_value(min(max(value, low), high) if control is self.slider else value)
        self._setting = False


class TouchSwitch:
    """Yes or no, or one of two words."""

    def __init__(self, info: SettingInfo, changed: Callable[[], Any]) -> None:
        self._info, self._changed, self._setting = info, changed, False
        self.switch = ui.switch(info.label, on_change=self._switched).props("dense")
        self.switch.tooltip(info.help).classes("us-touch-switch")

    @property
    def value(self) -> Any:
        chosen = bool(self.switch.value)
        return self._info.choices[chosen] if self._info.choices else chosen

    @value.setter
    def value(self, value: Any) -> None:
        self._setting = True
        self.switch.set_value(value != self._info.default)
        self._setting = False

    def reset(self) -> None:
        """Back to what does nothing."""
        self.value = self._info.default

    def _switched(self) -> None:
        if not self._setting:
            self._changed()


class TouchShutter:
    """One of a few words, or a number."""

    def __init__(self, info: SettingInfo, changed: Callable[[], Any]) -> None:
        self._info, self._changed, self._setting = info, changed, False
        with ui.element("div").classes("us-touch-row"):
            label = ui.label(info.label).classes("us-touch-name")
            label.tooltip(f"{info.help} Double-click resets.").on("dblclick", self.reset)
            words = [*info.choices, NUMBER]
            self.word = ui.select(words, value=info.default, on_change=self._chosen)
            self.word.props(f'dense outlined options-dense hide-bottom-space aria-label="{info.label}"')
            self.number = ui.number(
                value=HALF_OPEN, min=info.minimum, max=info.maximum, step=0.05, on_change=self._chosen
            ).props(f'dense outlined hide-bottom-space aria-label="{info.label}, number"')
            self.number.enabled = False

    @property
    def value(self) -> Any:
        if self.word.value != NUMBER:
            return self.word.value
        return HALF_OPEN if self.number.value is None else float(self.number.value)

    @value.setter
    def value(self, value: Any) -> None:
        self._setting = True
        is_number = isinstance(value, int | float)
        self.word.set_value(NUMBER if is_number else value)
        self.number.set_value(float(value) if is_number else self.number.value)
        self.number.enabled = is_number
        self._setting = False

    def reset(self) -> None:
        """Back to what does nothing."""
        if self.value != self._info.default:
            self.value = self._info.default
            self._changed()

    def _chosen(self) -> None:
        self.number.enabled = self.word.value == NUMBER
        if not self._setting:
            self._changed()


TouchControl = TouchSlider | TouchSwitch | TouchShutter


def control_of(info: SettingInfo, changed: Callable[[], Any]) -> TouchControl:
    """What a setting of the last touch is chosen with."""
    if info.name in RANGES:
        return TouchSlider(info, changed)
    return TouchShutter(info, changed) if info.choices and info.number else TouchSwitch(info, changed)
