"""The model that a user means: a file, a run, or the name of a network that comes trained."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import ModelFileError, RunError
from understudy.models.names import is_plain_name
from understudy.models.zoo import (
    ZooModel,
    zoo_model,
    zoo_model_with_layers,
    zoo_names,
    zoo_networks,
    zoo_starts,
)
from understudy.runs.contents import is_run
from understudy.runs.folder import RunFolder
from understudy.runs.listing import list_runs

MOST_NAMED = 12


@dataclass(frozen=True)
class FoundModel:
    """``path`` of the file; ``notes`` are sentences on why it is this one."""

    path: Path
    notes: tuple[str, ...] = ()


def resolve_model(spec: str | Path) -> Path:
    """The path that ``find_model`` finds."""
    return find_model(spec).path


def find_model(spec: str | Path, start: bool = False) -> FoundModel:
    """The file that ``spec`` means: the file itself, of a run the best checkpoint, else the newest, NAME.cat
    where there is such a file, and at last the network NAME that comes trained; as a ``start``, the one that
    a training by this name begins from.

    ModelFileError when there is none, or one that is for something else.
    """
    path = Path(os.path.abspath(spec))
    name = path.name if path.parent == Path.cwd() and is_plain_name(path.name) else ""
    own = _own(path)
    if own is not None:
        return FoundModel(own, _says_own(name, own, path))
    trained = zoo_model(name, start) or zoo_model(name, not start) if name else None
    if trained is None:
        raise _nothing(path, name, start)
    if not (trained.is_start if start else trained.is_network):
        raise _other_use(name, trained)
    return FoundModel(trained.path)


def model_of_any_use(spec: str | Path) -> Path:
    """The file that a name means, whether it is one to apply or a start alone: to look at. ModelFileError."""
    path = Path(os.path.abspath(spec))
    trained = zoo_model(str(spec))
    return trained.path if trained and _own(path) is None else resolve_model(spec)


def with_layers(spec: str) -> tuple[str, tuple[str, ...]]:
    """What is meant by ``spec`` where further layers are given beside the plate: of a network that comes
    trained, and takes none, the one of its name that takes some, with a sentence on that; else itself."""
    found = zoo_model(spec)
    if found is None or found.layers or resolve_model(spec) != found.path:
        return spec, ()
    other = zoo_model_with_layers(spec)
    if other is None:
        return spec, ()
    return other.name, (f"{spec} with the layers {' and '.join(other.layers)} is {other.name}.",)


def trained_model(name: str) -> ZooModel:
    """The network of this name that comes trained, whatever lies in the folder. ModelFileError."""
    found = zoo_model(name)
    if found is not None:
        return found
    near = difflib.get_close_matches(name, zoo_names(), n=1)
    raise ModelFileError(
        "No network of this name comes trained.",
        expected=f"one of {', '.join(zoo_names())}" if zoo_names() else "none: this version brings none",
        found=name,
        remedy=f"Did you mean {near[0]}?" if near else "understudy models lists them.",
    )


def _own(path: Path) -> Path | None:
    """What lies there of the user's own."""
    if path.is_file():
        return path
    if is_run(path):
        return RunFolder.open(path).best_or_newest()
    file = path.with_name(f"{path.name}.cat") if path.name else path
    return file if file.is_file() else None


def _says_own(name: str, own: Path, path: Path) -> tuple[str, ...]:
    if not name or name not in zoo_names():
        return ()
    what = f"file {own.name}" if own.parent == path.parent else "run of that name"
    return (f"{name} is the {what} in this folder, not the network that comes trained.",)


def _nothing(path: Path, name: str, start: bool) -> ModelFileError:
    trained = list(zoo_starts()) if start else [each.name for each in zoo_networks()]
    beside = [] if path.parent == path else _beside(path.parent)
    near = difflib.get_close_matches(path.stem if name else path.name, [*zoo_names(), *trained, *beside], n=1)
    named = f", or one of {', '.join(trained[:MOST_NAMED])}" if trained and name else ""
    return ModelFileError(
        "There is no trained network here.",
        expected=f"a .cat file, the folder of a run, an imported network such as .onnx{named}",
        found=_what(path),
        where=str(path),
        remedy=f"Did you mean {near[0]}?"
        if near
        else "Give a .cat or a run: understudy runs DATA_DIR lists the runs, understudy models what comes "
        "trained.",
    )


def _beside(folder: Path) -> list[str]:
    """The runs and networks in a folder."""
    try:
        files = [each.name for each in folder.glob("*.cat")]
        return [*files, *(run.name for run in list_runs(folder))]
    except (OSError, RunError):
        return []


def _what(path: Path) -> str:
    if not path.is_dir():
        return "something else" if path.exists() else "nothing"
    names = [run.name for run in list_runs(path)] if os.access(path, os.R_OK | os.X_OK) else []
    return f"a folder with the runs {', '.join(names[:5])}" if names else "a folder that is not a run"


def _other_use(name: str, trained: ZooModel) -> ModelFileError:
    if trained.is_start:
        return ModelFileError(
            f"{name} is what a training begins from, and does nothing by itself.",
            expected="a network that is applied as it is",
            found=trained.card.purpose,
            where=name,
            remedy=f"Train from it: understudy train ... --initial-weights {name}",
        )
    return ModelFileError(
        f"{name} is a network to apply, and no training can begin from it.",
        expected=f"one of {', '.join(zoo_starts()) or 'none'}, a .cat file, or a run",
        found=trained.card.purpose,
        where="--initial-weights (Initial Weights)",
        remedy=f"Apply it as it is: understudy apply {name} PLATE OUTPUT"
        + "".join(f" --extra {layer}" for layer in trained.layers),
    )
