"""A dialog as large as the page: a form on the left, pictures on the right."""

from __future__ import annotations

from nicegui import ui


class LargeDialog:
    """``left`` and ``right`` are the two panels, to be filled with ``with``."""

    def __init__(self, title: str, place: str = "") -> None:
        self.dialog = ui.dialog().props("maximized transition-show=fade transition-hide=fade no-shake")
        with self.dialog, ui.element("div").classes("us-large"):
            with ui.element("div").classes("us-head"):
                ui.label(title).classes("us-brand")
                ui.label(place).classes("us-place")
                ui.element("div").classes("us-gap")
                ui.button("Close", on_click=self.dialog.close).props("flat color=grey-5")
            with ui.element("div").classes("us-split"):
                self.left = ui.element("section").classes("us-panel")
                self.right = ui.element("section").classes("us-panel")

    @property
    def is_open(self) -> bool:
        return bool(self.dialog.value)

    def open(self) -> None:
        self.dialog.open()

    def close(self) -> None:
        self.dialog.close()
