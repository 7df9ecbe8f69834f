"""One of the program's own commands as a process, which reports as ``--json`` does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any


def start_command(
    words: Sequence[str], folder: str | Path, env: Mapping[str, str], own_session: bool = False
) -> subprocess.Popen[str]:
    """Start ``understudy WORDS --json`` in ``folder``, with ``env`` beside this process's own; what it prints
    and its errors come from its ``stdout``. ``own_session``: signals of the terminal do not reach it."""
    return subprocess.Popen(
        [sys.executable, "-m", "understudy", *words, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        cwd=folder,
        env={**os.environ, **env},
        start_new_session=own_session,
    )


def event_of(line: str) -> dict[str, Any] | None:
    """The event in a line of its output; None for other words."""
    with suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, dict) and "event" in found:
            return found
    return None
