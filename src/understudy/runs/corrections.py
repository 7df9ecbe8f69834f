"""Corrections that artists gave a run: RUN/corrections/0001 and so on, read back.

Each is a folder, made whole or not at all. ``correction.toml`` says what it is; ``truth.1001.exr`` holds, as
floats over the plate's display window, what a frame should become: every channel that the network makes, in
the plate's values and encoding, premultiplied as EXR has it, a matte from 0 to 1. ``mask.1001.exr``, one
channel from 0 to 1, says where that counts.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from understudy.errors import RunError, UnderstudyError
from understudy.frames import parse_frame_range
from understudy.frames.matte import spread
from understudy.toml_text import read_toml

FOLDER = "corrections"
FILE = "correction.toml"
VERSION = 1
MOST = 9999
MOST_OF_RANGE = 8
HASHES = 10_000
PlateHash = Annotated[str, Field(pattern=r"^-?\d{1,12}:[0-9a-f]{32}$")]
Kind = Literal["ground-truth", "strokes", "accept", "empty"]
OWN_FOLDER = re.compile(r"\d{4}", re.ASCII)
OWN_FILE = re.compile(r"correction\.toml|before\.ost|(?:truth|mask)\.-?\d{1,12}\.exr|\.tmp-.*", re.ASCII)


class CorrectionFile(BaseModel):
    """What correction.toml holds. ``plate``: which of the run's inputs the frames are of; ``time``: when it
    was made, in unix seconds; ``changed``: the share of the frames' pixels that it says something of;
    ``time_limit``: seconds to learn it in, or ``steps`` to take for it, if not 0; ``plate_hashes``: the
    frames of the plate as it was then, each as its number, a colon and a hash of its values."""

    model_config = ConfigDict(extra="ignore")

    version: int = Field(default=VERSION, ge=1, le=VERSION)
    kind: Kind
    frames: str = Field(min_length=1, max_length=100_000)
    plate: int = Field(default=0, ge=0, le=10_000)
    author: str = Field(default="", max_length=200)
    time: float = 0.0
    undone: bool = False
    changed: float = Field(default=1.0, ge=0, le=1)
    time_limit: float = Field(default=20.0, gt=0)
    steps: int = Field(default=0, ge=0, le=1_000_000_000)
    plate_hashes: list[PlateHash] = Field(default=[], max_length=HASHES)


@dataclass(frozen=True)
class Correction:
    """One correction of a run. ``frames``: the numbers of its frames, sorted; the rest as in
    ``CorrectionFile``."""

    id: int
    path: Path
    kind: Kind
    frames: tuple[int, ...]
    plate: int = 0
    author: str = ""
    time: float = 0.0
    undone: bool = False
    changed: float = 1.0
    time_limit: float = 20.0
    steps: int = 0
    plate_hashes: Mapping[int, str] = field(default_factory=dict, compare=False)

    def is_changed(self, number: int, content: str) -> bool:
        """Whether the plate's frame of this number, whose values have the hash ``content``, is another one
        than when the correction was made; False where that is not known."""
        return self.plate_hashes.get(number, content) != content

    def truth_path(self, frame: int) -> Path:
        """Where the truth of a frame lies; there is none for the kind "empty"."""
        return self.path / f"truth.{frame}.exr"

    def mask_path(self, frame: int) -> Path:
        """Where it is said which pixels of the truth count; only of the kind "strokes"."""
        return self.path / f"mask.{frame}.exr"

    @property
    def learned_frames(self) -> tuple[int, ...]:
        """The frames that are learned from, which are those that have pictures: all that were painted, some
        of a range that is right as it is, or empty, as more of those tell no more."""
        if self.kind in ("accept", "empty"):
            return tuple(spread(self.frames, MOST_OF_RANGE))
        return self.frames

    @property
    def before_path(self) -> Path:
        """The state of the run from before it learned this, as a progress file. Only the first correction
        and the newest have one."""
        return self.path / "before.ost"


def corrections_folder(run: Path) -> Path:
    """The folder of all corrections of the run in the folder ``run``; it may not be there."""
    return run / FOLDER


def read_corrections(run: Path) -> tuple[Correction, ...]:
    """Every correction of the run in the folder ``run``, in the order in which they were made, those that are
    undone too. RunError when one cannot be used."""
    return tuple(read_correction(path) for path in _folders(corrections_folder(run)))


def active_corrections(run: Path) -> tuple[Correction, ...]:
    """Those that are not undone. RunError when one cannot be used."""
    return tuple(each for each in read_corrections(run) if not each.undone)


def read_correction(folder: Path) -> Correction:
    """The correction in a folder such as RUN/corrections/0001. RunError when it is damaged."""
    try:
        said = CorrectionFile.model_validate(read_toml(folder / FILE))
        frames = tuple(sorted(set(parse_frame_range(said.frames))))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _damaged(folder, f"{where}: {first['msg']}") from None
    except UnderstudyError as error:
        raise _damaged(folder, error.found or error.message) from None
    values: dict[str, Any] = said.model_dump(exclude={"version", "frames", "plate_hashes"})
    values["plate_hashes"] = dict(_number_and_hash(each) for each in said.plate_hashes)
    correction = Correction(id=int(folder.name), path=folder, frames=frames, **values)
    for path in _pictures(correction):
        if not path.is_file():
            raise _damaged(folder, f"{path.name} is missing")
    return correction


def _number_and_hash(text: str) -> tuple[int, str]:
    number, _, content = text.partition(":")
    return int(number), content


def _pictures(correction: Correction) -> list[Path]:
    if correction.kind == "empty":
        return []
    truths = [correction.truth_path(frame) for frame in correction.learned_frames]
    masks = [correction.mask_path(frame) for frame in correction.frames]
    return truths + (masks if correction.kind == "strokes" else [])


def _folders(folder: Path) -> list[Path]:
    """Those with the number of a correction for a name, in order. No links: a run keeps what is its own."""
    try:
        with os.scandir(folder) as entries:
            found = [
                e.name for e in entries if OWN_FOLDER.fullmatch(e.name) and e.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []
    return [folder / name for name in sorted(found)]


def own_files(run: Path) -> list[Path]:
    """Every file of the corrections of a run, without links and foreign files."""
    files: list[Path] = []
    for folder in _folders(corrections_folder(run)):
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            files += [
                folder / e.name
                for e in entries
                if OWN_FILE.fullmatch(e.name) and e.is_file(follow_symlinks=False)
            ]
    return sorted(files)


def remove_empty_folders(run: Path) -> None:
    """Remove the folders of corrections whose files are gone."""
    for folder in (*_folders(corrections_folder(run)), corrections_folder(run)):
        with contextlib.suppress(OSError):
            folder.rmdir()


def first_file(
    kind: Kind, frames: str, plate_hashes: Mapping[int, str] | None = None, **values: Any
) -> CorrectionFile:
    """What correction.toml of a new correction holds. ``plate_hashes``: by frame."""
    values["plate_hashes"] = [f"{number}:{content}" for number, content in (plate_hashes or {}).items()]
    return CorrectionFile(kind=kind, frames=frames, **{"time": round(time.time(), 3), **values})


def _damaged(folder: Path, found: str) -> RunError:
    return RunError(
        "A correction of this run cannot be used.",
        expected=f"{FILE}, and the pictures that it names, as understudy correct wrote them",
        found=found,
        where=str(folder),
        remedy="Restore the folder, or move it out of the run: the run then goes on without it.",
    )
