"""The diary of a run: its losses, its state, its log, and what is told to whoever listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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
    """Those of a process that only helps: it writes nothing and says nothing."""

    writes = False
    ending = False

    @property
    def taken_over(self) -> bool:
        """Whether another process trains the run by now."""
        return False

    def message(self, text: str) -> None:
        """A sentence for the artist and for run.log."""

    def log(self, text: str) -> None:
        """A line for run.log alone."""

    def emit(self, event: Event) -> None:
        """Tell whoever listens."""

    def update_state(self, **fields: Any) -> None:
        """Change fields of the run's state."""

    def log_step(self, row: Row) -> None:
        """Keep the row of a step for the summary."""

    def log_score(self, value: float) -> None:
        """Add a figure on the held-out pair to the row of the last step."""

    def report_progress(self, step: int, total: int | None, pace: float | None, announced: bool) -> None:
        """Tell how it goes, a few times a second. ``total`` is None where it is not known yet."""

    def flush_when_full(self) -> None:
        """Write the rows that are kept once they are many."""

    def flush(self) -> None:
        """Write the rows that are kept."""

    def truncate(self, step: int) -> None:
        """Forget all rows after ``step``."""

    def try_to_write(self, write: Callable[[], object]) -> bool:
        """Whether ``write`` succeeded; if not, what stood there stands, and training goes on."""
        return True

    @contextmanager
    def skipping_without_memory(self, purpose: str) -> Iterator[None]:
        """Something that training does not depend on: where it takes more memory than there is, it is left
        out, and said so."""
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self.message(f"There was not enough memory {purpose}; training goes on.")


class RunLogger(Logger):
    """Those of the process that writes ``run``."""

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

    def log_score(self, value: float) -> None:
        if self._rows:
            self._rows[-1]["held_out"] = value

    def report_progress(self, step: int, total: int | None, pace: float | None, announced: bool) -> None:
        now = time.monotonic()
        if not self._rows or (now - self._reported < REPORT_SECONDS and step != total):
            return
        self._reported, loss = now, self._rows[-1]["loss"]
        left = pace * (total - step) if pace and total else None
        self.update_state(step=step, loss=loss, time_left=left, steps_per_second=1 / pace if pace else None)
        if announced and pace and total:
            self.emit(Stepped(step, total, loss, 1 / pace, left))

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
