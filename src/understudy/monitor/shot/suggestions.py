"""Which frames to paint next, by ``understudy suggest`` in a process of its own."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from understudy.errors import RunError
from understudy.monitor.jobs.asking import ask
from understudy.monitor.shot.run_shot import RunShot, newest_checkpoint

KEPT = 16


@dataclass(frozen=True)
class _Known:
    """What was last suggested for a run, and for which state of it; ``error`` where that failed."""

    key: object
    values: dict[str, Any] | None
    error: RunError | None


class Suggestions:
    """Makes suggestions in the background, one run at a time, and keeps the last of each. Thread-safe."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._under_way: set[str] = set()
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def of(self, shot: RunShot) -> dict[str, Any] | None:
        """What is suggested for the run; None while that is being found out. While the run trains, what was
        last found stays, as each checkpoint would ask anew. RunError where the command failed."""
        name, key = f"{shot.run.path} {shot.index}", _state_of(shot)
        with self._lock:
            known = self._known.get(name)
            fresh = known is not None and (known.key == key or (known.values and shot.run.is_busy()))
            if not fresh and name not in self._under_way:
                self._under_way.add(name)
                threading.Thread(target=self._find, args=(name, key, shot), daemon=True).start()
        if known is None or not fresh:
            return None
        if known.error is not None:
            raise known.error
        return known.values

    def _find(self, name: str, key: object, shot: RunShot) -> None:
        values, error = None, None
        try:
            with self._turn:
                values = _run(shot)
        except RunError as failed:
            error = failed
        finally:
            with self._lock:
                self._under_way.discard(name)
                self._known[name] = _Known(key, values, error)
                self._known.move_to_end(name)
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)


def _state_of(shot: RunShot) -> object:
    """What suggestions depend on."""
    checkpoint = newest_checkpoint(shot.run)
    return checkpoint and checkpoint.stamp, tuple(each.id for each in shot.corrections), shot.plate.numbers


def _run(shot: RunShot) -> dict[str, Any]:
    """What the command prints. RunError in its own words where it fails."""
    part = shot.settings.data.part
    arguments = ["suggest", shot.plate.spec, f"--run={shot.run.path}", *([f"--part={part}"] if part else [])]
    return ask(arguments, "Suggestions cannot be made.")
