"""Space plays, arrows step, L switches the scale, R refreshes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from understudy.monitor.page.messages import report_errors


class Shortcuts(ui.element, component="shortcuts.js"):
    """Calls ``pressed`` with space, left, right, log or refresh."""

    def __init__(self, pressed: Callable[[str], Any]) -> None:
        super().__init__()
        self.on("key", report_errors(lambda event: pressed(str(event.args))))
