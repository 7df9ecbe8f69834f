"""The HDR maps that light the scenes."""

from __future__ import annotations

from pathlib import Path

from understudy.errors import UnderstudyError
from zoo.pictures import Part

ENVIRONMENTS = "environments"
EVERY = 5
"""Each fifth is kept for validation."""


def environments_of(folder: Path, part: Part) -> list[Path]:
    """The HDR maps of a part, by name. UnderstudyError where there are none."""
    found = sorted((folder / ENVIRONMENTS).glob("*.hdr"))
    if len(found) < EVERY:
        raise UnderstudyError(
            "There are too few HDR maps to light scenes with.",
            expected=f"at least {EVERY} files *.hdr",
            found=f"{len(found)}",
            where=str(folder / ENVIRONMENTS),
            remedy="Name the folder of photographs with --data.",
        )
    kept = found[EVERY - 1 :: EVERY]
    return kept if part == "validation" else [each for each in found if each not in kept]
