"""What runs with and without a start say beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from rich.table import Table

NONE = "none"
UNITS = {"image": ("dB", 2), "matte": ("IoU", 3)}
BEARABLE = {"image": 0.1, "matte": 0.01}
"""What a start may cost at most."""


class Run(NamedTuple):
    """A training of a shot from a start, or from ``none``, in so many steps."""

    shot: str
    start: str
    steps: int

    def __str__(self) -> str:
        return f"{self.shot}, {self.steps} steps, {self.start}"


@dataclass(frozen=True)
class Measured:
    """``score``: mean over the frames never painted, dB or IoU by ``kind``. ``weights`` tells a start's file
    from others of its name."""

    run: Run
    kind: str
    score: float
    seconds: float
    weights: str

    @property
    def words(self) -> str:
        return f"{told(self.score, self.kind)} {UNITS[self.kind][0]} after {self.seconds:.0f} s"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "run": self.run._asdict()}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Measured:
        return cls(**{**found, "run": Run(**found["run"])})


@dataclass(frozen=True)
class Row:
    """A start on a shot, in so many steps. ``half``: its score after half of them, where that is known."""

    run: Run
    kind: str
    without: float
    score: float
    half: float | None

    @property
    def gain(self) -> float:
        return self.score - self.without

    @property
    def halved(self) -> bool | None:
        """Whether half the steps with it reach what all of them reach without."""
        return None if self.half is None else self.half >= self.without

    @property
    def is_worse(self) -> bool:
        """By more than can be borne."""
        return self.gain < -BEARABLE[self.kind]


def compared(runs: Sequence[Measured]) -> list[Row]:
    """Of every run with a start that has its like without."""
    by_run = {each.run: each for each in runs}
    rows = []
    for run, found in by_run.items():
        without = by_run.get(run._replace(start=NONE))
        if run.start != NONE and without:
            half = by_run.get(run._replace(steps=run.steps // 2))
            rows.append(Row(run, found.kind, without.score, found.score, half.score if half else None))
    return sorted(rows, key=lambda row: (row.run.start, row.run.shot, row.run.steps))


def as_table(rows: Sequence[Row]) -> Table:
    table = Table(title="Mean over the frames never painted, with and without a start")
    for heading in ("start", "shot"):
        table.add_column(heading, no_wrap=True)
    for heading in ("steps", "without", "with", "gain", "with half the steps", "is enough"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        colour = "red" if row.is_worse else "green" if row.gain > 0 else "default"
        table.add_row(
            row.run.start,
            row.run.shot,
            str(row.run.steps),
            told(row.without, row.kind),
            told(row.score, row.kind),
            f"[{colour}]{row.gain:+.{UNITS[row.kind][1]}f}[/]",
            "" if row.half is None else told(row.half, row.kind),
            "" if row.halved is None else "yes" if row.halved else "no",
        )
    return table


def worst_words(rows: Sequence[Row]) -> Iterator[str]:
    """Of each start, where half the steps are enough, and the worst difference."""
    for start in dict.fromkeys(row.run.start for row in rows):
        own = [row for row in rows if row.run.start == start]
        known = [bool(row.halved) for row in own if row.halved is not None]
        worst = min(own, key=lambda row: row.gain / BEARABLE[row.kind])
        unit, places = UNITS[worst.kind]
        yield (
            f"{start}: half the steps are enough in {sum(known)} of {len(known)}; "
            f"at worst {worst.gain:+.{places}f} {unit} ({worst.run.shot}, {worst.run.steps} steps)"
        )


def told(value: float, kind: str) -> str:
    return f"{value:.{UNITS[kind][1]}f}"
