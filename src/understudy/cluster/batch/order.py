"""Which job is next: a pure machine, told what happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from understudy.cluster.batch.jobs import Batch, Job

State = Literal["waiting", "running", "done", "failed", "left out", "stopped"]


class Order:
    """``states`` of all jobs, by name. A job is next when all that it comes after are done; it is left out
    when one of them was not."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self.states: dict[str, State] = dict.fromkeys(batch.jobs, "waiting")

    @property
    def is_over(self) -> bool:
        return not any(state in ("waiting", "running") for state in self.states.values())

    def next(self) -> Iterator[Job]:
        """Those that may begin now, as they are in the file."""
        for job in self._batch.jobs.values():
            if self.states[job.name] == "waiting" and all(self.states[n] == "done" for n in job.after):
                yield job

    def begun(self, job: Job) -> None:
        self.states[job.name] = "running"

    def ended(self, job: Job, state: State) -> list[tuple[str, str]]:
        """A job is over. The jobs that are now left out, each with the one that it would have come after."""
        self.states[job.name] = state
        left: list[tuple[str, str]] = []
        for each in self._batch.jobs.values():
            lost = next((n for n in each.after if self.states[n] in ("failed", "left out", "stopped")), None)
            if self.states[each.name] == "waiting" and lost is not None:
                self.states[each.name] = "left out"
                left.append((each.name, lost))
        return left

    def stop(self) -> None:
        """What has not begun does not begin."""
        for name, state in self.states.items():
            if state == "waiting":
                self.states[name] = "stopped"
