"""What a file field offers while somebody types: folders, sequences, movies, stills, models, runs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from understudy.frames import format_numbers
from understudy.frames.formats import is_image_path, is_movie_path
from understudy.inference.sidecar import ENDINGS
from understudy.monitor.paths.allowed import Fence, Refused
from understudy.runs import is_run

MOST = 60
MOST_LOOKED_AT = 50_000
NUMBERED = re.compile(r"(?P<prefix>.*?)(?P<number>(?:(?<=[._])-)?\d{1,12})(?P<suffix>\.[^.]+)", re.DOTALL)
Wanted = Literal["shot", "file", "folder"]


class Offer(BaseModel):
    """One line of the list. ``text`` is what the field would hold; ``note`` says more, such as its frames."""

    text: str
    label: str
    kind: Literal["folder", "sequence", "movie", "still", "model", "run"]
    note: str = ""


def complete(fence: Fence, text: str, wanted: Wanted = "shot") -> list[Offer]:
    """What ``text`` could become; the roots themselves for nothing. Refused when it leads outside."""
    if not text.strip():
        return [Offer(text=str(root) + os.sep, label=str(root), kind="folder") for root in fence.roots]
    folder, prefix = _split(fence, text)
    offers = _in_folder(fence, folder, wanted)
    fitting = [offer for offer in offers if offer.label.lower().startswith(prefix.lower())]
    return fitting[:MOST]


MODELS = (".cat", *ENDINGS)


def _split(fence: Fence, text: str) -> tuple[Path, str]:
    """The folder to look into, and what its entries must begin with."""
    head, tail = os.path.split(os.path.expanduser(text))
    try:
        return fence.path(head or "."), tail
    except Refused:
        beginning = [root for root in fence.roots if str(root).startswith(text)]
        if beginning:
            return beginning[0].parent, beginning[0].name  # still typing the way to a root
        raise


def _in_folder(fence: Fence, folder: Path, wanted: Wanted) -> list[Offer]:
    folders, files = _entries(fence, folder)
    offers = [_folder_offer(path) for path in folders if fence.contains(path) or _leads_in(fence, path)]
    if wanted == "shot":
        offers += _shots(folder, files)
    if wanted == "file":
        models = sorted(name for name in files if name.lower().endswith(MODELS))
        offers += [Offer(text=str(folder / name), label=name, kind="model") for name in models]
    return offers


def _leads_in(fence: Fence, path: Path) -> bool:
    return any(root.is_relative_to(path) for root in fence.roots)


def _entries(fence: Fence, folder: Path) -> tuple[list[Path], list[str]]:
    """Folders and files in ``folder``; hidden ones, and links that lead outside, are not offered."""
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for _, entry in zip(range(MOST_LOOKED_AT), entries, strict=False):
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink() and not fence.contains(Path(os.path.realpath(entry.path))):
                    continue
                (folders if entry.is_dir() else files).append(entry.name)
    except OSError:
        return [], []
    inside = fence.contains(folder)
    return [folder / name for name in sorted(folders)], sorted(files) if inside else []


def _folder_offer(path: Path) -> Offer:
    run = is_run(path)
    return Offer(
        text=str(path) + ("" if run else os.sep),
        label=path.name,
        kind="run" if run else "folder",
    )


def _shots(folder: Path, files: list[str]) -> list[Offer]:
    numbers: dict[tuple[str, str, int], list[int]] = {}
    single: list[Offer] = []
    for name in files:
        if is_movie_path(name):
            single.append(Offer(text=str(folder / name), label=name, kind="movie"))
        elif is_image_path(name):
            found = NUMBERED.fullmatch(name)
            if found is None:
                single.append(Offer(text=str(folder / name), label=name, kind="still"))
            else:
                key = (found["prefix"], found["suffix"], len(found["number"]))
                numbers.setdefault(key, []).append(int(found["number"]))
    return [_sequence(folder, *key, found) for key, found in sorted(numbers.items())] + single


def _sequence(folder: Path, prefix: str, suffix: str, padding: int, numbers: list[int]) -> Offer:
    if len(numbers) == 1:
        name = f"{prefix}{numbers[0]:0{padding}d}{suffix}"
        return Offer(text=str(folder / name), label=name, kind="still")
    label = f"{prefix}{'#' * padding}{suffix}"
    note = f"{_short(numbers)}, {len(numbers)} frames"
    return Offer(text=str(folder / label), label=label, kind="sequence", note=note)


def _short(numbers: list[int]) -> str:
    text = format_numbers(numbers)
    return text if len(text) <= 40 else f"{min(numbers)}-{max(numbers)} with gaps"
