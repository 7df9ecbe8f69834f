"""Plain advice on the chosen run."""

from __future__ import annotations

import asyncio
import time

from nicegui import background_tasks, ui

from understudy.errors import UnderstudyError
from understudy.monitor.page.selection import Selection
from understudy.monitor.runs.advice import Advice
from understudy.monitor.runs.watcher import Changes

PAUSE = 5.0  # seconds between two readings of the figures of a run that trains


class AdvicePanel:
    """Reads the figures of the chosen run now and then."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self._read = 0.0
        with (
            ui.element("section")
            .classes("us-panel")
            .style("max-height: 32%; min-height: 92px; flex: none")
            .props('aria-label="Advice"')
        ):
            with ui.element("div").classes("us-title").style("min-height: 34px; padding: 4px 14px"):
                ui.label("Reading the results").classes("us-word")
            self.pieces = ui.element("div").classes("us-advice")
        selection.on("chosen", self.load)
        selection.on("changes", self._changed)
        self.load()

    def load(self) -> None:
        """Read the figures now."""
        self._read = time.monotonic()
        background_tasks.create(self._load())

    async def _load(self) -> None:
        name = self.selection.chosen
        try:
            found = (
                await asyncio.to_thread(
                    lambda: self.selection.app_state.advice(self.selection.app_state.run(name))
                )
                if name
                else []
            )
        except (UnderstudyError, OSError):
            found = []
        if name == self.selection.chosen and not self.pieces.is_deleted:
            with self.pieces.client:
                self._show(found or [])

    def _show(self, found: list[Advice]) -> None:
        self.pieces.clear()
        with self.pieces:
            if not found:
                ui.label("Choose a run to read its figures.").classes("us-small").style("padding: 8px 0")
            for piece in found:
                with ui.element("div").classes("us-piece"):
                    ui.element("span").classes(f"us-dot {piece.kind}")
                    with ui.element("div"):
                        ui.label(piece.title).classes("us-piece-title")
                        ui.label(piece.text).classes("us-piece-text")

    def _changed(self, changes: Changes) -> None:
        mine = [row for row in changes.runs if row.name == self.selection.chosen]
        ended = any(not row.busy for row in mine)
        if mine and (ended or time.monotonic() - self._read > PAUSE):
            self.load()
