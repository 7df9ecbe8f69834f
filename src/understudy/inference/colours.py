"""Whether files look like what a network learned from, and makes, by their kind."""

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

MADE_UNLIKE = {
    "srgb": "The frames hold sRGB values, as those that the network learned from do, but their files are "
    "taken for scene-linear as a rule: read them as sRGB.",
    "linear": "The frames hold scene-linear values, as those that the network learned from do, but their "
    "files are taken for display-referred as a rule: read them as linear.",
}
FLOATS = (".exr", ".hdr")
INTEGERS = (".png", ".jpg", ".jpeg", ".tga", ".bmp", ".dpx", ".mov", ".mp4", ".mxf", ".mkv")


def colour_notes(header: Any, sample: Frame | None) -> tuple[str, ...]:
    """A sentence where the plate's values mean something else than those the network learned from.

    Files are taken as they are read, whatever they are, so this is only said. Nothing is said of files with
    the ending of those it learned from, which were meant like that.
    """
    if sample is None or sample.path.suffix.lower() in _endings(header):
        return ()
    sentence = UNLIKE.get((header.colour_in.space, sample.is_integer))
    return () if sentence is None else (sentence,)


def output_notes(header: Any, sample: Frame | None, output: Path) -> tuple[str, ...]:
    """A sentence where frames go into files of another kind than the plate's, whose values mean something
    else as a rule. A matte has no colours."""
    if sample is None or header.kind == "matte":
        return ()
    unlike = {"srgb": FLOATS, "linear": INTEGERS}.get(header.colour_out.space, ())
    other = sample.is_integer == (header.colour_out.space == "srgb")
    return (MADE_UNLIKE[header.colour_out.space],) if other and output.suffix.lower() in unlike else ()


def _endings(header: Any) -> set[str]:
    """The endings of the files that a network learned from, as far as its header says."""
    pairs = getattr(header, "provenance", {}).get("pairs")
    rows = pairs if isinstance(pairs, list) else []
    names = [str(row.get("name", "")) for row in rows if isinstance(row, dict)]
    return {Path(name).suffix.lower() for name in names} - {""}
