"""Frame -> one image file, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import OpenImageIO as oiio

from understudy.frames.atomic import cannot_write, written_beside
from understudy.frames.exact_exr import copy_exactly, needs_exact_copy
from understudy.frames.formats import format_to_write
from understudy.frames.frame import Frame
from understudy.frames.image_plan import PartPlan, WritePlan, assemble, plan_write
from understudy.frames.provenance import attributes_for, remember


def write_image_file(
    path: Path | str,
    frame: Frame,
    *,
    depth: str | None = None,
    compression: str | None = None,
    provenance: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Write ``frame``; in the plate's own format with its windows, channels, depth, compression, metadata and parts.

    Another extension converts: the selected part only; floats to integers are clamped and rounded; a format
    without windows gets the display window. ``depth`` and ``compression`` override the plate's. ``provenance``
    goes into the file where the format has room, else into a hidden file beside it. Values are never converted
    between colour spaces. Returns notes, in words, on what the format could not keep.
    Raises WriteError when it cannot be written, SettingError for a depth or compression that does not exist.
    """
    path = Path(path)
    target = format_to_write(path)
    inside = attributes_for(provenance or {}) if target.carries_provenance else {}
    plan = plan_write(frame, target, depth, compression, inside)
    with written_beside(path) as beside:
        _write(plan, beside, path)
    if not target.carries_provenance:
        remember(path, provenance or {})
    return plan.notes


def _write(plan: WritePlan, beside: Path, path: Path) -> None:
    output = oiio.ImageOutput.create(str(beside))
    if output is None:
        raise cannot_write(path, oiio.geterror())
    specs = tuple(part.spec for part in plan.parts)
    opened = output.open(str(beside), specs if len(specs) > 1 else specs[0])
    for index, part in enumerate(plan.parts):
        if index:
            opened = output.open(str(beside), part.spec, "AppendSubimage")
        if not (opened and _write_pixels(output, part, beside)):
            reason = output.geterror()
            output.close()
            raise cannot_write(path, reason)
    if not output.close():
        raise cannot_write(path, output.geterror())


def _write_pixels(output: oiio.ImageOutput, part: PartPlan, beside: Path) -> bool:
    if needs_exact_copy(part):
        return copy_exactly(output, part, beside)
    return bool(output.write_image(assemble(part)))
