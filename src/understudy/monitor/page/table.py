"""The runs table: sort, filter, tick, choose, rename, and a menu for one or many."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from understudy.monitor.page.actions import Actions
from understudy.monitor.page.messages import report_errors
from understudy.monitor.page.selection import Selection
from understudy.monitor.runs.rows import RunRow
from understudy.monitor.runs.watcher import Changes

EMPTY = "No runs in this data directory yet.\nStart one with New Training, or with: understudy train"

MENU: tuple[tuple[str, str] | None, ...] = (
    ("Show Curve", "show"),
    ("Hide Curve", "hide"),
    None,
    ("Stop and Keep", "stop"),
    ("Resume …", "resume"),
    ("Change the Limit …", "limits"),
    None,
    ("Duplicate into a New Training …", "duplicate"),
    ("Apply to a Plate …", "apply"),
    ("Export …", "export"),
    None,
    ("Rename …", "rename"),
    ("Copy Path", "copy_path"),
    ("Delete …", "delete"),
)


def _column(field: str, title: str, width: int, **more: Any) -> dict[str, Any]:
    """``width`` is what it needs at least; what is left over goes to all in proportion."""
    return {"field": field, "headerName": title, "flex": width, "minWidth": width, **more}


def _figures(field: str, title: str, width: int, **more: Any) -> dict[str, Any]:
    right = {"cellClass": "us-right", "headerClass": "us-right", "filter": "agNumberColumnFilter"}
    return _column(field, title, width, **right, **more)


COLUMNS = [
    _column(
        "shown",
        "",
        44,
        cellDataType="boolean",
        editable=True,
        filter=False,
        sortable=False,
        resizable=False,
        maxWidth=44,
        pinned="left",
        headerTooltip="Show the curve",
    ),
    _column(
        "name",
        "Name",
        122,
        editable=True,
        filter="agTextColumnFilter",
        **{":cellRenderer": "usCells.name"},
    ),
    _column("state", "State", 96, filter="agTextColumnFilter", **{":cellRenderer": "usCells.state"}),
    _figures("step", "Step", 102, **{":valueFormatter": "usCells.step"}),
    _figures("loss", "Loss", 76, **{":valueFormatter": "usCells.number(4)"}),
    _figures("best", "Held-out", 86, **{":valueFormatter": "usCells.heldOut"}),
    _figures("steps_per_second", "Steps/s", 68, **{":valueFormatter": "usCells.number(3)"}),
    _figures("time_left", "Left", 72, **{":valueFormatter": "usCells.duration"}),
    _column("model_size", "Size", 68, filter="agTextColumnFilter"),
    _figures("pairs", "Pairs", 54),
]

OPTIONS = {
    "columnDefs": COLUMNS,
    "rowData": [],
    "defaultColDef": {"resizable": True, "sortable": True, "suppressHeaderMenuButton": False},
    "rowSelection": {
        "mode": "multiRow",
        "checkboxes": False,
        "headerCheckbox": False,
        "enableClickSelection": True,
    },
    # A right click on a row that is not selected means that row alone.
    ":onCellContextMenu": "event => event.node.isSelected() || event.node.setSelected(true, true)",
    ":getRowId": "params => params.data.name",
    ":rowClassRules": "({'us-row-chosen': params => params.data.chosen})",
    "rowHeight": 34,
    "headerHeight": 34,
    "suppressCellFocus": False,
    "stopEditingWhenCellsLoseFocus": True,
    "animateRows": False,
    "overlayNoRowsTemplate": "<span></span>",
    "singleClickEdit": False,
}


class RunsTable:
    """One row for each run of the data directory."""

    def __init__(self, selection: Selection, actions: Actions) -> None:
        self.selection = selection
        self.actions = actions
        with ui.element("section").classes("us-panel grow").props('aria-label="Runs"'):
            with ui.element("div").classes("us-title"):
                ui.label("Runs").classes("us-word")
                self.count = ui.label().classes("us-small")
                ui.element("div").classes("us-gap")
                self.filter = ui.input(placeholder="Filter", on_change=self._filter).props(
                    "dense borderless clearable"
                )
                self.filter.classes("us-filter").style("width: 160px").props('aria-label="Filter the runs"')
            with ui.element("div").classes("us-table"):
                rows = [self._values(row) for row in selection.newest_first()]
                self.grid = ui.aggrid({**OPTIONS, "rowData": rows}, auto_size_columns=False)
                self.empty = ui.label(EMPTY).classes("us-empty")
                with ui.context_menu():
                    self._menu()
        self._listen()
        self._count()

    def _menu(self) -> None:
        """What may be done to the runs that are selected."""
        for entry in MENU:
            if entry is None:
                ui.separator()
            else:
                label, action = entry
                ui.menu_item(label, on_click=report_errors(lambda a=action: self._do(a)))

    def _listen(self) -> None:
        grid = self.grid
        grid.on("cellClicked", report_errors(self._clicked), args=["colId", "rowId"])
        grid.on(
            "cellValueChanged", report_errors(self._edited), args=["colId", "rowId", "oldValue", "newValue"]
        )
        grid.on(
            "gridReady",
            lambda: self._send([self._values(row) for row in self.selection.rows.values()], "update"),
        )
        self.selection.on("changes", self._changed)
        self.selection.on("shown", self._marks_changed)
        self.selection.on("chosen", self._marks_changed)

    def _values(self, row: RunRow) -> dict[str, Any]:
        return {
            **row.model_dump(),
            "best": row.held_out.value if row.held_out else None,
            "shown": row.name in self.selection.shown,
            "chosen": row.name == self.selection.chosen,
            "colour": self.selection.colour(row.name),
        }

    # -- from the browser ----------------------------------------------------------------------------------

    def _clicked(self, event: Any) -> None:
        if event.args.get("colId") != "shown":
            self.selection.choose(event.args["rowId"])

    async def _edited(self, event: Any) -> None:
        name, value = event.args["rowId"], event.args.get("newValue")
        if event.args["colId"] == "shown":
            self.selection.show([name], bool(value))
            return
        try:
            await self.actions.rename_to(name, str(value or "").strip())
        finally:
            if name in self.selection.rows:  # what is true, whatever was typed
                self._send([self._values(self.selection.rows[name])], "update")

    async def _do(self, what: str) -> None:
        rows = await self.grid.get_selected_rows()
        names = [row["name"] for row in rows if row["name"] in self.selection.rows]
        if names:
            await self.actions.do(what, names)

    def _filter(self) -> None:
        self.grid.run_grid_method("setGridOption", "quickFilterText", self.filter.value or "")

    # -- to the browser ------------------------------------------------------------------------------------

    def _changed(self, changes: Changes) -> None:
        known = set(self._known)
        fresh = [row for row in changes.runs if row.name not in known]
        self._send([self._values(row) for row in fresh], "add")
        self._send([self._values(row) for row in changes.runs if row.name in known], "update")
        self._send([{"name": name} for name in changes.removed if name in known], "remove")
        self._count()

    def _marks_changed(self) -> None:
        self._send([self._values(row) for row in self.selection.rows.values()], "update")

    def _send(self, rows: list[dict[str, Any]], operation: str) -> None:
        if not rows:
            return
        self.grid.run_grid_method(
            "applyTransaction", {operation: rows, **({"addIndex": 0} if operation == "add" else {})}
        )

    def _count(self) -> None:
        self._known = list(self.selection.rows)
        busy = sum(row.busy for row in self.selection.rows.values())
        self.count.text = f"{len(self.selection.rows)}" + (f", {busy} training" if busy else "")
        self.empty.visible = not self.selection.rows
