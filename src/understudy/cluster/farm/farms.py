"""The farms by name. Each is a module with the same functions, said in ``Farm``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, cast

from understudy.cluster.farm import deadline, opencue, openjd
from understudy.cluster.farm.job import FarmJob


class Farm(Protocol):
    """``check`` refuses what the farm cannot do, ``files`` are its files by name, ``by_hand`` lines that hand
    a job over, ``ready`` refuses where nothing can hand it over, ``submit`` does it, and tells the farm's ids
    of the jobs."""

    def check(self, job: FarmJob) -> None: ...

    def files(self, job: FarmJob) -> dict[str, str]: ...

    def by_hand(self, folder: Path, job: FarmJob) -> tuple[str, ...]: ...

    def ready(self) -> None: ...

    def submit(self, folder: Path, job: dict[str, Any]) -> tuple[str, ...]: ...


FARMS: dict[str, Farm] = {
    "openjd": cast(Farm, openjd),
    "deadline": cast(Farm, deadline),
    "opencue": cast(Farm, opencue),
}


def notes_of(name: str, job: FarmJob) -> tuple[str, ...]:
    """What the farm does otherwise than was asked."""
    return deadline.notes(job) if name == "deadline" else ()
