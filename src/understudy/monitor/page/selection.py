"""What one open page has in hand: which curves are ticked, which run is chosen, and who wants to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from understudy.monitor.runs.rows import RunRow
from understudy.monitor.runs.watcher import Changes
from understudy.monitor.state import House

COLOURS = (
    "#6ea8fe", "#f0a35e", "#7fd18b", "#e57fb0", "#c3a6ff", "#5fd3d3", "#e8d06a", "#ef7f75",
    "#9fb8c9", "#b4d46a", "#4f86e8", "#c97f3a", "#4fa563", "#b95c8c", "#9474dd", "#3fa3a8",
    "#b79d3c", "#c25a52", "#7891a5", "#86a343",
)  # fmt: skip
TICKED_AT_FIRST = 8


class Desk:
    """``shown`` are the runs whose curves are ticked; ``chosen`` is the one whose pictures show."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.rows: dict[str, RunRow] = {}
        self.shown: set[str] = set()
        self.chosen: str | None = None
        self.live = True
        self._colours: dict[str, str] = {}
        self._waiting: dict[str, list[Callable[..., Any]]] = {}
        self._awaited: str | None = None
        self._take_rows(house.watcher.rows)
        self.shown = {row.name for row in house.watcher.rows[:TICKED_AT_FIRST]}
        self.chosen = next((row.name for row in house.watcher.rows), None)

    def on(self, what: str, handler: Callable[..., Any]) -> None:
        """Call ``handler`` when ``what`` happens: changes(Changes), shown(), chosen()."""
        self._waiting.setdefault(what, []).append(handler)

    def tell(self, what: str, *arguments: Any) -> None:
        """It has happened."""
        for handler in self._waiting.get(what, []):
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
        self.tell("shown")

    def choose(self, name: str | None) -> None:
        """Show the pictures and the advice of this run."""
        if name != self.chosen:
            self.chosen = name
            self.tell("chosen")

    def expect(self, name: str) -> None:
        """Choose a run as soon as it appears: it has just been started."""
        self._awaited = name

    def take(self, changes: Changes) -> None:
        """What the watcher saw."""
        new = [row.name for row in changes.runs if row.name not in self.rows]
        for name in changes.removed:
            self.rows.pop(name, None)
        self._take_rows(changes.runs)
        self.shown = (self.shown - set(changes.removed)) | set(new)
        self.tell("changes", changes)
        if new or changes.removed:
            self.tell("shown")
        self._choose_after(changes, new)

    def renamed(self, old: str, new: str) -> None:
        """A run has another name: it keeps its colour and its place."""
        self._colours[new] = self.colour(old)
        if old in self.shown:
            self.shown.add(new)
        if self.chosen == old:
            self._awaited = new

    def _choose_after(self, changes: Changes, new: list[str]) -> None:
        if self._awaited in new:
            self.choose(self._awaited)
            self._awaited = None
        elif self.chosen in changes.removed and self._awaited is None:
            self.choose(next((row.name for row in self.house.watcher.rows), None))
        elif self.chosen is None and new:
            self.choose(new[0])

    def _take_rows(self, rows: list[RunRow]) -> None:
        for row in sorted(rows, key=lambda row: row.created):
            self.rows[row.name] = row
            self.colour(row.name)
