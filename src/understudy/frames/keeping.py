"""What a file format or a compression changes in the values that are written: to be kept, or to be said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from understudy.frames.header_colour import HeaderColour
from understudy.frames.values import is_finite

LOSSY = {"dwaa", "dwab", "b44", "b44a"}
EXACT = "zip"


def exact_compression(asked: str, kinds: Sequence[str], planes: Sequence[np.ndarray]) -> str:
    """The compression of an EXR that keeps NaN and Inf where the planes have any: DWA and B44 turn them, and
    with them the pixels around, into something else."""
    name = asked.partition(":")[0]
    broken = name in ("dwaa", "dwab") or (name in LOSSY and "half" in kinds)
    return EXACT if broken and not all(is_finite(plane).all() for plane in planes) else asked


def loses(file_format: str, compression: str, kinds: Sequence[str]) -> list[str]:
    """A sentence where writing a value and reading it gives another one."""
    name = compression.partition(":")[0]
    if file_format == "jpeg":
        return [
            "jpeg changes every pixel a little, also where the effect does not reach; png and tiff do not"
        ]
    if file_format == "openexr" and (name in LOSSY or (name == "pxr24" and "float" in kinds)):
        return [f"compression {name} changes every pixel a little, also where the effect does not reach"]
    return []


def cannot_store(file_format: str, kinds: Sequence[str], planes: Sequence[np.ndarray]) -> list[str]:
    """Sentences on values that the file has no code for."""
    made = [plane for plane in planes if plane.dtype.kind == "f"]
    notes = []
    holds_floats = not all(kind.startswith("uint") for kind in kinds)
    if (not holds_floats or file_format == "hdr") and not all(is_finite(plane).all() for plane in made):
        notes.append(f"{file_format} has no NaN and Inf: they become the smallest or largest value")
    if file_format == "hdr" and any((plane < 0).any() for plane in made):
        notes.append("hdr has no values below 0: they become 0")
    return notes


def cannot_say(colour: HeaderColour, file_format: str) -> list[str]:
    """A sentence where a plate's header says what its colours are, and that of the new file cannot."""
    if not colour or _can_say(colour, file_format):
        return []
    return [f"{file_format} output does not say what the plate's header does: {colour.words}"]


def _can_say(colour: HeaderColour, file_format: str) -> bool:
    if colour.icc:
        return file_format in ("tiff", "jpeg", "png")
    if colour.chromaticities:
        return file_format == "openexr"
    if not colour.space:
        return file_format == "png"
    if file_format == "openexr":
        return colour.space.endswith(("_scene", "_display")) or colour.space == "data"
    if colour.space == "srgb_rec709_scene":
        return True  # what is taken for granted of all others
    if file_format == "png":
        return colour.space.startswith(("lin_rec709", "g18_", "g22_", "g24_"))
    return file_format == "dpx" and colour.space in ("KodakLog", "lin_rec709_scene")
