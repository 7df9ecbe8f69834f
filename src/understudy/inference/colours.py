"""Whether a plate looks like what a network learned from, by the kind of its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.frames import Frame

UNLIKE = {
    (
        "linear",
        True,
    ): "The network works on scene-linear values, but the plate's files hold integers, which are "
    "display-referred as a rule: convert them to scene-linear first, or expect other colours.",
    ("srgb", False): "The network works on sRGB values, but the plate's files hold floats, which are "
    "scene-linear as a rule: convert them to sRGB first, or expect other colours.",
}


def colour_notes(header: Any, sample: Frame | None) -> tuple[str, ...]:
    """A sentence where the plate's values mean something else than those the network learned from.

    Files are taken as they are read, whatever they are, so this is only said. Nothing is said of files with
    the ending of those it learned from, which were meant like that.
    """
    if sample is None or sample.path.suffix.lower() in _endings(header):
        return ()
    sentence = UNLIKE.get((header.colour_in.space, sample.is_integer))
    return () if sentence is None else (sentence,)


def _endings(header: Any) -> set[str]:
    """The endings of the files that a network learned from, as far as its header says."""
    pairs = getattr(header, "provenance", {}).get("pairs")
    rows = pairs if isinstance(pairs, list) else []
    names = [str(row.get("name", "")) for row in rows if isinstance(row, dict)]
    return {Path(name).suffix.lower() for name in names} - {""}
