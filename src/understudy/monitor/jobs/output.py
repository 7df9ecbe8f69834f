"""What a started command prints: events of ``--json`` on one side, complaints on the other."""

from __future__ import annotations

import json
import math
from collections import deque
from pathlib import Path
from typing import Any

from understudy.frames import format_numbers

LONGEST_LINE = 100_000
MOST_NAMED = 200  # failed frames told by number


class Output:
    """Reads the output of one job on, from where it was left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._offset = 0
        self._said: deque[str] = deque(maxlen=1)
        self._numbers: set[int] = set()
        self._failed: dict[int, str] = {}
        self._pace: dict[str, Any] = {"done": 0, "total": 0}
        self._ended: dict[str, Any] | None = None
        self._refused = ""

    def read_on(self) -> None:
        """Take what was printed since the last time; never raises."""
        try:
            with (self.folder / "output").open("rb") as file:
                file.seek(self._offset)
                text = file.read(16_000_000)
        except OSError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            self._take(line[:LONGEST_LINE].decode("utf-8", "replace"))

    def verdict(self, alive: bool, code: int | None) -> dict[str, Any]:
        """The fields of a Job that the output decides."""
        state = "running" if alive else self._ending(code)
        message = self._said[-1] if self._said else ""
        if state == "failed":
            message = self._refused or self._complaint() or message or "The process ended without a word."
        return {
            **self._pace,
            "state": state,
            "message": message,
            "numbers": format_numbers(self._numbers) if self._numbers else "",
            "failed": [{"number": n, "error": e} for n, e in list(self._failed.items())[:MOST_NAMED]],
        }

    def _ending(self, code: int | None) -> str:
        if self._ended is not None and self._ended.get("stopped"):
            return "stopped"
        if code is None:
            return "finished" if self._ended and not self._refused and not self._complaint() else "failed"
        return "finished" if code == 0 else "failed"

    def _complaint(self) -> str:
        try:
            text = (self.folder / "errors").read_bytes()[-4000:].decode("utf-8", "replace")
        except OSError:
            return ""
        return text[text.rfind("Error:") :].strip() if "Error:" in text else ""

    def _take(self, line: str) -> None:
        event = _event(line)
        if event is None:
            self._said.append(line.strip()) if line.strip() else None
            return
        handler = getattr(self, f"_on_{event['event']}", None)
        if handler is not None:
            handler(event)

    def _on_apply_planned(self, event: dict[str, Any]) -> None:
        self._pace = {"done": _count(event.get("kept")), "total": _count(event.get("total"))}

    def _on_frame_written(self, event: dict[str, Any]) -> None:
        self._numbers.add(_count(event.get("number"), negative=True))
        self._pace = {
            "done": _count(event.get("done")),
            "total": _count(event.get("total")),
            "frames_per_second": _real(event.get("frames_per_second")),
            "seconds_left": _real(event.get("seconds_left")),
        }

    def _on_frame_failed(self, event: dict[str, Any]) -> None:
        self._failed[_count(event.get("number"), negative=True)] = str(event.get("error"))[:1000]
        self._pace |= {"done": _count(event.get("done")), "total": _count(event.get("total"))}

    def _on_apply_said(self, event: dict[str, Any]) -> None:
        self._said.append(str(event.get("text"))[:1000])

    _on_said = _on_apply_said

    def _on_apply_ended(self, event: dict[str, Any]) -> None:
        self._ended = event
        failed = f", {event.get('failed')} failed" if event.get("failed") else ""
        kept = f", {event.get('kept')} were there already" if event.get("kept") else ""
        self._said.append(f"{event.get('written')} frames written{kept}{failed}.")

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
