"""Which frames are there already, and whether they are the ones that would be made now."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from understudy.errors import ModelFileError, SequenceError, SettingError
from understudy.frames import FrameSink, format_numbers
from understudy.models.sidecar import is_imported
from understudy.runs.files import what_is_there
from understudy.settings import ApplySettings

WHOLE_MIX = "1"
LATER = ("extra", "part", "input_channels", "precision")
"""What was not always noted. ``precision`` always is since the others are, so a frame without it is older."""


def fingerprint(model: Path) -> str:
    """A hash of the model file, and of the TOML that tells how an imported one is used: the same for the same
    bytes, wherever they lie."""
    try:
        with model.open("rb") as file:
            made = hashlib.file_digest(file, "sha256")
        if is_imported(model):
            made.update(model.with_suffix(".toml").read_bytes())
        return made.hexdigest()[:32]
    except OSError as error:
        raise ModelFileError(
            "The model file cannot be read.", found=error.strerror or str(error), where=str(model)
        ) from error


def provenance_of(model: str, settings: ApplySettings) -> dict[str, str]:
    """What goes with every frame: the model, what else it was made from, and how much of the effect shows
    where.

    ``precision`` is the one that was asked for, as machines that share a shot may differ in what ``auto`` is
    there. ``extra`` is a list in JSON, since a path may hold any sign.
    """
    made = {"model": model, "mix": f"{settings.mix:g}", "precision": settings.precision}
    if settings.mask:
        made["mask"] = settings.mask
    if settings.extra:
        made["extra"] = json.dumps(settings.extra)
    if settings.part:
        made["part"] = settings.part
    if settings.input_channels:
        made["input_channels"] = settings.input_channels
    return made


def check_folder(folder: Path) -> None:
    """Make the output's folder and try it. SequenceError when nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, prefix="."):
            pass
    except (OSError, ValueError) as error:
        raise SequenceError(
            "Nothing can be written to the output's folder.",
            expected="a folder that can be written to",
            found=what_is_there(error) if isinstance(error, OSError) else str(error),
            where=str(folder),
            remedy="Correct the rights of the folder, free some space, or write somewhere else.",
        ) from error


def sort_out(
    numbers: tuple[int, ...], sink: FrameSink, provenance: Mapping[str, str], overwrite: bool
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(frames to make, frames to keep). SettingError names the frames there that something else made."""
    there = [] if overwrite else [number for number in numbers if sink.exists(number)]
    foreign = [number for number in there if not _is_ours(sink.provenance(number), provenance)]
    if foreign:
        raise SettingError(
            "Frames are there already that were made by another model, or with other settings.",
            expected="no frames, or frames that the same model made with the same mix, mask, extra inputs, "
            "input channels, part and precision",
            found=f"frames {format_numbers(foreign)}",
            where=str(sink.path(foreign[0]).parent),
            remedy="Write somewhere else, or allow it with --overwrite.",
        )
    kept = frozenset(there)
    return tuple(number for number in numbers if number not in kept), tuple(sorted(kept))


def _is_ours(found: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether a frame is the one that would be made now, as far as is known of it.

    A frame from before all was noted is kept where the model, mix and mask agree: a shot that was begun then
    goes on, as it would have, instead of being refused for what nobody can tell.
    """
    if found.get("model") != wanted["model"] or found.get("mix", WHOLE_MIX) != wanted["mix"]:
        return False
    noted = ("mask", *LATER) if "precision" in found else ("mask",)
    return all(found.get(name, "") == wanted.get(name, "") for name in noted)
