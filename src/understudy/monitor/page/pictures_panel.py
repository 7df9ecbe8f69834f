"""Contact sheets and previews of the chosen run."""

from __future__ import annotations

from nicegui import ui

from understudy.colour.overlay import legend
from understudy.errors import UnderstudyError
from understudy.models.channels import mattes_of
from understudy.models.opening import describe
from understudy.monitor.app_state import AppState
from understudy.monitor.page.selection import Selection
from understudy.monitor.page.viewer import (
    Viewer,
    contact_reel,
    empty_reel,
    preview_reel,
    stage_reel,
    validation_reel,
)
from understudy.monitor.runs.watcher import Changes

NO_RUN = "No run is chosen.\nClick one in the table."
NO_RUNS = "Contact sheets and previews show here, as soon as a run has made some."
NO_SHEET = "No contact sheet yet.\nThe first one appears after Contact Sheet Interval steps."
NO_PREVIEW = "No preview yet.\nGive a Preview plate when training; one appears at every Checkpoint Interval."
NO_VALIDATION = (
    "No validation yet.\nGive Validation Input and Ground Truth, or a Validation Share, when training."
)
NO_STAGE = "No stage yet.\nGive Stages, or Stage Pictures, when training."
KINDS = {
    "contact": "Contact Sheet",
    "preview": "Preview",
    "validation": "Validation",
    "stages": "Stages",
}


def legend_of(app_state: AppState, name: str) -> list[dict[str, str]]:
    """The names and colours of the mattes of a run that makes several; none of any other."""
    try:
        return legend(mattes_of(describe(app_state.run(name).best_or_newest())))
    except (UnderstudyError, OSError):
        return []


class Pictures:
    """The panel: which kind, which frame, and the viewer."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self._previews: list[tuple[int, int]] = []
        self._stages: list[tuple[int, int]] = []
        self._validated: list[int] = []
        self._legend: list[dict[str, str]] = []
        with ui.element("section").classes("us-panel grow").props('aria-label="Pictures"'):
            with ui.element("div").classes("us-title"):
                self.kind = ui.toggle(KINDS, value="contact")
                self.kind.props(
                    "dense no-caps flat unelevated toggle-text-color=grey-3 text-color=grey-6"
                ).classes("us-kinds")
                self.kind.on_value_change(self._show)
                self.frame = (
                    ui.select([], on_change=self._show)
                    .classes("us-frame")
                    .props("dense borderless options-dense")
                )
                self.legend = ui.row().classes("us-legend")
                ui.element("div").classes("us-gap")
                self.title = ui.label().classes("us-chosen")
            self.viewer = Viewer()
        selection.on("chosen", self.load)
        selection.on("changes", self._changed)
        self.load()

    def load(self) -> None:
        """Read again which pictures the chosen run has."""
        name = self.selection.chosen
        self.title.text = name or ""
        self.title.props["title"] = name or ""
        self._steps, self._previews, self._stages, self._validated = [], [], [], []
        if name is not None:
            try:
                run = self.selection.app_state.run(name)
                self._steps = sorted({step for step, _ in run.contact_sheets()})
                self._previews = sorted({(step, frame) for step, frame, _ in run.previews()})
                self._stages = [(step, picture) for step, picture, _ in run.stage_strips()]
                self._validated = [step for step, _ in run.validation_sheets()]
            except UnderstudyError:
                pass
        self._show_legend(name)
        self._show()

    def _show_legend(self, name: str | None) -> None:
        """Which of several mattes has which colour."""
        found = legend_of(self.selection.app_state, name) if name is not None else []
        if found == self._legend:
            return
        self._legend = found
        self.legend.clear()
        with self.legend:
            for each in found:
                with ui.element("span").classes("us-small"):
                    ui.element("i").classes("us-swatch").style(f"background: {each['colour']}")
                    ui.label(each["name"])

    def _offer_frames(self) -> None:
        shown = self._stages if self.kind.value == "stages" else self._previews
        frames = sorted({frame for _, frame in shown})
        if list(self.frame.options) != frames:
            value = (
                self.frame.value
                if self.frame.value in frames
                else (
                    frames[len(frames) // 2]
                    if frames and shown is self._previews
                    else min(frames, default=None)
                )
            )
            self.frame.set_options(frames, value=value)

    def _show(self) -> None:
        name, kind = self.selection.chosen, self.kind.value
        self._offer_frames()
        self.frame.visible = kind in ("preview", "stages") and len(self.frame.options) > 1
        if name is None:
            self.viewer.show(empty_reel(NO_RUN if self.selection.rows else NO_RUNS))
        elif kind == "contact":
            self.viewer.show(contact_reel(name, self._steps, NO_SHEET))
        elif kind == "validation":
            self.viewer.show(validation_reel(name, self._validated, NO_VALIDATION))
        elif kind == "stages":
            steps = [step for step, picture in self._stages if picture == self.frame.value]
            self.viewer.show(stage_reel(name, self.frame.value, steps, NO_STAGE))
        else:
            steps = [step for step, frame in self._previews if frame == self.frame.value]
            self.viewer.show(preview_reel(name, self.frame.value, steps, NO_PREVIEW))

    def _changed(self, changes: Changes) -> None:
        if self.selection.chosen in changes.pictures or self.selection.chosen in changes.removed:
            self.load()
