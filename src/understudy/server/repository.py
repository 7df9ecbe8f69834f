"""From paths on the command line to models, kept up to date while the server runs.

A file or folder that is copied into a watched folder appears as a model once it has stopped growing; one
that is taken out goes; one that is replaced is loaded again under the same name. One that is broken is
listed as failed and disturbs nobody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import ModelFileError, UnderstudyError
from understudy.models.description import ModelDescription
from understudy.models.finding import FoundModel, find_model
from understudy.models.names import is_plain_name, safe_label, safe_name
from understudy.models.sidecar import read_sidecar
from understudy.network.kinds import MOTION
from understudy.network.model_file import read_header
from understudy.server.models.served import Call, ServedModel
from understudy.server.state import ServerState

Maker = Callable[[Path, ServerState], ServedModel]
Stamp = tuple[tuple[int, int], ...]
POLL_INTERVAL = 0.5
FILES = {
    ".cat": "cat",
    ".onnx": "onnx",
    ".pt": "torchscript",
    ".ts": "torchscript",
    ".torchscript": "torchscript",
    ".tflite": "tflite",
    ".pt2": "pt2",
    ".safetensors": "spandrel",
    ".xml": "openvino",
}
MODEL_SIDE = "model.toml"
FORMATS = {
    "cat": "network",
    "run": "run",
    "onnx": "ONNX",
    "torchscript": "TorchScript",
    "tflite": "TensorFlow Lite",
    "pt2": "torch.export",
    "spandrel": "spandrel",
    "openvino": "OpenVINO",
    "python": "Python",
}
UNLOAD_TIMEOUT = 120.0


def kind_of(path: Path) -> str | None:
    """What a path is: one of the kinds of files, run, python, folder, or None."""
    if path.is_dir():
        if (path / "state.json").is_file():
            return "run"
        return "python" if (path / "model.py").is_file() else "folder"
    return FILES.get(path.suffix.lower()) if path.is_file() else None


def make(kind: str, path: Path, state: ServerState) -> ServedModel:
    """The model at ``path``. Raises what its loader raises."""
    model = _MAKERS[kind](path, state)
    return model if state.replicate is None else state.replicate(model, kind, path)


def _make_cat(path: Path, state: ServerState) -> ServedModel:
    from understudy.server.models.network import CatModel

    if read_header(path).kind == MOTION:
        from understudy.server.models.builtin import MotionVectors

        return MotionVectors(path, state.settings.devices)
    eager = path in {located(each).path for each in state.settings.models}
    return CatModel(path, state.settings.devices, state.log, eager)


def _make_run(path: Path, state: ServerState) -> ServedModel:
    from understudy.server.models.network import RunModel

    return RunModel(path, state.settings.devices, state.log)


def _make_file(path: Path, state: ServerState) -> ServedModel:
    from understudy.server.models.file_model import FileModel

    return FileModel(path, state.settings.devices, state.log)


def _make_python(path: Path, state: ServerState) -> ServedModel:
    from understudy.server.models.python_model import PythonModel

    return PythonModel(path, state.log)


_MAKERS: dict[str, Maker] = {
    "cat": _make_cat,
    "run": _make_run,
    "onnx": _make_file,
    "torchscript": _make_file,
    "tflite": _make_file,
    "pt2": _make_file,
    "spandrel": _make_file,
    "openvino": _make_file,
    "python": _make_python,
}


class FailedModel:
    """Stands where a model would be, says so, and answers nothing."""

    executor, workers, max_batch, state = "failed", 1, 1, "failed"
    trouble = "it could not be loaded; the server's log says why"

    def __init__(self, path: Path, kind: str) -> None:
        self.description = ModelDescription(
            name=safe_name(path.stem), label=safe_label(path.stem), format=FORMATS[kind]
        )

    def run(self, calls: list[Call]) -> list:
        raise RuntimeError("a failed model was asked")

    def refresh(self) -> None: ...

    def close(self) -> None: ...


@dataclass(eq=False)
class Source:
    """One path that holds a model, or is about to."""

    kind: str
    pinned: bool
    stamp: Stamp
    model: ServedModel | None = None
    loaded: Stamp | None = None


class ModelRepository:
    """Polls the paths of the command line and keeps the registry in step with them."""

    def __init__(self, paths: tuple[Path, ...], state: ServerState) -> None:
        self.state = state
        self._named = dict(map(self._place, paths))
        self._sources: dict[Path, Source] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="models", daemon=True)

    def _place(self, path: Path) -> tuple[Path, str]:
        """Where a model of the command line lies, and its kind."""
        found = located(path)
        for note in found.notes:
            self.state.log.info(note)
        return found.path, _checked(found.path)

    def start(self) -> None:
        """Load what is there now, then go on watching."""
        self.scan(settled=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching and end the models."""
        self._ended.set()
        for source in list(self._sources.values()):
            if source.model is not None:
                source.model.close()

    def _watch(self) -> None:
        while not self._ended.wait(POLL_INTERVAL):
            try:
                self.scan()
            except Exception as error:  # a watcher must outlive anything
                self.state.log.error("looking for models failed", error)

    def scan(self, settled: bool = False) -> None:
        """Compare paths and models once. ``settled`` trusts that files there are whole."""
        wanted = dict(self._wanted())
        for path in [path for path in self._sources if path not in wanted]:
            self._forget(path)
        for path, (kind, pinned) in wanted.items():
            self._poll(path, kind, pinned, settled)
        for source in list(self._sources.values()):
            if source.model is not None:
                self._refresh(source.model)

    def _wanted(self) -> Iterator[tuple[Path, tuple[str, bool]]]:
        """Each path that should be a model now, with its kind, named ones first."""
        for path, kind in self._named.items():
            if kind != "folder":
                yield path, (kind, True)
        for path, kind in self._named.items():
            if kind == "folder":
                yield from ((child, (kind_of(child) or "", False)) for child in _models_in(path))

    def _poll(self, path: Path, kind: str, pinned: bool, settled: bool) -> None:
        stamp = stamp_of(path, kind)
        source = self._sources.setdefault(path, Source(kind, pinned, () if not settled else stamp))
        still = source.stamp == stamp
        source.stamp = stamp
        if stamp and still and source.loaded != stamp:
            self._load(path, source)

    def _load(self, path: Path, source: Source) -> None:
        source.loaded = source.stamp
        try:
            model = make(source.kind, path, self.state)
        except Exception as error:
            self._note_failure(path, error)
            model = FailedModel(path, source.kind)
        old, source.model = source.model, model
        if old is None:
            self.state.registry.add(model, source.pinned)
        else:
            self.state.registry.replace(old, model)
            self._unload_later(old)
        self.state.log.info(
            "a model is served",
            model=model.description.name,
            kind=source.kind,
            state=model.state,
            replaced=old is not None,
        )

    def _note_failure(self, path: Path, error: Exception) -> None:
        said: dict[str, Any] = {"error": error}
        if isinstance(error, UnderstudyError):
            said = {"said": error.text}
        self.state.log.error("a model could not be loaded", path=str(path), **said)

    def _forget(self, path: Path) -> None:
        model = self._sources.pop(path).model
        if model is not None:
            self.state.registry.remove(model)
            self._unload_later(model)
            self.state.log.info("a model is gone", model=model.description.name)

    def _unload_later(self, model: ServedModel) -> None:
        """End a model that is no longer served, once the requests that reached it are answered."""
        threading.Thread(target=self._unload, args=(model,), name="unload", daemon=True).start()

    def _unload(self, model: ServedModel) -> None:
        is_dedicated = model.executor.startswith("python:")
        until = time.monotonic() + UNLOAD_TIMEOUT
        while is_dedicated and self.state.executors.has_work(model.executor) and time.monotonic() < until:
            if self._ended.wait(0.05):
                break
        if is_dedicated:
            self.state.executors.remove(model.executor)
        model.close()

    def _refresh(self, model: ServedModel) -> None:
        try:
            model.refresh()
        except Exception as error:
            self.state.log.error(
                "a model could not be brought up to date", error, model=model.description.name
            )


