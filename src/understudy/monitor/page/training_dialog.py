"""New training: the form on the left, what would be learned on the right; nothing starts before Start."""

from __future__ import annotations

import asyncio
from typing import Any

from nicegui import background_tasks, ui

from understudy.durations import duration_text
from understudy.errors import UnderstudyError
from understudy.monitor.page.farm_dialog import FarmDialog
from understudy.monitor.page.form import SettingsForm
from understudy.monitor.page.large_dialog import LargeDialog
from understudy.monitor.page.messages import error_text, notify, report_errors
from understudy.monitor.page.selection import Selection
from understudy.monitor.page.viewer import Reel, Viewer, compared, compared_frame, empty_reel
from understudy.monitor.pairs.report import PairsReport
from understudy.settings import TrainSettings
from understudy.settings.data import has_own_truths

INITIAL_TEXT = (
    "Name the plate and its ground truth on the left.\nThe pairs then show here, before anything starts."
)
DEBOUNCE = 0.5  # seconds without typing before the pairs are read
MOST_SHOWN = 500


class TrainingDialog:
    """One for each page; ``open`` shows it, filled with what is given."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self._request = 0
        self.dialog = LargeDialog("New Training", f"into {selection.app_state.data_directory}")
        with self.dialog.left:
            self._left()
        with self.dialog.right:
            self._right()
        self.farm = FarmDialog(selection, "train", lambda: self.form.values)

    def open(self, values: dict[str, Any] | None = None) -> None:
        """Show the form; with ``values`` they are filled in, without it keeps what stood there."""
        if values is not None:
            self.form.fill(values)
        self.dialog.open()
        self._changed()

    def _left(self) -> None:
        with ui.element("div").classes("us-form"):
            self.form = SettingsForm(
                self.selection.app_state, TrainSettings, self._changed, ("data_directory",)
            )
            ui.button("Another shot", icon="add", on_click=self._another).props(
                "flat dense color=grey-5"
            ).classes("us-another")
        with ui.element("div").classes("us-foot"):
            self.facts = ui.element("div").classes("us-facts")
            self.fault = ui.label().classes("us-notes bad")
            with ui.element("div").classes("us-row").style("justify-content: flex-end"):
                farm = ui.button("On the Farm", on_click=lambda: self.farm.open())
                farm.props("outline color=grey-5")
                self.start = ui.button("Start Training", on_click=report_errors(self._start))
                self.start.props("unelevated color=primary")
        self.fault.visible = False

    def _right(self) -> None:
        with ui.element("div").classes("us-title"):
            ui.label("Pairs").classes("us-word")
            self.count = ui.label().classes("us-chosen")
        self.notes = ui.label().classes("us-notes").style("padding: 8px 14px 0")
        self.warnings = ui.label().classes("us-notes warn").style("padding: 8px 14px 0")
        self.viewer = Viewer(empty_reel(INITIAL_TEXT))
        self.notes.visible = self.warnings.visible = False

    def _another(self) -> None:
        for name in ("input", "ground_truth", "empty"):
            self.form.fields[name].add()

    def _changed(self) -> None:
        self._request += 1
        background_tasks.create(self._load_report(self._request))

    async def _load_report(self, request: int) -> None:
        await asyncio.sleep(DEBOUNCE)
        if request != self._request or self.facts.is_deleted:
            return
        values = self.form.values
        if not _names_pairs(values):
            with self.facts.client:
                self._show_text(INITIAL_TEXT)
            return
        app_state = self.selection.app_state
        report, error = None, None
        try:
            report = await asyncio.to_thread(
                lambda: app_state.pairs(app_state.commands.train_settings(values))
            )
        except (UnderstudyError, OSError) as fault:
            error = fault
        if request == self._request and not self.facts.is_deleted:
            with self.facts.client:
                self._show_error(error) if error else self._show(report)

    def _show_text(self, text: str) -> None:
        self.viewer.show(empty_reel(text))
        self.count.text = ""
        self.facts.clear()
        self.notes.visible = self.warnings.visible = self.fault.visible = False

    def _show_error(self, error: Exception) -> None:
        """Show ``error`` in place of the pairs, and at its field when it is about one."""
        self._show_text(error_text(error))
        if isinstance(error, UnderstudyError):
            self.form.show_fault(error)

    def _show_fault(self, text: str) -> None:
        self.fault.text = text
        self.fault.visible = bool(text)

    def _show(self, report: PairsReport | None) -> None:
        if report is None:
            return
        self.form.clear_faults()
        self._show_fault("")
        count = len(report.pairs) or report.count
        self.count.text = f"{count}" + (f", {report.width} x {report.height}" if report.width else "")
        self._show_facts(report)
        notes = _unmatched(report) + report.notes
        self.notes.text, self.warnings.text = "\n".join(notes), "\n".join(report.warnings)
        self.notes.visible, self.warnings.visible = bool(notes), bool(report.warnings)
        self.viewer.show(_reel(report))

    def _show_facts(self, report: PairsReport) -> None:
        steps = f"{report.total_steps:,}" if report.total_steps else "as many as the time allows"
        time = f"about {duration_text(report.seconds)}" if report.seconds else "known after the first steps"
        self.facts.clear()
        with self.facts:
            for label, value in (("Total Steps", steps), ("Time", time)):
                with ui.element("div").classes("us-row").style("gap: 6px"):
                    ui.label(label).classes("us-small")
                    ui.label(value).style("font-weight: 500")

    async def _start(self) -> None:
        app_state = self.selection.app_state
        self.start.disable()
        try:
            job = await asyncio.to_thread(app_state.commands.train, self.form.values)
        except UnderstudyError as error:
            if not self.form.show_fault(error):
                self._show_fault(error_text(error))
            return
        finally:
            self.start.enable()
        self.selection.choose_when_listed(job.run)
        self.dialog.close()
        notify(f"{job.run} is starting.")


def _names_pairs(values: dict[str, Any]) -> bool:
    """Whether there is something to pair: an input with a ground truth, or one that tells its own."""
    given = values.get("input") or ()
    inputs = [given] if isinstance(given, str) else given
    return bool(inputs) and bool(values.get("ground_truth") or all(map(has_own_truths, inputs)))


def _reel(report: PairsReport) -> Reel:
    """The pairs, or a few of many pictures, plate beside ground truth."""
    frames = []
    for pair in report.pairs[:MOST_SHOWN]:
        shot = report.shots[pair.shot]
        label = f"Frame {pair.input}" + (f" : {pair.ground_truth}" if pair.ground_truth != pair.input else "")
        places = shot.input, pair.input, shot.ground_truth, pair.ground_truth
        frames.append(compared_frame(*places, label=label))
    for one in report.shown:
        places = one.input, one.input_number, one.ground_truth, one.ground_truth_number
        frames.append(compared_frame(*places, label=one.name))
    return {
        "key": str([(shot.input, shot.ground_truth) for shot in report.shots] or report.shown),
        "frames": frames,
        "modes": compared("Plate", "Ground Truth"),
        "start": "first",
        "rate": 4,
        "size": 2048,
    }


def _unmatched(report: PairsReport) -> list[str]:
    found = []
    for shot in report.shots:
        if shot.unmatched_ground_truth:
            found.append(f"Ground truth without a plate: {shot.unmatched_ground_truth}")
    return found
