"""On the Farm: beside Apply and Start Training, what the farm is to be told; then where the job lies, and how
it is handed over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nicegui import ui

from understudy.errors import UnderstudyError
from understudy.monitor.jobs.farm import KINDS, SentFarmJob, What, farm_names, send
from understudy.monitor.page.form import SettingsForm
from understudy.monitor.page.messages import error_text, notify, report_errors
from understudy.monitor.page.selection import Selection
from understudy.settings import settings_of

TITLES: dict[What, str] = {"apply": "Apply on the Farm", "train": "Train on the Farm"}


class FarmDialog:
    """One for each of the two large dialogs. ``values`` are the settings that these have."""

    def __init__(self, selection: Selection, what: What, values: Callable[[], dict[str, Any]]) -> None:
        self._selection, self._what, self._values = selection, what, values
        self._dialog = ui.dialog()
        with self._dialog, ui.element("div").classes("us-dialog column us-farm"):
            ui.label(TITLES[what]).classes("us-head-line")
            self._fill()
        self._told = ""

    def open(self) -> None:
        """Show it, with what was chosen before."""
        self._dialog.open()

    def _fill(self) -> None:
        kind, own = KINDS[self._what], farm_names(KINDS[self._what])
        others = [info.name for info in settings_of(kind) if info.name not in own]
        with ui.element("div").classes("us-form us-farm-form"):
            self._form = SettingsForm(self._selection.app_state, kind, lambda: None, others)
        self._form.put({"to": "openjd"})
        self._words = ui.label().classes("us-notes us-farm-words")
        with ui.element("div").classes("us-row").style("justify-content: flex-end"):
            self._copy = ui.button("Copy", on_click=lambda: ui.clipboard.write(self._told))
            self._copy.props("outline color=grey-5")
            ui.button("Close", on_click=self._dialog.close).props("flat color=grey-5")
            self._write = ui.button("Write Job", on_click=report_errors(self._send))
            self._write.props("unelevated color=primary")
        self._copy.visible = self._words.visible = False

    async def _send(self) -> None:
        self._write.disable()
        self._form.clear_faults()
        try:
            job = await asyncio.to_thread(
                send, self._selection.app_state.commands, self._what, self._values(), self._form.values
            )
        except UnderstudyError as error:
            if not self._form.show_fault(error):
                self._show(error_text(error), "")
            return
        finally:
            self._write.enable()
        self._show(_words(job), "\n".join(job.by_hand))
        notify(f"{job.name}: the farm has it." if job.submitted is not None else f"{job.name} is written.")

    def _show(self, text: str, lines: str) -> None:
        self._words.text, self._told = text, lines
        self._words.visible, self._copy.visible = bool(text), bool(lines)


def _words(job: SentFarmJob) -> str:
    tasks = "1 task" if job.tasks == 1 else f"{job.tasks} tasks"
    lines = [f"{job.name}: {tasks}, in {job.folder}", *job.notes]
    if job.submitted is not None:
        return "\n".join([*lines, f"The farm has it: {' '.join(job.submitted)}"])
    return "\n".join([*lines, "To hand it over:", *job.by_hand])