def located(path: Path) -> FoundModel:
    """Where a model that the command line names lies: there, or, where nothing does, by the name of a network
    that comes trained."""
    if kind_of(path) is None and not path.exists() and is_plain_name(str(path)):
        return find_model(path)
    return FoundModel(path.absolute())


def _checked(path: Path) -> str:
    """The kind of a path of the command line; ``ModelFileError`` when it is nothing that can be served."""
    kind = kind_of(path)
    if kind is None:
        raise ModelFileError(
            "This is nothing that can be served." if path.exists() else "This model does not exist.",
            expected=f"a file ending in {', '.join(FILES)}, a run, a Python model, or a folder of these",
            where=str(path),
        )
    return kind


def _models_in(folder: Path) -> list[Path]:
    """What can be served in a folder, by name; hidden files, which are being written, are left out."""
    try:
        children = sorted(folder.iterdir())
    except OSError:
        return []
    parts = {encoder for child in children if (encoder := _encoder_of(child)) is not None}
    return [
        child
        for child in children
        if child.name[0] not in "._" and child not in parts and kind_of(child) not in (None, "folder")
    ]


def _encoder_of(path: Path) -> Path | None:
    """The encoder of a network in two files: it is no model of its own."""
    if path.suffix.lower() != ".onnx" or not path.with_suffix(".toml").is_file():
        return None
    with suppress(ModelFileError):  # said where the model is loaded
        encoder = read_sidecar(path.with_suffix(".toml")).encoder
        return None if encoder is None else path.parent / encoder
    return None


def stamp_of(path: Path, kind: str) -> Stamp:
    """What changes when a model's files change; empty when they cannot be looked at."""
    if kind == "run":
        return ((1, 1),)
    first, others = path, [path.with_suffix(".toml")]
    if (encoder := _encoder_of(path)) is not None:
        others.append(encoder)
    if kind == "openvino":
        others.append(path.with_suffix(".bin"))
    if kind == "python":
        first, others = path / "model.py", _files_beside(path)
    stamp = _optional(first)
    return stamp and stamp + tuple(each for other in others for each in _optional(other))


def _files_beside(folder: Path) -> list[Path]:
    """What else a Python model is made of: its settings, the modules beside it, the studio's helpers."""
    try:
        beside = sorted([*folder.glob("*.py"), *(folder.parent / "common").glob("*.py")])
    except OSError:
        beside = []
    return [folder / MODEL_SIDE, *(each for each in beside if each != folder / "model.py")]


def _optional(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return ()
    return ((found.st_mtime_ns, found.st_size),)
