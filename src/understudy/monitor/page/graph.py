"""The graph of the loss, with its switches."""

from __future__ import annotations

from nicegui import ui

from understudy.errors import UnderstudyError
from understudy.monitor.page.selection import Selection
from understudy.monitor.runs.watcher import Changes

BEST = "Held-out"
WHOLE = "Loss"


class Curves(ui.element, component="graph.js", esm={"understudy-page": "lib"}):
    """Draws the ticked curves; fetches them itself from /api/curves."""


class Graph:
    """The panel: switches above, curves below."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        with ui.element("section").classes("us-panel grow").props('aria-label="Graph"'):
            with ui.element("div").classes("us-title"):
                ui.label("Loss").classes("us-word")
                self.term = self._choice("Term of the loss", "term")
                self._switches()
                self.metric = self._choice("Figure of validation", "metric")
                ui.element("div").classes("us-gap")
                self._buttons()
            self.curves = Curves()
        self.curves.props["smoothness"] = 0.6
        self.curves.props["original"] = self.curves.props["heldOut"] = True
        self.curves.props["log"] = False
        self.curves.props["metric"] = self.curves.props["term"] = ""
        self._runs_changed()
        selection.on("shown", self._runs_changed)
        selection.on("chosen", self._runs_changed)
        selection.on("changes", self._changed)

    def _choice(self, label: str, name: str) -> ui.select:
        """A list that is there where a run has more than one to choose from."""
        first = WHOLE if name == "term" else BEST
        choice = ui.select([first], value=first, on_change=lambda e: self._choose(name, first, e.value))
        choice.props(f'dense borderless options-dense aria-label="{label}"').classes("us-frame")
        choice.visible = False
        return choice

    def _choose(self, name: str, first: str, value: object) -> None:
        self.curves.props[name] = "" if value == first else str(value or "")

    def _offer(self) -> None:
        """What the chosen run has to choose from; what another one had is let go."""
        name, found = self.selection.chosen, (list[str](), list[str]())
        if name is not None:
            try:
                run = self.selection.app_state.run(name)
                curve = self.selection.app_state.curves.read(run.summary_path)
                found = list(curve.parts), list(curve.figures)
            except UnderstudyError:
                pass
        for choice, first, more in zip((self.term, self.metric), (WHOLE, BEST), found, strict=True):
            options = [first, *more]
            choice.visible = len(options) > 1
            if list(choice.options) != options:
                choice.set_options(options, value=choice.value if choice.value in options else first)

    def toggle_log(self) -> None:
        """Straight or logarithmic."""
        self.log.value = not self.log.value

    def refresh(self) -> None:
        """Fetch every curve anew."""
        self.curves.run_method("loadAll")

    def _switches(self) -> None:
        self.log = ui.switch("Log Scale", on_change=lambda e: self._set("log", e.value))
        self.log.props("dense").tooltip("L")
        with ui.element("label").classes("us-range"):
            ui.label("Smoothness")
            ui.slider(
                min=0, max=1, step=0.02, value=0.6, on_change=lambda e: self._set("smoothness", e.value)
            ).props('dense aria-label="Smoothness"')
        original = ui.switch("Original", value=True, on_change=lambda e: self._set("original", e.value))
        original.props("dense").tooltip("The unsmoothed curve, faint behind")
        held_out = ui.switch("Held-out", value=True, on_change=lambda e: self._set("heldOut", e.value))
        held_out.props("dense").tooltip("How the run does on the pair that it does not learn from, dashed")

    def _buttons(self) -> None:
        for icon, tooltip, axis, factor in (
            ("zoom_in", "Zoom X in (wheel)", "x", 0.6),
            ("zoom_out", "Zoom X out", "x", 1 / 0.6),
            ("unfold_more", "Zoom Y in (shift and wheel)", "y", 0.6),
            ("unfold_less", "Zoom Y out", "y", 1 / 0.6),
        ):
            button = ui.button(
                icon=icon, on_click=lambda a=axis, f=factor: self.curves.run_method("zoom", a, f)
            )
            button.props(f'flat dense color=grey-5 aria-label="{tooltip.partition(" (")[0]}"').classes(
                "us-icon"
            ).tooltip(tooltip)
        for icon, tooltip, method in (
            ("fit_screen", "Reset (double-click)", "reset"),
            ("refresh", "Refresh (R)", "loadAll"),
        ):
            button = ui.button(icon=icon, on_click=lambda m=method: self.curves.run_method(m))
            button.props(f'flat dense color=grey-5 aria-label="{tooltip.partition(" (")[0]}"').classes(
                "us-icon"
            ).tooltip(tooltip)

    def _set(self, name: str, value: object) -> None:
        self.curves.props[name] = value

    def _runs_changed(self) -> None:
        names = [name for name in self.selection.rows if name in self.selection.shown]
        self.curves.props["runs"] = [{"name": name, "colour": self.selection.colour(name)} for name in names]
        self.curves.props["strong"] = self.selection.chosen or ""
        self.curves.props["any"] = bool(self.selection.rows)
        self._offer()

    def _changed(self, changes: Changes) -> None:
        moved = set(changes.curves) | {name for name in changes.pictures if name in self.selection.shown}
        if self.selection.chosen in moved:
            self._offer()
        if moved:
            self.curves.run_method("refresh", sorted(moved))
        if changes.removed:
            self.curves.run_method("forget", changes.removed)
