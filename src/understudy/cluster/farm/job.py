"""A job as every farm could take it: steps of tasks, and what they need. The files of each farm are made from
it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from understudy.frames import format_numbers

VARIABLE = "UNDERSTUDY_FARM"
"""Environment: which farm a task runs on, so that it says how far it is in the farm's own form."""
FRAMES = "--frames="


@dataclass(frozen=True)
class Word:
    """A word of a task's command line: ``before``, ``path`` and ``after`` in one.

    ``path`` is a folder, or one file where ``is_file``; a farm may map it to another on its machines. Where
    ``writes``, the task makes what is there. Where ``frames``, the frames of the task follow.
    """

    before: str = ""
    path: str = ""
    after: str = ""
    is_file: bool = False
    writes: bool = False
    frames: bool = False

    def text(self, frames: str = "") -> str:
        """The whole word, with ``frames`` where the frames of a task belong."""
        return f"{self.before}{self.path}{self.after}{frames if self.frames else ''}"


@dataclass(frozen=True)
class Step:
    """Tasks of one kind. ``chunks``: the frames of each, ``size`` at most; none for a step of one task, whose
    words say it all. ``after``: the step that has to be done before this one begins."""

    name: str
    words: tuple[Word, ...]
    chunks: tuple[tuple[int, ...], ...] = ()
    size: int = 1
    after: str = ""

    @property
    def count(self) -> int:
        """How many tasks it has."""
        return len(self.chunks) or 1

    @property
    def numbers(self) -> tuple[int, ...]:
        """The frames of all tasks."""
        return tuple(number for chunk in self.chunks for number in chunk)

    @property
    def ranges(self) -> tuple[str, ...]:
        """The frames of each task, as ``--frames`` takes them."""
        return tuple(map(format_numbers, self.chunks))

    @property
    def is_unbroken(self) -> bool:
        """Whether the frames follow on each other without a gap."""
        return self.numbers == tuple(range(self.numbers[0], self.numbers[-1] + 1)) if self.chunks else True


@dataclass(frozen=True)
class Needs:
    """What a task needs: a ``gpu``, so much ``memory`` in GB, and no more than ``timeout`` seconds."""

    gpu: bool = False
    memory: float | None = None
    timeout: float | None = None


@dataclass(frozen=True)
class FarmJob:
    """``program`` starts understudy on the farm's machines; ``environment`` is set for it. ``priority``,
    ``pool``, ``group`` and ``after`` (jobs that have to be done before) are in the farm's own terms.
    ``notes`` are sentences for whoever sends it."""

    name: str
    program: str
    steps: tuple[Step, ...]
    needs: Needs = Needs()
    retries: int = 2
    priority: int | None = None
    pool: str = ""
    group: str = ""
    after: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many tasks it has in all."""
        return sum(step.count for step in self.steps)
