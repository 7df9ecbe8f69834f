"""The page as a whole: head, graph and table on the left, pictures and advice on the right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from nicegui import ui

from understudy.monitor.jobs.processes import Job
from understudy.monitor.page.actions import Actions
from understudy.monitor.page.advice_panel import AdvicePanel
from understudy.monitor.page.apply_dialog import ApplyPanel
from understudy.monitor.page.graph import Graph
from understudy.monitor.page.messages import complain, guarded, say, words_of
from understudy.monitor.page.pictures_panel import Pictures
from understudy.monitor.page.selection import Desk
from understudy.monitor.page.shortcuts import Shortcuts
from understudy.monitor.page.table import RunsTable
from understudy.monitor.page.training_dialog import NewTraining
from understudy.monitor.runs.watcher import Changes
from understudy.monitor.state import House

STATIC = Path(__file__).with_name("static")
HEAD = '<link rel="stylesheet" href="/monitor/style.css"><script src="/monitor/cells.js"></script>'


def add_page(app: FastAPI, house: House) -> None:
    """Serve the page at / of ``app``."""
    app.mount("/monitor", StaticFiles(directory=STATIC), name="monitor")
    ui.add_head_html(HEAD, shared=True)

    @ui.page("/", title="Understudy", dark=True)
    async def page() -> None:
        Page(house)

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
    """One open page."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.desk = Desk(house)
        self._told = {job.id for job in house.jobs.all() if job.state != "running"}
        self.client = ui.context.client
        self.client.on_exception(lambda error: complain(words_of(error)))
        ui.colors(primary="#3d7be0", negative="#b3403b", dark="#1c1f23")
        self.actions = Actions(self.desk)
        with ui.element("div").classes("us-page"):
            self._head()
            self.fault = ui.label().classes("us-fault-line")
            with ui.element("main").classes("us-body"):
                with ui.element("div").classes("us-column"):
                    self.graph = Graph(self.desk)
                    self.table = RunsTable(self.desk, self.actions)
                with ui.element("div").classes("us-column"):
                    self.pictures = Pictures(self.desk)
                    AdvicePanel(self.desk)
        self.training = NewTraining(self.desk)
        self.applying = ApplyPanel(self.desk)
        self.actions.train, self.actions.apply = self.training.open, self.applying.open
        Shortcuts(self._key)
        self._say_fault(house.watcher.fault)
        self.client.on_delete(house.watcher.listen(self._take))

    def _head(self) -> None:
        with ui.element("header").classes("us-head"):
            ui.label("Understudy").classes("us-brand")
            ui.label(str(self.house.data_directory)).classes("us-place")
            ui.element("div").classes("us-gap")
            self.live = ui.switch("Live Updates", value=True, on_change=guarded(self._live_changed)).props(
                "dense"
            )
            self.live.tooltip("Follow what happens in the data directory, on this machine or another")
            ui.button("Apply", on_click=lambda: self.applying.open(self.desk.chosen)).props(
                "outline color=grey-4"
            )
            ui.button("New Training", icon="add", on_click=lambda: self.training.open()).props(
                "unelevated color=primary"
            )

    def _take(self, changes: Changes) -> None:
        """What the watcher saw, told to this page; runs in the server's loop, outside of any page."""
        if not self.live.value:
            return
        with self.client:
            self.desk.take(changes)
            if changes.fault is not None:
                self._say_fault(changes.fault)
            for job in changes.jobs:
                self._tell_end(job)

    def _tell_end(self, job: Job) -> None:
        """A job that failed while this page was open is said once; so is an export that is there."""
        if job.state == "running" or job.id in self._told:
            return
        self._told.add(job.id)
        if job.kind == "export" and job.state == "finished":
            say(f"{job.title} is there.\n{job.message}")
        elif job.state == "failed":
            complain(f"{job.kind.capitalize()} {job.title} failed.\n{job.message}")

    async def _live_changed(self) -> None:
        if self.live.value:
            await self.refresh()

    async def refresh(self) -> None:
        """Read everything anew, live or not."""
        await self.house.watcher.refresh()
        rows = self.house.watcher.rows
        names = [row.name for row in rows]
        gone = [name for name in self.desk.rows if name not in names]
        self.desk.take(Changes(runs=rows, removed=gone, curves=names, pictures=names))
        self._say_fault(self.house.watcher.fault)

    def _say_fault(self, text: str) -> None:
        self.fault.text = f"The data directory cannot be read: {text}" if text else ""
        self.fault.visible = bool(text)

    @property
    def _viewer(self) -> Any:
        if self.training.dialog.is_open:
            return self.training.viewer
        return self.applying.viewer if self.applying.dialog.is_open else self.pictures.viewer

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
