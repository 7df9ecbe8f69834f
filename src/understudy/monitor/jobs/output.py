"""Parses what a started command prints: JSON events on standard output, errors on standard error."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from understudy.frames import format_numbers
from understudy.inference.events import closing_words

LONGEST_LINE = 100_000
MOST_NAMED = 200  # failed frames that are listed
MOST_WARNINGS = 5
WARNING = re.compile(r"(?:^|\s)\w*Warning:\s*(?P<words>.+)|^warning:\s*(?P<said>.+)", re.IGNORECASE)


class JobOutput:
    """Reads the output of one job incrementally. ``folder`` holds its files ``output`` and ``errors``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._offset = 0
        self._last_message = ""
        self._numbers: set[int] = set()
        self._failed: dict[int, str] = {}
        self._progress: dict[str, Any] = {"done": 0, "total": 0}
        self._ended: dict[str, Any] | None = None
        self._refused = ""
        self._waiting = False

    def read_new(self) -> None:
        """Parse what was printed since the last call. Never raises."""
        try:
            with (self.folder / "output").open("rb") as file:
                file.seek(self._offset)
                text = file.read(16_000_000)
        except OSError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            self._parse(line[:LONGEST_LINE].decode("utf-8", "replace"))

    def status(self, alive: bool, code: int | None) -> dict[str, Any]:
        """The fields of a Job that follow from its output. ``code``: its exit code, None while not known."""
        state = "running" if alive else self._final_state(code)
        message = self._last_message
        if state == "failed":
            message = self._refused or self._error_text() or message or "The process ended without a word."
        return {
            **self._progress,
            "state": state,
            "waiting": self._waiting and alive,
            "message": message,
            "warnings": [] if state == "failed" else self._warnings(),
            "numbers": format_numbers(self._numbers) if self._numbers else "",
            "failed": [{"number": n, "error": e} for n, e in list(self._failed.items())[:MOST_NAMED]],
        }

    def _final_state(self, code: int | None) -> str:
        if self._ended is not None and self._ended.get("stopped"):
            return "stopped"
        if code is None:
            return "finished" if self._ended and not self._refused and not self._error_text() else "failed"
        return "finished" if code == 0 else "failed"

    def _error_text(self) -> str:
        text = self._errors()
        return text[text.rfind("Error:") :].strip() if "Error:" in text else ""

    def _warnings(self) -> list[str]:
        """What warnings on standard error say, each once; without the line of the program that they name."""
        found = (WARNING.search(line) for line in self._errors().splitlines())
        said = (match["words"] or match["said"] for match in found if match)
        return list(dict.fromkeys(words.strip()[:1000] for words in said))[-MOST_WARNINGS:]

    def _errors(self) -> str:
        try:
            return (self.folder / "errors").read_bytes()[-4000:].decode("utf-8", "replace")
        except OSError:
            return ""

    def _parse(self, line: str) -> None:
        event = _event(line)
        if event is None:
            self._last_message = line.strip() or self._last_message
            return
        handler = getattr(self, f"_on_{event['event']}", None)
        if handler is not None:
            handler(event)

    def _on_apply_planned(self, event: dict[str, Any]) -> None:
        self._progress = {"done": _count(event.get("kept")), "total": _count(event.get("total"))}

    def _on_frame_written(self, event: dict[str, Any]) -> None:
        self._numbers.add(_count(event.get("number"), negative=True))
        self._progress = {
            "done": _count(event.get("done")),
            "total": _count(event.get("total")),
            "frames_per_second": _real(event.get("frames_per_second")),
            "seconds_left": _real(event.get("seconds_left")),
        }

    _on_frame_same = _on_frame_written

    def _on_frame_failed(self, event: dict[str, Any]) -> None:
        self._failed[_count(event.get("number"), negative=True)] = str(event.get("error"))[:1000]
        self._progress |= {"done": _count(event.get("done")), "total": _count(event.get("total"))}

    def _on_apply_said(self, event: dict[str, Any]) -> None:
        self._last_message = str(event.get("text"))[:1000]

    def _on_said(self, event: dict[str, Any]) -> None:
        self._on_apply_said(event)
        self._waiting = False

    def _on_apply_ended(self, event: dict[str, Any]) -> None:
        self._ended = event
        names = ("written", "kept", "failed", "missing", "same")
        written, kept, failed, missing, same = (_count(event.get(name)) for name in names)
        self._last_message = closing_words(written, kept + same, failed, missing)

    def _on_waiting(self, event: dict[str, Any]) -> None:
        self._waiting = True

    def _on_planned(self, event: dict[str, Any]) -> None:
        self._waiting = False

    _on_stepped = _on_planned

    def _on_ended(self, event: dict[str, Any]) -> None:
        self._ended = {**event, "stopped": event.get("state") == "stopped"}

    def _on_refused(self, event: dict[str, Any]) -> None:
        parts = [event.get("message"), event.get("found"), event.get("remedy")]
        self._refused = " ".join(str(part) for part in parts if part)[:2000]


def _event(line: str) -> dict[str, Any] | None:
    if line[:1] != "{":
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_event = isinstance(value, dict) and isinstance(value.get("event"), str)
    return value if is_event and value["event"].isidentifier() else None


def _count(value: Any, negative: bool = False) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 2**53:
        return 0
    return value if negative else max(0, value)


def _real(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if is_number else None
