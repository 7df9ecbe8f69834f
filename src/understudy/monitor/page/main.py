"""The page as a whole: a head, and below it one of two tabs. Runs: graph and table on the left, pictures and
advice on the right. Correct: the chosen run's shot, to paint on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.staticfiles import StaticFiles
from nicegui import app as nicegui_app
from nicegui import ui

from understudy.monitor.app_state import AppState
from understudy.monitor.jobs.processes import Job
from understudy.monitor.page.actions import Actions
from understudy.monitor.page.advice_panel import AdvicePanel
from understudy.monitor.page.apply_dialog import ApplyDialog
from understudy.monitor.page.correct_panel import CorrectPanel
from understudy.monitor.page.graph import Graph
from understudy.monitor.page.messages import error_text, notify, notify_error, report_errors
from understudy.monitor.page.pictures_panel import Pictures
from understudy.monitor.page.selection import Selection
from understudy.monitor.page.shortcuts import Shortcuts
from understudy.monitor.page.table import RunsTable
from understudy.monitor.page.training_dialog import TrainingDialog
from understudy.monitor.runs.watcher import Changes

RUNS, CORRECT = "Runs", "Correct"
STATIC = Path(__file__).with_name("static")
HEAD = (
    '<link rel="stylesheet" href="{0}/monitor/style.css"><script src="{0}/monitor/cells.js"></script>'
    '<script>window.usRootPath = "{0}";</script>'
)


def add_page(app: FastAPI, app_state: AppState, page_key: str = "") -> None:
    """Serve the page at / of ``app``. Its connection brings ``page_key``: see ``access``."""
    app.mount("/monitor", StaticFiles(directory=STATIC), name="monitor")
    nicegui_app.config.socket_io_js_query_params["page_key"] = page_key

    @ui.page("/", title="Understudy", dark=True)
    async def page(request: Request) -> None:
        ui.add_head_html(HEAD.format(request.scope["root_path"]))  # letters and - . _ ~ / only
        Page(app_state)

    ui.run_with(
        app,
        title="Understudy",
        dark=True,
        tailwind=False,
        show_welcome_message=False,
        favicon=STATIC / "mark.svg",
        reconnect_timeout=10.0,
    )


class Page:
    """The page in one browser window."""

    def __init__(self, app_state: AppState) -> None:
        self.app_state = app_state
        self.selection = Selection(app_state)
        self._notified = {job.id for job in app_state.jobs.all() if job.state != "running"}
        self.client = ui.context.client
        self.client.on_exception(lambda error: notify_error(error_text(error)))
        ui.colors(primary="#3d7be0", negative="#b3403b", dark="#1c1f23")
        self.actions = Actions(self.selection)
        with ui.element("div").classes("us-page"):
            self._head()
            self.fault = ui.label().classes("us-fault-line")
            with ui.element("main").classes("us-body") as self.runs:
                with ui.element("div").classes("us-column"):
                    self.graph = Graph(self.selection)
                    self.table = RunsTable(self.selection, self.actions)
                with ui.element("div").classes("us-column"):
                    self.pictures = Pictures(self.selection)
                    AdvicePanel(self.selection)
            self.correct = CorrectPanel(self.selection)
        self.training_dialog = TrainingDialog(self.selection)
        self.apply_dialog = ApplyDialog(self.selection)
        self.actions.train, self.actions.apply = self.training_dialog.open, self.apply_dialog.open
        Shortcuts(self._key)
        self._show_fault(app_state.watcher.fault)
        self.client.on_delete(app_state.watcher.listen(self._update))

    def _head(self) -> None:
        with ui.element("header").classes("us-head"):
            ui.label("Understudy").classes("us-brand")
            self._tabs()
            ui.label(str(self.app_state.data_directory)).classes("us-place")
            ui.element("div").classes("us-gap")
            self.live = ui.switch(
                "Live Updates", value=True, on_change=report_errors(self._live_changed)
            ).props("dense")
            self.live.tooltip("Follow what happens in the data directory, on this machine or another")
            ui.button("Apply", on_click=lambda: self.apply_dialog.open(self.selection.chosen)).props(
                "outline color=grey-4"
            )
            ui.button("New Training", icon="add", on_click=lambda: self.training_dialog.open()).props(
                "unelevated color=primary"
            )

    def _tabs(self) -> None:
        tabs = ui.tabs()
        with tabs.props("dense no-caps inline-label").classes("us-tabs"):
            ui.tab(RUNS).tooltip("Watch, compare and start trainings")
            ui.tab(CORRECT).tooltip("Paint on what the chosen run has wrong, and teach it")
        tabs.set_value(RUNS)
        tabs.on_value_change(lambda event: self._show_tab(event.value))

    def _show_tab(self, name: str) -> None:
        self.runs.visible = name == RUNS
        self.correct.show(name == CORRECT)

    def _update(self, changes: Changes) -> None:
        """Pass changes on to this page. Called in the server's event loop, outside of any page."""
        if not self.live.value:
            return
        with self.client:
            self.selection.update(changes)
            if changes.fault is not None:
                self._show_fault(changes.fault)
            for job in changes.jobs:
                self._notify_end(job)

    def _notify_end(self, job: Job) -> None:
        """Notify once of a job that failed, or an export that finished, while this page was open."""
        if job.state == "running" or job.id in self._notified:
            return
        self._notified.add(job.id)
        if job.kind == "export" and job.state == "finished":
            notify(f"{job.title} is there.\n{job.message}")
        elif job.state == "failed":
            notify_error(f"{job.kind.capitalize()} {job.title} failed.\n{job.message}")

    async def _live_changed(self) -> None:
        if self.live.value:
            await self.refresh()

    async def refresh(self) -> None:
        """Read everything anew, live or not."""
        await self.app_state.watcher.refresh()
        rows = self.app_state.watcher.rows
        names = [row.name for row in rows]
        gone = [name for name in self.selection.rows if name not in names]
        self.selection.update(Changes(runs=rows, removed=gone, curves=names, pictures=names))
        self._show_fault(self.app_state.watcher.fault)

    def _show_fault(self, text: str) -> None:
        self.fault.text = f"The data directory cannot be read: {text}" if text else ""
        self.fault.visible = bool(text)

    @property
    def _viewer(self) -> Any:
        if self.training_dialog.dialog.is_open:
            return self.training_dialog.viewer
        return self.apply_dialog.viewer if self.apply_dialog.dialog.is_open else self.pictures.viewer

    async def _key(self, key: str) -> None:
        if key == "space":
            self._viewer.toggle_play()
        elif key in ("left", "right"):
            self._viewer.step(1 if key == "right" else -1)
        elif key == "log":
            self.graph.toggle_log()
        elif key == "refresh":
            await self.refresh()
            self.graph.refresh()
