"""Frame -> one image file, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import OpenImageIO as oiio

from understudy.frames.atomic import cannot_write, reserve, written_beside
from understudy.frames.exact_exr import copy_exactly, needs_exact_copy
from understudy.frames.formats import format_to_write
from understudy.frames.frame import Frame
from understudy.frames.image_plan import PartPlan, WritePlan, assemble, plan_write
from understudy.frames.library_path import library_path
from understudy.frames.provenance import attributes_for, remember

LITTLE = 2**20  # bytes: where a write has failed, a disk with no more than this was full
CUT_SHORT = "the file was cut short: the disk may be full"
# Writers that do not notice a full disk: what a whole file of theirs ends with.
_LAST_BYTES = {"png": b"IEND\xaeB`\x82", "jpeg": b"\xff\xd9", "targa": b"TRUEVISION-XFILE.\0"}


def write_image_file(
    path: Path | str,
    frame: Frame,
    *,
    depth: str | None = None,
    compression: str | None = None,
    provenance: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Write ``frame``; in the plate's own format with its windows, channels, depth, compression, metadata
    and parts.

    Another extension converts: the selected part only; floats to integers are clamped and rounded; a format
    without windows gets the display window. ``depth`` and ``compression`` override the plate's.
    ``provenance`` goes into the file where the format has room, else into a hidden file beside it. Values
    are never converted between colour spaces. Returns notes, in words, on what the format could not keep.
    Raises WriteError when it cannot be written, SettingError for a depth or compression that does not
    exist.
    """
    path = Path(path)
    target = format_to_write(path)
    inside = attributes_for(provenance or {}) if target.carries_provenance else {}
    plan = plan_write(frame, target, depth, compression, inside)
    with written_beside(path) as beside:
        if target.name == "jpeg":
            reserve(beside, _roughly(plan))
        try:
            with library_path(beside) as name:
                _write(plan, name, path)
        except (TypeError, UnicodeError, RuntimeError) as error:  # a name that is not text, out of memory
            raise cannot_write(path, str(error)) from error
        if is_cut_short(beside, target.name):
            raise cannot_write(path, CUT_SHORT)
    if not target.carries_provenance:
        remember(path, provenance or {})
    return plan.notes


def _write(plan: WritePlan, beside: Path, path: Path) -> None:
    output = oiio.ImageOutput.create(str(beside))
    if output is None:
        raise cannot_write(path, oiio.geterror() or "no writer for this name")
    specs = tuple(part.spec for part in plan.parts)
    opened = output.open(str(beside), specs if len(specs) > 1 else specs[0])
    for index, part in enumerate(plan.parts):
        if index:
            opened = output.open(str(beside), part.spec, "AppendSubimage")
        if not (opened and _write_pixels(output, part, beside)):
            reason = output.geterror()
            output.close()
            raise cannot_write(path, _in_words(reason, beside, path))
    if not output.close():
        raise cannot_write(path, _in_words(output.geterror(), beside, path))


def _write_pixels(output: oiio.ImageOutput, part: PartPlan, beside: Path) -> bool:
    if needs_exact_copy(part):
        return copy_exactly(output, part, beside)
    return bool(output.write_image(assemble(part)))


def _in_words(reason: str, beside: Path, path: Path) -> str:
    """Why a write failed. Libraries do not say that the disk is full, and name the hidden file."""
    with suppress(OSError):
        if shutil.disk_usage(path.parent).free < LITTLE:
            return "no space is left on the disk"
    return reason.replace(str(beside), path.name)


def _roughly(plan: WritePlan) -> int:
    """More bytes than the file can take. The JPEG library ends the whole process when the disk fills
    under it."""
    return 2**20 + 2 * sum(part.spec.image_bytes() for part in plan.parts)


def is_cut_short(path: Path, format_name: str) -> bool:
    """Whether the end of the file is missing; False for formats whose writers notice that by themselves."""
    last = _LAST_BYTES.get(format_name, b"")
    with open(path, "rb") as file:
        file.seek(-min(len(last), path.stat().st_size), os.SEEK_END)
        return file.read() != last
