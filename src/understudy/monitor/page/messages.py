"""What the page says to the artist: done, refused, failed. Every handler goes through ``guarded``."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any

from nicegui import ui

from understudy.errors import UnderstudyError

log = logging.getLogger("understudy.monitor")


def say(text: str) -> None:
    """Something went as wished."""
    ui.notify(text, color="grey-9", position="bottom-left", timeout=3500)


def complain(text: str) -> None:
    """Something did not; it stays until it is read."""
    ui.notify(
        text, type="negative", position="bottom-left", multi_line=True, close_button="Close", timeout=20_000
    )


def words_of(error: Exception) -> str:
    """An error in the page's words."""
    if isinstance(error, UnderstudyError):
        parts = (error.message, error.expected and f"Expected: {error.expected}", error.found, error.remedy)
        return "\n".join(part for part in parts if part)
    if isinstance(error, OSError):
        return f"A file cannot be read or written: {error.strerror or error}"
    log.exception("a fault of the program", exc_info=error)
    return f"A fault of the program: {type(error).__name__}: {error}"


def guarded(handler: Callable[..., Any]) -> Callable[..., Any]:
    """``handler``, whose errors are said in the page. For functions and coroutines alike."""

    @functools.wraps(handler)
    async def careful(*arguments: Any, **named: Any) -> Any:
        try:
            result = handler(*arguments, **named)
            return await result if inspect.isawaitable(result) else result
        except Exception as error:
            complain(words_of(error))
            return None

    return careful
