"""Notifications of the page. Every event handler is wrapped in ``report_errors``."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any

from nicegui import ui

from understudy.errors import UnderstudyError

log = logging.getLogger("understudy.monitor")


def notify(text: str) -> None:
    """Show ``text`` for some seconds: something was done."""
    ui.notify(text, color="grey-9", position="bottom-left", timeout=3500)


def notify_error(text: str) -> None:
    """Show ``text`` as an error, for longer, with a button to close it."""
    ui.notify(
        text, type="negative", position="bottom-left", multi_line=True, close_button="Close", timeout=20_000
    )


def error_text(error: Exception) -> str:
    """The text that the page shows for ``error``."""
    if isinstance(error, UnderstudyError):
        expected, found = (
            error.expected and f"Expected: {error.expected}",
            error.found and f"Found: {error.found}",
        )
        return "\n".join(part for part in (error.message, expected, found, error.remedy) if part)
    if isinstance(error, OSError):
        return f"A file cannot be read or written: {error.strerror or error}"
    log.exception("a fault of the program", exc_info=error)
    return f"A fault of the program: {type(error).__name__}: {error}"


def report_errors(handler: Callable[..., Any]) -> Callable[..., Any]:
    """``handler``, a function or coroutine, whose exceptions are shown as notifications."""

    @functools.wraps(handler)
    async def wrapped(*arguments: Any, **named: Any) -> Any:
        try:
            result = handler(*arguments, **named)
            return await result if inspect.isawaitable(result) else result
        except Exception as error:
            notify_error(error_text(error))
            return None

    return wrapped
