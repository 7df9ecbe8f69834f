"""Logging a run: its losses (.summary), its state (state.json), its log, and events for the caller."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from understudy.device import is_out_of_memory
from understudy.errors import WriteError
from understudy.runs import Heartbeat, RunFolder
from understudy.training.events import Event, Message, Stepped

ROWS_AT_ONCE = 25
REPORT_SECONDS = 0.1

Row = dict[str, Any]


class Logger:
    """The logger of a worker process: it writes nothing and reports nothing."""

    writes = False
    ending = False

    @property
    def taken_over(self) -> bool:
        """Whether another process has taken the run over."""
        return False

    def message(self, text: str) -> None:
        """Report a sentence to the artist, and write it to run.log."""

    def log(self, text: str) -> None:
        """Write a line to run.log only."""

    def emit(self, event: Event) -> None:
        """Report an event to the caller."""

    def update_state(self, **fields: Any) -> None:
        """Change fields of the run's state.json."""

    def log_step(self, row: Row) -> None:
        """Add the row of a step to those to be written to .summary."""

    def log_score(self, value: float, by_name: Mapping[str, float]) -> None:
        """Add the score on the held-out pair to the row of the last step, and of several mattes that of
        each."""

    def log_validation(self, value: float, figures: Mapping[str, float]) -> None:
        """Add the figures on validation pairs to the row of the last step; ``value`` is the one that
        counts."""

    def report_progress(
        self, step: int, total: int | None, left: float, pace: float | None, announced: bool
    ) -> None:
        """Report the progress, a few times a second. ``left``: how many more steps there are,
        counted as such as the last one; ``pace``: its seconds. ``total`` and it are None while unknown."""

    def flush_when_full(self) -> None:
        """Write the rows once there are ``ROWS_AT_ONCE``."""

    def flush(self) -> None:
        """Write the rows to .summary."""

    def truncate(self, step: int) -> None:
        """Drop all rows after ``step``."""

    def try_to_write(self, write: Callable[[], object]) -> bool:
        """Call ``write``; whether it succeeded. A WriteError is reported, and training goes on."""
        return True

    @contextmanager
    def skipping_without_memory(self, purpose: str) -> Iterator[None]:
        """The block of optional work that is skipped, with a message, where memory runs out."""
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self.message(f"There was not enough memory {purpose}; training goes on.")


class RunLogger(Logger):
    """The logger of the process that writes ``run``; ``report`` is called with every event."""

    writes = True

    def __init__(self, run: RunFolder, report: Callable[[Event], None]) -> None:
        self.run, self._report = run, report
        self.heartbeat: Heartbeat | None = None
        self._rows: list[Row] = []
        self._reported = 0.0

    @property
    def taken_over(self) -> bool:
        return self.heartbeat is not None and self.heartbeat.taken_over

    def message(self, text: str) -> None:
        self.run.log(text)
        self.emit(Message(text))

    def log(self, text: str) -> None:
        self.run.log(text)

    def emit(self, event: Event) -> None:
        self._report(event)

    def update_state(self, **fields: Any) -> None:
        if self.heartbeat is not None:
            self.heartbeat.update(**fields)

    def log_step(self, row: Row) -> None:
        self._rows.append(row)

    def log_score(self, value: float, by_name: Mapping[str, float]) -> None:
        if self._rows:
            self._rows[-1]["held_out"] = value
            if by_name:
                self._rows[-1]["held_out_of"] = dict(by_name)

    def log_validation(self, value: float, figures: Mapping[str, float]) -> None:
        if self._rows:
            self._rows[-1] |= {"held_out": value, "validation": dict(figures)}

    def report_progress(
        self, step: int, total: int | None, left: float, pace: float | None, announced: bool
    ) -> None:
        now = time.monotonic()
        if not self._rows or (now - self._reported < REPORT_SECONDS and step != total):
            return
        self._reported, loss = now, self._rows[-1]["loss"]
        time_left = pace * left if pace and total else None
        speed = 1 / pace if pace else None
        self.update_state(step=step, loss=loss, time_left=time_left, steps_per_second=speed)
        if announced and pace and total:
            self.emit(Stepped(step, total, loss, 1 / pace, time_left))

    def flush_when_full(self) -> None:
        if len(self._rows) >= ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        rows, self._rows = self._rows, []
        try:
            self.run.append_summary(rows)
        except WriteError as error:
            self.message(f"The losses of some steps could not be written: {error.message}")

    def truncate(self, step: int) -> None:
        self._rows = [row for row in self._rows if row["step"] <= step]
        self.try_to_write(lambda: self.run.truncate_summary(step))

    def try_to_write(self, write: Callable[[], object]) -> bool:
        try:
            write()
        except WriteError as error:
            parts = (error.message, error.found, f"({error.where})" if error.where else "")
            outcome = "Not written" if self.ending else "Not written, training goes on"
            self.message(f"{outcome}: {' '.join(filter(None, parts))}")
            return False
        return True
