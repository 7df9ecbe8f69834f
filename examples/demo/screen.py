"""Progress: a bar for each stage on a terminal, a line for each when the output goes elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

Step = Callable[..., None]


class Stages:
    """``with stages.stage("Doing this", total) as step: step(done, "words", total)``."""

    def __init__(self) -> None:
        self._console = Console()

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Step]:
        began = time.monotonic()
        if self._console.is_terminal:
            with self._bar() as bar:
                task = bar.add_task(title, total=total, words="")

                def step(done: int, words: str = "", total: int | None = None) -> None:
                    bar.update(task, total=total, completed=done, words=words)

                yield step
                bar.update(task, total=1, completed=1, words="")
        else:
            print(f"{title} ...", flush=True)
            yield lambda *_: None
            print(f"{title}: {time.monotonic() - began:.0f} s", flush=True)

    def _bar(self) -> Progress:
        columns = (
            TextColumn("{task.description:<34}"),
            BarColumn(30),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[words]}", markup=True),
        )
        return Progress(*columns, console=self._console)
