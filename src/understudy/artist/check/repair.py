"""Truths put right, written into a folder of their own; the originals are never touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from understudy.colour import decode, encode
from understudy.dataset.checks import Finding, Fix
from understudy.dataset.checks.register import put_back
from understudy.dataset.file_check import FileCheck
from understudy.dataset.sources import Source
from understudy.errors import SettingError
from understudy.frames import Frame, resolve_like, write_image_file
from understudy.runs.making import remove_empty

HARMLESS = {"empty", "same-as-plate"}
"""What may be as it should be: such a truth is handed on as it is."""


@dataclass(frozen=True)
class Repaired:
    """``name`` is the truth's file, ``written`` the new one, empty where it is left out, ``said`` what was
    done, or why nothing was."""

    name: str
    written: str
    said: str


def refuse_folder(folder: Path, sources: Sequence[Source]) -> None:
    """SettingError unless ``folder`` is new or empty, and is that of none of the shots."""
    own = {shot.path(shot.numbers[0]).resolve().parent for s in sources for shot in (s.plate, s.truth)}
    held = folder.resolve() in own
    if not held and (not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))):
        _try_folder(folder)
        return
    raise SettingError(
        "Repaired ground truths need a folder of their own.",
        expected="a folder that does not exist yet, or is empty",
        found="the folder of the originals" if held else "a folder or file that holds something",
        where=f"--repair {folder}",
        remedy="Name another folder.",
    )


def _try_folder(folder: Path) -> None:
    """SettingError where the folder cannot be made, said before minutes of looking; nothing is left of it."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(
            "The folder for the repaired ground truths cannot be made.",
            expected="a place where a folder can be made",
            found=error.strerror or str(error),
            where=f"--repair {folder}",
            remedy="Name a folder that can be written to.",
        ) from error
    finally:
        remove_empty(made)


def repair(
    folder: Path,
    sources: Sequence[Source],
    looked: FileCheck,
    told: Callable[[int, str], None] = lambda number, what: None,
) -> list[Repaired]:
    """Write the truths into ``folder``: those with nothing wrong as they are, those that can be put right so.
    Two that would come under one number, and what cannot be put right, are left out. ``told`` is called with
    the number of each. WriteError."""
    folder.mkdir(parents=True, exist_ok=True)
    done: list[Repaired] = []
    taken: set[Path] = set()
    for index, source in enumerate(sources):
        told(source.plate_number, "written")
        own = [f for f in looked.findings if f.pair == index and f.kind not in HARMLESS]
        name = source.truth.path(source.truth_number).name
        lost = [finding for finding in own if finding.fix is None]
        if lost:
            done.append(Repaired(name, "", f"left out: {lost[0].measure}. {lost[0].remedy}"))
            continue
        path = folder / _new_name(source, [f.fix for f in own if f.fix])
        if path in taken:
            done.append(Repaired(name, "", f"left out: {path.name} is there from another truth"))
            continue
        taken.add(path)
        frame = source.truth.read(source.truth_number)
        for finding in own:
            if finding.fix is not None:
                frame = _put_right(frame, finding.fix, looked)
        write_image_file(path, frame)
        done.append(Repaired(name, path.name, _say(own)))
    return done


def _new_name(source: Source, fixes: Sequence[Fix]) -> str:
    numbers = [fix.number for fix in fixes if fix.number is not None]
    number = numbers[0] if numbers else source.plate_number
    extension = ".exr" if source.truth.is_movie else source.truth.extension
    return f"{source.truth.name or 'truth'}.{number:0{source.truth.padding}d}{extension}"


def _say(own: Sequence[Finding]) -> str:
    if not own:
        return "as it was"
    ways = {
        "grade": "the grade was taken off",
        "encoding": "converted to the encoding of the others",
        "inverted": "inverted back",
        "off-by-one": "renumbered",
        "order": "renumbered",
    }
    return "; ".join(ways.get(finding.kind, "put back by resampling (Lanczos)") for finding in own)


def _put_right(frame: Frame, fix: Fix, looked: FileCheck) -> Frame:
    names = resolve_like(frame, looked.channels)
    values = frame.planes(names)
    if fix.place is not None:
        low, high = values.min((0, 1)), values.max((0, 1))
        values = put_back(values, np.array(fix.place)).clip(low, high)
    elif fix.inverted:
        values = looked.white - values
    elif fix.curve is not None:
        values = decode(curved(encode(values, looked.encoding), fix.curve), looked.encoding)
    else:
        return frame
    return frame.with_planes(names, np.ascontiguousarray(values, np.float32))


def curved(values: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Each channel through its curve; above 1 as at 1, moved on."""
    grid = np.linspace(0, 1, curve.shape[1])
    planes = [
        np.interp(values[..., c], grid, curve[c]) + np.maximum(values[..., c] - 1, 0)
        for c in range(min(values.shape[2], len(curve)))
    ]
    rest = [values[..., c] for c in range(len(planes), values.shape[2])]
    return np.stack([*planes, *rest], 2).astype(np.float32)
