"""One of the program's own commands as a process, which reports as ``--json`` does."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

LONGEST = 500
"""Letters that are kept of what a command says last."""


@dataclass(frozen=True)
class Command:
    """``words``: what is written behind understudy; ``settings``: the text of its settings file, None where
    it takes none."""

    words: Sequence[str]
    settings: str | None = None

    def start(
        self, folder: str | Path, env: Mapping[str, str], own_session: bool = False
    ) -> subprocess.Popen[str]:
        """Start it in ``folder``, with ``env`` beside this process's own; what it prints and its errors come
        from its ``stdout``, as lines of JSON where it can. ``own_session``: signals of the terminal do not
        reach it. OSError where it cannot be started."""
        asked = [] if self.settings is None else ["--settings", "-"]
        process = subprocess.Popen(
            [sys.executable, "-m", "understudy", *self.words, *asked, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL if self.settings is None else subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=folder,
            env={**os.environ, **env},
            start_new_session=own_session,
        )
        if self.settings is not None:
            given = self.settings.encode("utf-8", errors="surrogateescape")
            stdin = cast(io.TextIOWrapper, process.stdin)
            with suppress(BrokenPipeError), stdin:  # one that has ended says why by itself
                stdin.buffer.write(given)
        return process


def event_of(line: str) -> dict[str, Any] | None:
    """The event in a line of its output; None for other words."""
    with suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, dict) and "event" in found:
            return found
    return None


def refusal_in(event: Mapping[str, Any]) -> str:
    """Why the command failed, in a line, where an event says that."""
    if event["event"] != "refused":
        return ""
    parts = (event.get(name) for name in ("message", "found", "where"))
    return " ".join(str(part) for part in parts if part)[:LONGEST]
