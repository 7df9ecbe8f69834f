"""Apply: model, plate and output on the left, the frames as they come on the right, against the plate."""

from __future__ import annotations

import asyncio
from typing import Any

from nicegui import background_tasks, ui

from understudy.durations import duration_text
from understudy.errors import UnderstudyError
from understudy.monitor.jobs.processes import Job
from understudy.monitor.page.farm_dialog import FarmDialog
from understudy.monitor.page.form import SettingsForm
from understudy.monitor.page.large_dialog import LargeDialog
from understudy.monitor.page.messages import error_text, notify, report_errors
from understudy.monitor.page.selection import Selection
from understudy.monitor.page.touch_panel import LEFT_OUT, TouchPanel
from understudy.monitor.page.viewer import Reel, Viewer, compared, compared_frame, empty_reel
from understudy.monitor.runs.watcher import Changes
from understudy.settings import ApplySettings

INITIAL_TEXT = "Choose a model, a plate and an output.\nThe finished frames play here against the plate."
RESULT, TOUCH = "Result", "Last Touch"
PROXY = 1280  # longest side of what the player shows


class ApplyDialog:
    """One for each page."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.chosen: str | None = None
        self.dialog = LargeDialog("Apply")
        with self.dialog.left:
            self._left()
        with self.dialog.right:
            self._right()
        self.farm = FarmDialog(selection, "apply", lambda: {**self.form.values, **self.touch.values})
        selection.on("changes", self._changed)
        self._list()

    @property
    def viewer(self) -> Viewer:
        """The viewer in sight."""
        return self.touch.viewer if self.shown.value == TOUCH else self.result

    def open(self, name: str | None = None) -> None:
        """Show it, with the run ``name`` as the model."""
        if name is not None:
            self.form.fields["model"].value = str(self.selection.app_state.data_directory / name)
        self.dialog.open()
        self._list()
        self._load()
        self._show()

    def _right(self) -> None:
        with ui.element("div").classes("us-title"):
            self.shown = ui.toggle([RESULT, TOUCH], value=RESULT, on_change=self._show)
            self.shown.props("unelevated no-caps").classes("us-kinds")
            self.title = ui.label().classes("us-chosen")
        self.result = Viewer(empty_reel(INITIAL_TEXT))
        self.touch = TouchPanel(
            self.selection.app_state, lambda: self.form.values, self.form.put, self._touched
        )
        self._show()

    def _show(self) -> None:
        touching = self.shown.value == TOUCH
        self.result.visible = self.title.visible = not touching
        self.touch.element.visible = touching
        if touching:
            self.touch.refresh()

    def _touched(self) -> None:
        self.words.text = f"Last touch: {self.touch.words}"

    def _form_changed(self) -> None:
        self.form.clear_faults()
        if self.shown.value == TOUCH:
            self.touch.refresh()

    def _left(self) -> None:
        with ui.element("div").classes("us-form"):
            self.form = SettingsForm(self.selection.app_state, ApplySettings, self._form_changed, LEFT_OUT)
        with ui.element("div").classes("us-foot"):
            self.fault = ui.label().classes("us-notes bad")
            self.fault.visible = False
            with ui.element("div").classes("us-row").style("justify-content: flex-end"):
                self.words = ui.label("Last touch: none").classes("us-touch-words")
                self.words.on("click", lambda: self.shown.set_value(TOUCH))
                copy = ui.button("Copy Command", on_click=report_errors(self._copy))
                copy.props("outline color=grey-5")
                farm = ui.button("On the Farm", on_click=lambda: self.farm.open())
                farm.props("outline color=grey-5")
                self.start = ui.button("Apply", on_click=report_errors(self._start)).props(
                    "unelevated color=primary"
                )
        self.jobs = ui.element("div").classes("us-jobs")

    async def _start(self) -> None:
        self.start.disable()
        self.fault.visible = False
        self.form.clear_faults()
        try:
            job = await asyncio.to_thread(
                self.selection.app_state.commands.apply, {**self.form.values, **self.touch.values}
            )
        except UnderstudyError as error:
            if not self.form.show_fault(error):
                self.fault.text, self.fault.visible = error_text(error), True
            return
        finally:
            self.start.enable()
        self.chosen = job.id
        self.shown.set_value(RESULT)
        await self.selection.app_state.watcher.refresh()

    async def _copy(self) -> None:
        """The command line that does the same into the clipboard."""
        values = {**self.form.values, **self.touch.values}
        text = await asyncio.to_thread(self.selection.app_state.commands.apply_command, values)
        ui.clipboard.write(text)
        notify(f"Copied: {text}")

    def _changed(self, changes: Changes) -> None:
        jobs = [job for job in changes.jobs if job.kind == "apply"]
        if jobs:
            self._list()
        if any(job.id == self.chosen for job in jobs):
            self._load()

    def _list(self) -> None:
        jobs = [job for job in self.selection.app_state.jobs.all() if job.kind == "apply"][:12]
        if self.chosen is None and jobs:
            self.chosen = jobs[0].id
        self.jobs.clear()
        with self.jobs:
            for job in jobs:
                self._job(job)

    def _job(self, job: Job) -> None:
        row = ui.element("div").classes("us-job" + (" on" if job.id == self.chosen else ""))
        row.on("click", report_errors(lambda: self._choose(job.id)))
        with row:
            with ui.element("div").classes("us-job-head"):
                ui.label(job.title).classes("us-job-name")
                ui.label(_progress(job)).classes("us-small")
                if job.state == "running":
                    stop = report_errors(lambda: self.selection.app_state.jobs.stop(job.id))
                    ui.button("Stop").props("flat dense color=grey-5").on("click.stop", stop)
            with ui.element("div").classes("us-progress"):
                part = job.done / job.total if job.total else 0.0
                ui.element("div").style(f"width: {100 * min(part, 1.0):.1f}%")
            for text in filter(None, (job.message if job.state != "running" else "", _failed(job))):
                ui.label(text).classes("us-job-text")

    def _choose(self, name: str) -> None:
        self.chosen = name
        self._list()
        self._load()

    def _load(self) -> None:
        background_tasks.create(self._load_reel())

    async def _load_reel(self) -> None:
        name = self.chosen
        if name is None:
            return
        try:
            title, reel = await asyncio.to_thread(lambda: self._reel(self.selection.app_state.jobs.get(name)))
        except (UnderstudyError, OSError) as error:
            title, reel = "", empty_reel(error_text(error))
        if name == self.chosen and not self.title.is_deleted:
            with self.title.client:
                self.title.text = title
                self.result.show(reel)

    def _reel(self, job: Job) -> tuple[str, Reel]:
        """The frames that are finished, each beside its plate."""
        allowed = self.selection.app_state.allowed
        try:
            result = allowed.shot(job.output)
        except UnderstudyError:
            waiting = (
                "The frames appear here as they are finished." if job.state == "running" else job.message
            )
            return job.output, empty_reel(waiting or "There are no frames.")
        plate = allowed.shot(job.plate)
        known = set(plate.numbers)
        frames = [
            compared_frame(job.plate, number, job.output, number, version=_version(result, number))
            for number in result.numbers
            if number in known
        ]
        rate = plate.frame_rate
        reel: dict[str, Any] = {
            "key": f"apply {job.id}",
            "frames": frames,
            "modes": compared("Plate", "Result"),
            "start": "first",
            "rate": float(rate) if rate else 24,
            "size": PROXY,
            "empty": "The frames appear here as they are finished.",
        }
        return job.output, reel


def _version(result: Any, number: int) -> int:
    """Changes when the frame is made again."""
    try:
        return result.path(number).stat().st_mtime_ns // 1_000_000
    except OSError:
        return 0


def _progress(job: Job) -> str:
    if job.state != "running":
        return f"{job.state}, {job.done} of {job.total}" if job.total else job.state
    left = f", {duration_text(job.seconds_left)} left" if job.seconds_left is not None else ""
    return f"{job.done} of {job.total}{left}" if job.total else "starting"


def _failed(job: Job) -> str:
    return "\n".join(
        f"Frame {frame.number}: {frame.error.splitlines()[0]}" for frame in job.failed[:5] if frame.error
    )
