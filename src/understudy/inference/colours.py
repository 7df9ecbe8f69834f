"""Whether files look like what a network learned from, and makes, by their headers and their kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.colour import SpaceDecision, decide_space
from understudy.frames import Frame, header_colour

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
VIDEO = ("srgb", "Rec.1886 Rec.709 - Display", "Gamma 2.2 Encoded Rec.709", "Gamma 2.4 Encoded Rec.709")
"""Displayed nearly alike; networks of before tags were read count as having learned from any."""


def colour_notes(header: Any, sample: Frame | None) -> tuple[str, ...]:
    """A sentence where the plate's values mean something else than those the network learned from.

    What the plate's header says counts before what its kind lets guess. Files are taken as they are read,
    whatever they are, so this is only said. Where headers say no more than the guess, nothing is said of
    files with the ending of those it learned from, which were meant like that. ColourError when $OCIO
    cannot be read.
    """
    if sample is None or header.adapts or header.colour_in.space == "raw":
        return ()
    plate = decide_space("auto", sample.is_integer, header_colour(sample))
    learned = sample.path.suffix.lower() in _endings(header)
    if plate.said:
        usual = learned and plate.space == ("srgb" if sample.is_integer else "linear")
        if usual or _means_the_same(plate, header, learned):
            return ()
        near = plate.space in VIDEO and header.colour_in.space in VIDEO
        return (_near(plate, header, sample) if near else _unlike(plate, header, sample),)
    sentence = UNLIKE.get((header.colour_in.space, sample.is_integer))
    return () if sentence is None or learned else (sentence,)


def _means_the_same(plate: SpaceDecision, header: Any, learned: bool) -> bool:
    own = header.colour_in.space
    return plate.space in (own, "raw") or (learned and plate.space in VIDEO and own in VIDEO)


def _own_words(header: Any) -> str:
    space = header.colour_in.space
    return {"linear": "scene-linear", "srgb": "sRGB"}.get(space, space)


def _near(plate: SpaceDecision, header: Any, sample: Frame) -> str:
    return (
        f"The network works on {_own_words(header)} values, and the plate's files hold {plate.words}, as "
        f"{header_colour(sample).words}: both are displayed nearly alike, and taken as they are."
    )


def _unlike(plate: SpaceDecision, header: Any, sample: Frame) -> str:
    kind = "integers" if sample.is_integer else "floats"
    return (
        f"The network works on {_own_words(header)} values, but the plate's files hold {kind} of "
        f"{plate.words}, as {header_colour(sample).words}: convert them first, or expect other colours."
    )


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
