"""The selection of one open page: which curves are ticked, which run is chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from understudy.monitor.app_state import AppState
from understudy.monitor.runs.rows import RunRow
from understudy.monitor.runs.watcher import Changes

COLOURS = (
    "#6ea8fe", "#f0a35e", "#7fd18b", "#e57fb0", "#c3a6ff", "#5fd3d3", "#e8d06a", "#ef7f75",
    "#9fb8c9", "#b4d46a", "#4f86e8", "#c97f3a", "#4fa563", "#b95c8c", "#9474dd", "#3fa3a8",
    "#b79d3c", "#c25a52", "#7891a5", "#86a343",
)  # fmt: skip
INITIALLY_SHOWN = 8


class Selection:
    """``shown`` are the runs whose curves are ticked; ``chosen`` is the one whose pictures show.

    ``rows`` are all runs by name. Panels register handlers for the events that it emits."""

    def __init__(self, app_state: AppState) -> None:
        self.app_state = app_state
        self.rows: dict[str, RunRow] = {}
        self.shown: set[str] = set()
        self.chosen: str | None = None
        self.live = True
        self._colours: dict[str, str] = {}
        self._handlers: dict[str, list[Callable[..., Any]]] = {}
        self._choose_next: str | None = None
        self._update_rows(app_state.watcher.rows)
        self.shown = {row.name for row in app_state.watcher.rows[:INITIALLY_SHOWN]}
        self.chosen = next((row.name for row in app_state.watcher.rows), None)

    def on(self, event: str, handler: Callable[..., Any]) -> None:
        """Call ``handler`` on ``event``: changes(Changes), shown(), chosen()."""
        self._handlers.setdefault(event, []).append(handler)

    def emit(self, event: str, *arguments: Any) -> None:
        """Call the handlers of ``event``."""
        for handler in self._handlers.get(event, []):
            handler(*arguments)

    def colour(self, name: str) -> str:
        """The colour of a run's curve; it keeps it while the page is open."""
        return self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])

    def newest_first(self) -> list[RunRow]:
        """The rows as a table shows them."""
        return sorted(self.rows.values(), key=lambda row: (row.created, row.name), reverse=True)

    def show(self, names: list[str], shown: bool) -> None:
        """Tick or untick curves."""
        self.shown = self.shown | set(names) if shown else self.shown - set(names)
        self.emit("shown")

    def choose(self, name: str | None) -> None:
        """Show the pictures and the advice of this run."""
        if name != self.chosen:
            self.chosen = name
            self.emit("chosen")

    def choose_when_listed(self, name: str) -> None:
        """Choose a run as soon as it appears: it has just been started."""
        self._choose_next = name

    def update(self, changes: Changes) -> None:
        """Apply what the watcher found."""
        new = [row.name for row in changes.runs if row.name not in self.rows]
        for name in changes.removed:
            self.rows.pop(name, None)
        self._update_rows(changes.runs)
        self.shown = (self.shown - set(changes.removed)) | set(new)
        self.emit("changes", changes)
        if new or changes.removed:
            self.emit("shown")
        self._choose_after(changes, new)

    def renamed(self, old: str, new: str) -> None:
        """A run has another name: it keeps its colour and its place."""
        self._colours[new] = self.colour(old)
        if old in self.shown:
            self.shown.add(new)
        if self.chosen == old:
            self._choose_next = new

    def _choose_after(self, changes: Changes, new: list[str]) -> None:
        if self._choose_next in new:
            self.choose(self._choose_next)
            self._choose_next = None
        elif self.chosen in changes.removed and self._choose_next is None:
            self.choose(next((row.name for row in self.app_state.watcher.rows), None))
        elif self.chosen is None and new:
            self.choose(new[0])

    def _update_rows(self, rows: list[RunRow]) -> None:
        for row in sorted(rows, key=lambda row: row.created):
            self.rows[row.name] = row
            self.colour(row.name)
