"""What runs on each node of a training: one of its processes, started and listened to."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from understudy.cluster.command import LONGEST, Command, event_of, refusal_in

Event = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What a rank has to say since it was last asked: its ``events``, and, once it has ended, its exit
    ``code``, and why it failed, or its ``last`` words."""

    events: tuple[Event, ...]
    code: int | None
    last: str


class Rank:
    """One process of the training, on a node."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._lock, self._last, self._refused = threading.Lock(), "", ""
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def place(self) -> tuple[str, int]:
        """The address of this node, and a port that is free there."""
        import ray

        with socket.socket() as probe:
            probe.bind(("", 0))
            return ray.util.get_node_ip_address(), probe.getsockname()[1]

    def begin(self, command: Command, env: dict[str, str], folder: str) -> str:
        """Start the command; why it cannot be started, "" where it is."""
        try:
            process = command.start(folder, env)
        except OSError as error:
            return str(error)
        self._process = process
        self._reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._reader.start()
        return ""

    def told(self) -> Told:
        is_read = self._reader is not None and not self._reader.is_alive()
        code = self._process.poll() if self._process is not None and is_read else None
        with self._lock:
            events, self._events = tuple(self._events), []
            return Told(events, code, self._refused or self._last)

    def stop(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._heard(line)

    def _heard(self, line: str) -> None:
        event = event_of(line)
        with self._lock:
            if event is not None:
                self._events.append(event)
                self._refused = refusal_in(event) or self._refused
            elif line.strip():
                self._last = line.strip()[:LONGEST]
