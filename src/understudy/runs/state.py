"""state.json: how a run is doing, rewritten every few seconds by the process that trains it."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from understudy.runs.files import read_json

FRESH_SECONDS = 20.0
BUSY = ("starting", "training")
StateName = Literal["starting", "training", "stopped", "finished", "failed", "damaged"]


class BestHeldOut(BaseModel):
    """The best checkpoint so far, by the frame that is not learned from. ``values``: of several mattes that
    of each, by its name; ``value`` is their mean. ``measures``: on validation pairs all figures, by name."""

    model_config = ConfigDict(extra="ignore")

    step: int
    metric: str = ""
    value: float | None = None
    frame: int | None = None
    values: dict[str, float] = {}
    measures: dict[str, float] = {}


class RunState(BaseModel):
    """What state.json holds. Times are unix seconds; "damaged" is never written, only read. ``learning``: the
    corrections that were taken up last; ``learned``: those that the last finished lesson was about;
    ``data_limit``: what steps wait for where pairs are streamed too slowly, ``disk`` or ``decoders``."""

    model_config = ConfigDict(extra="ignore")

    state: StateName = "starting"
    reason: str = ""
    step: int = 0
    total: int = 0
    host: str = ""
    process: int = 0
    heartbeat: float = 0.0
    loss: float | None = None
    best_held_out: BestHeldOut | None = None
    steps_per_second: float | None = None
    time_left: float | None = None
    model_size: str = ""
    pairs: int = 0
    created: float = 0.0
    updated: float = 0.0
    version: str = ""
    plan: dict[str, Any] = {}
    learning: list[int] = []
    learned: list[int] = []
    data_limit: str = ""


def read_state_file(path: Path) -> RunState:
    """The state in ``path``; one that says "damaged", and why, when it is missing or makes no sense."""
    values = read_json(path)
    if values is None:
        return RunState(state="damaged", reason=f"{path.name} is missing or cannot be read")
    try:
        return RunState(**values)
    except (ValidationError, TypeError) as error:
        reason = str(error).splitlines()[0]
        return RunState(state="damaged", reason=f"{path.name} does not make sense: {reason}")


def state_text(state: RunState) -> str:
    """What stands in state.json."""
    return state.model_dump_json(indent=1) + "\n"


def first_state() -> str:
    """state.json of a run that no process has begun to train yet. Until one does, it counts as stopped."""
    now = time.time()
    return state_text(RunState(state="starting", host=this_host(), created=now, updated=now))


def this_host() -> str:
    return socket.gethostname()


def is_fresh(state: RunState, written: float) -> bool:
    """Whether a process is at work on a run: it says so, wrote lately, and (on this host) is alive.

    ``written`` is the time of the file as the disk tells it: clocks of render nodes differ, so that either
    the heartbeat or the file's own time being young is enough.
    """
    return state.state in BUSY and is_at_work(state.host, state.process, state.heartbeat, written)


def is_at_work(host: str, process: int, heartbeat: float, written: float) -> bool:
    """Whether a process that has said so in a file is still there: as ``is_fresh``."""
    now = time.time()
    young = abs(now - heartbeat) < FRESH_SECONDS or abs(now - written) < FRESH_SECONDS
    return young and (host != this_host() or is_alive(process))


def is_alive(process: int) -> bool:
    """Whether ``process`` runs on this host. True where that cannot be told."""
    if process <= 0 or process > 2**31 - 1:
        return False
    if sys.platform == "win32":
        return True  # signal 0 would end it there
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(process)


def _is_zombie(process: int) -> bool:
    """Killed, but not yet fetched by its parent (Linux)."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[:1] == ["Z"]
