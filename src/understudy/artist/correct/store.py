"""Putting corrections into the folder of a run, and undoing them: whole or not at all."""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from understudy import file_system
from understudy.errors import RunError, WriteError
from understudy.frames import format_numbers
from understudy.runs import RunFolder, write_atomically
from understudy.runs.corrections import (
    FILE,
    MOST,
    Correction,
    CorrectionFile,
    Kind,
    corrections_folder,
    first_file,
    read_correction,
    read_corrections,
)
from understudy.runs.files import TEMPORARY, write_error
from understudy.toml_text import read_toml, to_toml

OLD_SECONDS = 3600.0


@dataclass(frozen=True)
class Sheet:
    """What one frame should become: ``truth``, float32 (height, width, channels that the network makes), in
    the plate's values, premultiplied, a matte from 0 to 1; and ``mask`` (height, width), 0 to 1, where that
    counts; None: everywhere."""

    truth: np.ndarray
    mask: np.ndarray | None = None


def add_correction(
    run: RunFolder,
    kind: Kind,
    frames: tuple[int, ...],
    sheets: Mapping[int, Sheet],
    channels: tuple[str, ...],
    **values: Any,
) -> Correction:
    """A new correction of ``frames`` in the folder of ``run``, with the pictures of ``sheets``, by frame, and
    their ``channels``. ``values``: further fields of ``CorrectionFile``, such as plate, time_limit and
    author. Of several that come at the same time each has a number of its own.

    Raises WriteError when the folder takes nothing; then nothing of it is left.
    """
    said = first_file(kind, format_numbers(frames), changed=_share(sheets), **{"author": _user(), **values})
    folder = corrections_folder(run.path)
    beside = folder / f"{TEMPORARY}{secrets.token_hex(6)}"
    try:
        beside.mkdir(parents=True)
        for number, sheet in sheets.items():
            write_picture(beside / f"truth.{number}.exr", sheet.truth, channels)
            if sheet.mask is not None:
                write_picture(beside / f"mask.{number}.exr", sheet.mask[:, :, None], ("Y",))
        write_atomically(beside / FILE, to_toml(said.model_dump()))
        return read_correction(_into_its_number(beside, folder))
    except OSError as error:
        raise write_error(folder, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        _clear_up(folder)


def undo_correction(run: RunFolder, number: int, **values: Any) -> Correction:
    """Mark a correction of ``run`` as undone. ``values``: fields of ``CorrectionFile`` that change, such as
    time_limit. RunError when there is none of this number, or it is undone already."""
    known = {each.id: each for each in read_corrections(run.path)}
    if number not in known or known[number].undone:
        active = [str(each.id) for each in known.values() if not each.undone]
        raise RunError(
            f"There is no correction {number} to undo."
            if number not in known
            else f"Correction {number} is undone already.",
            expected="the number of a correction that counts",
            found=f"{number}, where {', '.join(active) or 'none'} can be undone",
            where=str(run.path),
            remedy=f"Name one of those that this lists: understudy info {run.path}",
        )
    path = known[number].path / FILE
    said = CorrectionFile.model_validate(read_toml(path)).model_copy(update={**values, "undone": True})
    write_atomically(path, to_toml(said.model_dump()))
    return read_correction(known[number].path)


def _share(sheets: Mapping[int, Sheet]) -> float:
    """The share of the frames' pixels that is said something of."""
    shares = [1.0 if each.mask is None else float((each.mask > 0).mean()) for each in sheets.values()]
    return round(sum(shares) / len(shares), 6) if shares else 1.0


def _user() -> str:
    with contextlib.suppress(Exception):
        return getpass.getuser()[:200]
    return ""


def _into_its_number(beside: Path, folder: Path) -> Path:
    """Give a whole folder the next number. The system decides: of two that want the same one succeeds."""
    for number in range(_last_number(folder) + 1, MOST + 1):
        path = folder / f"{number:04d}"
        try:
            file_system.rename(beside, path)
        except OSError:
            if os.path.lexists(path):
                continue
            raise
        return path
    raise RunError(
        "This run has as many corrections as it can have.",
        found=str(MOST),
        where=str(folder),
        remedy="Begin a new run with --initial-weights and the best .cat of this one.",
    )


def _last_number(folder: Path) -> int:
    names = [each.name for each in folder.iterdir() if each.name.isdecimal() and len(each.name) == 4]
    return max((int(name) for name in names), default=0)


def _clear_up(folder: Path) -> None:
    """Remove what a writer that was killed has left, once it is old."""
    with contextlib.suppress(OSError):
        for path in folder.glob(TEMPORARY + "*"):
            if time.time() - path.lstat().st_mtime > OLD_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def write_picture(path: Path, planes: np.ndarray, channels: tuple[str, ...]) -> None:
    """Write float32 (height, width, channels) as an EXR. WriteError when it cannot be written."""

    def write(target: Path) -> None:
        spec = oiio.ImageSpec(planes.shape[1], planes.shape[0], planes.shape[2], "float")
        spec.channelnames = channels
        output = oiio.ImageOutput.create(str(target))
        if output is None or not (
            output.open(str(target), spec)
            and output.write_image(np.ascontiguousarray(planes, np.float32))
            and output.close()
        ):
            raise WriteError("A correction could not be written.", where=str(path), found=oiio.geterror())

    write_atomically(path, write)
