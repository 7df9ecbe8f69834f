"""A text field for a path, with completion."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nicegui import ui

from understudy.errors import UnderstudyError
from understudy.monitor.app_state import AppState
from understudy.monitor.paths.completion import Completion, PathKind, complete

ICONS = {
    "folder": "folder",
    "sequence": "burst_mode",
    "movie": "movie",
    "still": "image",
    "pairs": "photo_library",
    "model": "hub",
    "run": "timeline",
    "network": "auto_awesome",
}


class PathField:
    """``value`` is the path as typed; ``changed`` is called after each change."""

    def __init__(
        self, app_state: AppState, label: str, help_text: str, wanted: PathKind, changed: Callable[[], Any]
    ) -> None:
        self._app_state = app_state
        self._wanted: PathKind = wanted
        self._changed = changed
        with ui.input(label).props(
            "dense outlined autocomplete=off bottom-slots spellcheck=false"
        ) as self.field:
            with self.field.add_slot("append"):
                ui.icon("expand_more").classes("cursor-pointer").on("click.stop", self._open)
            with ui.menu().props(
                "no-focus no-refocus fit no-parent-event anchor='bottom left' self='top left'"
            ) as menu:
                self.menu = menu
                self.list = ui.element("div").classes("us-offers")
                self.list.style("max-height: 320px; overflow-y: auto; min-width: 320px")
        self.help(help_text)
        self.field.on("update:model-value", self._typed, throttle=0.15, leading_events=False)
        self.field.on("keydown.down", self._open)
        self.field.on("focus", lambda: self._set_focus(True))
        self.field.on("blur", lambda: self._set_focus(False))
        self._focused = False
        self._completions: list[Completion] = []

    @property
    def value(self) -> str:
        return (self.field.value or "").strip()

    @value.setter
    def value(self, text: str) -> None:
        self.field.value = text

    def help(self, text: str) -> None:
        """Set the help text below the field."""
        self.field.props["hint"] = text

    def fault(self, text: str) -> None:
        """Show ``text`` as an error; "" removes it."""
        self.field.props["error"] = bool(text)
        self.field.props["error-message"] = text

    async def _set_focus(self, focused: bool) -> None:
        self._focused = focused
        if not focused:
            self._changed()
            await asyncio.sleep(0.25)  # a click on an offer takes the focus first
            if not self._focused:
                self.menu.close()

    async def _open(self) -> None:
        """Offer what the text could become, or, where it is complete, all that there is instead of it."""
        self._focused = True
        self.field.run_method("focus")
        await self._complete(instead=True)

    async def _typed(self) -> None:
        self._changed()
        await self._complete()

    async def _complete(self, instead: bool = False) -> None:
        text = self.value
        completions = await self._offers(text)
        if _is_complete(completions, text):
            completions = await self._offers("") if instead else []
        if text != self.value or self.field.is_deleted or not self._focused:
            return
        self._show(completions)

    async def _offers(self, text: str) -> list[Completion]:
        try:
            return await asyncio.to_thread(complete, self._app_state.allowed, text, self._wanted)
        except (UnderstudyError, OSError):
            return []

    def _show(self, completions: list[Completion]) -> None:
        if completions != self._completions:  # a new list would lose a click that is on its way
            self._fill(completions)
        (self.menu.open if completions else self.menu.close)()

    def _fill(self, completions: list[Completion]) -> None:
        self._completions = completions
        self.list.clear()
        with self.list:
            for completion in completions:
                item = ui.item(on_click=lambda c=completion: self._choose(c)).props("clickable dense")
                # Chosen when the button goes down: until it is up again, an answer to what was typed before
                # may have made the list anew, and there is no click on a line that is gone. The field keeps
                # the focus, as a blur would end the offering. A click is what the keyboard makes.
                item.on("mousedown.left.prevent", lambda c=completion: self._choose(c))
                with item, ui.element("div").classes("us-offer"):
                    ui.icon(ICONS[completion.kind]).classes("us-small")
                    ui.label(completion.label)
                    ui.label(completion.note).classes("us-small").style("margin-left: auto")

    async def _choose(self, completion: Completion) -> None:
        self._focused = True
        self.field.value = completion.text
        self._changed()
        if completion.kind == "folder":
            await self._complete()
        else:
            self.menu.close()
        self.field.run_method("focus")


def _is_complete(completions: list[Completion], text: str) -> bool:
    """Whether a text is what it could become, such as the name of a run whose name begins no other."""
    return len(completions) == 1 and completions[0].text == text


class ManyFields:
    """Several fields under one label, at least one: ``make`` makes one of a label and a help text."""

    def __init__(self, make: Callable[[str, str], Any], label: str, help_text: str) -> None:
        self._make, self._label, self._help = make, label, help_text
        self.fields: list[Any] = []
        self.column = ui.element("div").classes("column").style("width: 100%; gap: 2px")
        self._add()

    @property
    def value(self) -> list[str]:
        return [field.value for field in self.fields if field.value]

    @value.setter
    def value(self, texts: list[str] | str) -> None:
        given = [texts] if isinstance(texts, str) else list(texts)
        while len(self.fields) < max(1, len(given)):
            self._add()
        for index, field in enumerate(self.fields):
            field.value = given[index] if index < len(given) else ""

    def add(self) -> None:
        """Add an empty field."""
        self._add()

    def help(self, text: str) -> None:
        self.fields[0].help(text)

    def fault(self, text: str) -> None:
        self.fields[0].fault(text)

    def _add(self) -> None:
        count = len(self.fields) + 1
        with self.column:
            self.fields.append(
                self._make(self._label if count == 1 else f"{self._label} {count}", self._help)
            )
