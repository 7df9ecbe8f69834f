"""The program's own commands that are asked for an answer: they end by themselves, and print JSON."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from typing import Any

from understudy.errors import RunError
from understudy.monitor.jobs.tethered import tether, tethered

LONGEST = 3600.0  # seconds
PARTS = ("expected", "found", "where", "remedy")


def ask(arguments: Sequence[str], refusal: str) -> dict[str, Any]:
    """The last object that ``understudy ARGUMENTS --json`` prints. RunError where it fails: what it refused,
    or ``refusal`` with what it said."""
    environment = {**os.environ, "PYTHONUTF8": "1", "NO_COLOR": "1", "TERM": "dumb"}
    try:
        with tether() as end:
            done = subprocess.run(
                tethered([*arguments, "--json"]),
                env=environment,
                stdin=end,
                capture_output=True,
                timeout=LONGEST,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunError(refusal, found=str(error)[:400]) from error
    values = _last_object(done.stdout)
    if done.returncode or values is None:
        raise _failed(done.stderr, values or {}, refusal)
    return values


def _last_object(output: bytes) -> dict[str, Any] | None:
    for line in reversed(output.decode("utf-8", "replace").splitlines()):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return None


def _failed(errors: bytes, said: dict[str, Any], refusal: str) -> RunError:
    if said.get("event") == "refused":
        return RunError(str(said.get("message")), **{part: str(said.get(part) or "") for part in PARTS})
    return RunError(refusal, found=errors.decode("utf-8", "replace").strip()[-600:])
