"""OpenCue, through its own library opencue-pyoutline: an outline with a layer for each step."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import shlex
from pathlib import Path
from typing import Any

from understudy.cluster.farm.job import FarmJob, Step
from understudy.cluster.farm.programs import not_taken
from understudy.errors import MissingPackageError

OUTLINE = "outline.json"
LAYER = "understudy.cluster.farm.outline_layer.Understudy"
FRAMES = "#FRAMESPEC#"
"""Cuebot writes the frames of a task here."""
ALONE = "1"
"""The frame that stands for the only task of a step."""
REQUIRED = ("opencue", "outline")


def check(job: FarmJob) -> None:
    """OpenCue takes every job."""


def files(job: FarmJob) -> dict[str, str]:
    """The file of the job."""
    outline = {"name": outline_name(job.name), "layers": [_layer(job, step) for step in job.steps]}
    return {OUTLINE: json.dumps(outline, indent=2, ensure_ascii=False) + "\n"}


def by_hand(folder: Path, job: FarmJob) -> tuple[str, ...]:
    """What hands the job over."""
    del job
    return (f"understudy farm submit {shlex.quote(str(folder))}",)


def ready() -> None:
    """MissingPackageError where OpenCue's library is not installed."""
    missing = [name for name in REQUIRED if importlib.util.find_spec(name) is None]
    if missing or importlib.util.find_spec("outline.cuerun") is None:
        raise MissingPackageError(
            "OpenCue's own library hands jobs over, and it is not installed.",
            expected="the package opencue-pyoutline (the one called pyoutline is something else)",
            remedy="pip install 'understudy[farm]'",
        )


def submit(folder: Path, job: dict[str, Any]) -> tuple[str, ...]:
    """Launch the outline; the names of the jobs. It waits for those that it is to come after. FarmError when
    the Cuebot takes it not."""
    ready()
    text = (folder / OUTLINE).read_text("utf-8")
    try:
        return _launched(text, job)
    except Exception as error:  # whatever the library, grpc and the Cuebot raise
        raise not_taken(folder, f"{type(error).__name__}: {error}") from error


def outline_name(name: str) -> str:
    """A name with the letters that a Cuebot allows."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-") or "understudy"


def _launched(text: str, job: dict[str, Any]) -> tuple[str, ...]:
    from outline import cuerun, load_json

    after = tuple(job["after"])
    flags: dict[str, Any] = {"maxretries": str(job["retries"]), "pause": bool(after)}
    if job["priority"] is not None:
        flags["priority"] = job["priority"]
    # Without pycuerun the Cuebot has the command itself: the farm's machines need no library of OpenCue's.
    launched = cuerun.launch(load_json(checked(text)), use_pycuerun=False, **flags) or ()
    if after:
        _wait_for(launched, after)
    return tuple(each.name() for each in launched)


def _wait_for(launched: Any, after: tuple[str, ...]) -> None:
    import opencue

    for each in launched:
        for name in after:
            each.createDependencyOnJob(opencue.api.findJob(name))
        each.resume()


def checked(text: str) -> str:
    """The outline, when its layers are ours: the library imports what a layer names. ValueError."""
    outline = json.loads(text)
    layers = outline["layers"]
    if any(layer["module"] != LAYER for layer in layers):
        raise ValueError(f"{OUTLINE} names other layers than {LAYER}")
    return text


def _layer(job: FarmJob, step: Step) -> dict[str, Any]:
    words = [job.program, step.name, *(word.text(FRAMES) for word in step.words)]
    layer: dict[str, Any] = {
        "module": LAYER,
        "name": step.name,
        "range": _range(step),
        "chunk": step.size if step.chunks else 1,
        "command": [shlex.quote(word) for word in words],
        "words": words,
        "env": dict(job.environment),
        "service": "shell",
        "setshot": False,
    }
    if step.after:
        layer["require"] = [f"{step.after}:LayerOnLayer"]
    if job.needs.memory:
        layer["memory"] = f"{math.ceil(job.needs.memory * 1024)}m"
    if job.needs.gpu:
        layer["gpus"] = 1
    if job.needs.timeout:
        layer["timeout"] = math.ceil(job.needs.timeout / 60)
    return {**layer, "tags": [job.group]} if job.group else layer


def _range(step: Step) -> str:
    return ",".join(_spans(step.numbers)) if step.chunks else ALONE


def _spans(numbers: tuple[int, ...]) -> list[str]:
    """Frames in order as a Cuebot reads them: ``1001-1010``, ``1015``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return [str(first) if first == last else f"{first}-{last}" for first, last in spans]
