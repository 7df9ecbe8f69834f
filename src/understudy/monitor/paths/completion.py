"""Path completion: the folders, sequences, movies, stills, models and runs that a typed path may become, and
the names of networks that come trained."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from understudy.frames import format_numbers
from understudy.frames.formats import is_image_path, is_movie_path
from understudy.models.sidecar import ENDINGS
from understudy.models.zoo import zoo_networks, zoo_starts
from understudy.monitor.paths.allowed import AllowedFolders, PathNotAllowed
from understudy.runs import is_run
from understudy.settings.data import has_own_truths

MOST = 60
MOST_SCANNED = 50_000
NUMBERED = re.compile(r"(?P<prefix>.*?)(?P<number>(?:(?<=[._])-)?\d{1,12})(?P<suffix>\.[^.]+)", re.DOTALL)
PathKind = Literal["shot", "file", "model", "weights", "folder"]
MODEL_FILES = ("file", "model", "weights")


class Completion(BaseModel):
    """``text`` is the completed path, ``label`` what the list shows, ``note`` its frame range, or what a
    network that comes trained is for. ``pairs``: a list of pairs, or a tar of them."""

    text: str
    label: str
    kind: Literal["folder", "sequence", "movie", "still", "pairs", "model", "run", "network"]
    note: str = ""


def complete(allowed: AllowedFolders, text: str, wanted: PathKind = "shot") -> list[Completion]:
    """At most ``MOST`` completions of ``text``; of "" the allowed folders. PathNotAllowed outside of them."""
    trained = [each for each in _trained(wanted) if each.label.startswith(text.strip().lower())]
    if not text.strip():
        roots = [
            Completion(text=str(root) + os.sep, label=str(root), kind="folder") for root in allowed.roots
        ]
        return [*trained, *roots]
    folder, prefix = _split(allowed, text)
    completions = _in_folder(allowed, folder, wanted)
    fitting = [
        completion for completion in completions if completion.label.lower().startswith(prefix.lower())
    ]
    return [*trained, *fitting][:MOST]


MODELS = (".cat", *ENDINGS)


def _trained(wanted: PathKind) -> list[Completion]:
    """The networks that come trained: those to apply, or those to begin a training from."""
    found: dict[str, str] = {}
    if wanted == "model":
        found = {each.name: each.card.purpose for each in zoo_networks()}
    if wanted == "weights":
        found = {name: each.card.purpose for name, each in zoo_starts().items()}
    return [Completion(text=name, label=name, kind="network", note=note) for name, note in found.items()]


def _split(allowed: AllowedFolders, text: str) -> tuple[Path, str]:
    """The folder to look into, and what its entries must begin with."""
    head, tail = os.path.split(os.path.expanduser(text))
    try:
        return allowed.path(head or "."), tail
    except PathNotAllowed:
        beginning = [root for root in allowed.roots if str(root).startswith(text)]
        if beginning:
            return beginning[0].parent, beginning[0].name  # still typing the way to a root
        raise


def _in_folder(allowed: AllowedFolders, folder: Path, wanted: PathKind) -> list[Completion]:
    folders, files = _entries(allowed, folder)
    completions = [
        _folder_completion(path)
        for path in folders
        if allowed.contains(path) or _leads_to_a_root(allowed, path)
    ]
    if wanted == "shot":
        completions += _shots(folder, files)
        lists = sorted(name for name in files if has_own_truths(name))
        completions += [Completion(text=str(folder / name), label=name, kind="pairs") for name in lists]
    if wanted in MODEL_FILES:
        models = sorted(name for name in files if name.lower().endswith(MODELS))
        completions += [Completion(text=str(folder / name), label=name, kind="model") for name in models]
    return completions


def _leads_to_a_root(allowed: AllowedFolders, path: Path) -> bool:
    return any(root.is_relative_to(path) for root in allowed.roots)


def _entries(allowed: AllowedFolders, folder: Path) -> tuple[list[Path], list[str]]:
    """Folders and files in ``folder``; hidden ones, and links that may not be followed, are not offered."""
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for _, entry in zip(range(MOST_SCANNED), entries, strict=False):
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink() and not allowed.allows(entry.path):
                    continue
                (folders if entry.is_dir() else files).append(entry.name)
    except OSError:
        return [], []
    inside = allowed.contains(folder)
    return [folder / name for name in sorted(folders)], sorted(files) if inside else []


def _folder_completion(path: Path) -> Completion:
    run = is_run(path)
    return Completion(
        text=str(path) + ("" if run else os.sep),
        label=path.name,
        kind="run" if run else "folder",
    )


def _shots(folder: Path, files: list[str]) -> list[Completion]:
    numbers: dict[tuple[str, str, int], list[int]] = {}
    single: list[Completion] = []
    for name in files:
        if is_movie_path(name):
            single.append(Completion(text=str(folder / name), label=name, kind="movie"))
        elif is_image_path(name):
            found = NUMBERED.fullmatch(name)
            if found is None:
                single.append(Completion(text=str(folder / name), label=name, kind="still"))
            else:
                key = (found["prefix"], found["suffix"], len(found["number"]))
                numbers.setdefault(key, []).append(int(found["number"]))
    return [_sequence(folder, *key, found) for key, found in sorted(numbers.items())] + single


def _sequence(folder: Path, prefix: str, suffix: str, padding: int, numbers: list[int]) -> Completion:
    if len(numbers) == 1:
        name = f"{prefix}{numbers[0]:0{padding}d}{suffix}"
        return Completion(text=str(folder / name), label=name, kind="still")
    label = f"{prefix}{'#' * padding}{suffix}"
    note = f"{_short(numbers)}, {len(numbers)} frames"
    return Completion(text=str(folder / label), label=label, kind="sequence", note=note)


def _short(numbers: list[int]) -> str:
    text = format_numbers(numbers)
    return text if len(text) <= 40 else f"{min(numbers)}-{max(numbers)} with gaps"
