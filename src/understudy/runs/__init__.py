"""Runs on disk: folders, state, heartbeat, stopping. No torch here."""

from understudy.runs.contents import is_run
from understudy.runs.files import write_atomically
from understudy.runs.folder import RunFolder
from understudy.runs.heartbeat import Heartbeat
from understudy.runs.listing import list_runs
from understudy.runs.names import check_name, default_name
from understudy.runs.state import RunState
from understudy.runs.stop import StopFlag

__all__ = [
    "Heartbeat",
    "RunFolder",
    "RunState",
    "StopFlag",
    "check_name",
    "default_name",
    "is_run",
    "list_runs",
    "write_atomically",
]
