"""The tab Correct: the shot of the chosen run, to paint on. The browser paints; the API saves and teaches."""

from __future__ import annotations

from nicegui import ui

from understudy.monitor.page.messages import report_errors
from understudy.monitor.page.selection import Selection
from understudy.monitor.runs.rows import RunRow
from understudy.monitor.runs.watcher import Changes


class Correct(
    ui.element, component="correct.js", esm={"understudy-page": "lib", "understudy-correct": "correct"}
):
    """The tab's contents. It fetches the shot, pictures and suggestions itself from /api/runs/NAME."""


class CorrectPanel:
    """Tells the browser which run is chosen, and how far it has learned."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.correct = Correct()
        self.correct.props["active"] = False
        self.correct.on("choose", report_errors(lambda event: selection.choose(str(event.args))))
        selection.on("chosen", self._tell)
        selection.on("shown", self._tell)
        selection.on("changes", self._changed)
        self._tell()

    def show(self, shown: bool) -> None:
        """Show or hide the tab's contents. Hidden, it asks for nothing."""
        self.correct.props["active"] = shown

    def _changed(self, changes: Changes) -> None:
        if any(row.name == self.selection.chosen for row in changes.runs):
            self._tell()

    def _tell(self) -> None:
        name = self.selection.chosen
        self._set("runs", [row.name for row in self.selection.newest_first()])
        self._set("row", _progress(self.selection.rows.get(name or "")))
        self._set("name", name or "")

    def _set(self, name: str, value: object) -> None:
        if self.correct.props.get(name) != value:
            self.correct.props[name] = value


def _progress(row: RunRow | None) -> dict[str, object]:
    if row is None:
        return {}
    return row.model_dump(include={"state", "busy", "step", "total", "time_left", "last_checkpoint"})
