"""Where progress is shown: a bar on a terminal, plain lines in a log, or one JSON object per line."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

LINE_SECONDS = 5.0  # how often a log is told about steps


class Screen:
    """Shows nothing; the others show what they can. A reader that has left never ends the work."""

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to put away."""

    def say(self, text: str) -> None:
        """A line that stays."""

    def advance(self, done: int, total: int, text: str) -> None:
        """How far it is, and how it goes."""

    def finish(self) -> None:
        """The work is over; what is said now are the closing words."""

    def event(self, event: object) -> None:
        """Everything, for programs."""

    def line(self, values: Mapping[str, Any]) -> None:
        """The same of an event that is JSON already."""


class _Printing(Screen):
    def __init__(self) -> None:
        self._muted = False

    def _print(self, text: str) -> None:
        if self._muted:
            return
        try:
            print(text, flush=True)
        except OSError:
            self._muted = True
            # Python flushes once more at its end; give it a place to.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


class PlainScreen(_Printing):
    """Lines, at most one every five seconds about steps."""

    def __init__(self) -> None:
        super().__init__()
        self._last = -math.inf

    def say(self, text: str) -> None:
        self._print(text)

    def advance(self, done: int, total: int, text: str) -> None:
        if done < total and time.monotonic() - self._last < LINE_SECONDS:
            return
        self._last = time.monotonic()
        self.tell(done, total, text)

    def tell(self, done: int, total: int, text: str) -> None:
        """The line, once it is due."""
        self._print(f"{done}/{total}  {text}")


class JsonScreen(_Printing):
    """One object per line: {"event": "stepped", "step": 12, ...}."""

    def event(self, event: object) -> None:
        self._print(event_line(event))

    def line(self, values: Mapping[str, Any]) -> None:
        self._print(json.dumps(values, ensure_ascii=False))


class TerminalScreen(Screen):
    """A bar that moves, lines above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._console = Console(highlight=False)
        columns = (
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
        )
        self._progress = Progress(*columns, console=self._console, refresh_per_second=5)
        self._task: Any = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def finish(self) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def advance(self, done: int, total: int, text: str) -> None:
        if self._task is None:
            self._task = self._progress.add_task(text, total=total)
            self._progress.start()
        self._progress.update(self._task, completed=done, total=total, description=text)


def screen(as_json: bool) -> Screen:
    """The one that fits where the output goes."""
    if as_json:
        return JsonScreen()
    from understudy.cli.farm_screen import FarmScreen, farm

    if name := farm():
        return FarmScreen(name)
    return TerminalScreen() if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else PlainScreen()


def event_line(event: object) -> str:
    """``event`` (a dataclass) as one line of JSON; its name says which kind it is."""
    values = {f.name: _plain(getattr(event, f.name)) for f in dataclasses.fields(event)}  # type: ignore[arg-type]
    return json.dumps({"event": event_name(event), **values}, ensure_ascii=False, allow_nan=False)


def event_name(event: object) -> str:
    """FrameWritten -> frame_written; an event class that has another name in JSON says so itself."""
    derived = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()
    return str(getattr(event, "json_name", derived))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, Path | Exception):
        return str(value)
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return _plain(value.model_dump()) if hasattr(value, "model_dump") else str(value)
