"""The .ost: everything that going on with a run needs, in one safe file.

Safetensors like the .cat: weights, their average and the optimiser's state as tensors, the step, the plan and
the best score as JSON. Random numbers need no place in it: they are a function of seed, step and sample.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from understudy.errors import ModelFileError
from understudy.network.model_file import read_metadata, read_tensors, write_tensors
from understudy.runs.state import BestHeldOut
from understudy.training.plan import UNKNOWN, Plan

FORMAT = "understudy.ost"
VERSION = 1
KEY = "understudy"


class Progress(BaseModel):
    """Where a run stands. ``digest`` tells the pairs and settings that it learned from."""

    model_config = ConfigDict(extra="ignore")

    format: str = FORMAT
    version: int = VERSION
    step: int = Field(ge=0, lt=UNKNOWN)
    plan: Plan
    best: BestHeldOut | None = None
    digest: str = ""
    done: bool = False


def save_progress(path: Path, progress: Progress, tensors: dict[str, Any]) -> None:
    """Write the .ost, whole or not at all. WriteError when it cannot be."""
    write_tensors(path, tensors, {KEY: progress.model_dump_json()})


def load_progress(path: Path) -> tuple[Progress, dict[str, Any]]:
    """What ``save_progress`` wrote. ModelFileError when it is missing or damaged."""
    progress = read_progress(path)
    try:
        return progress, read_tensors(path)
    except ModelFileError as error:
        raise _unusable(path, error.found or "a file of another kind") from error


def read_progress(path: Path) -> Progress:
    """What ``load_progress`` gives, without the tensors. ModelFileError when it is missing or damaged."""
    try:
        progress = Progress.model_validate_json(read_metadata(path)[KEY])
        if progress.format == FORMAT and progress.version <= VERSION:
            return progress
        found = f"{progress.format} version {progress.version}"
    except (KeyError, ValidationError, ModelFileError) as error:
        raise _unusable(path, getattr(error, "found", "") or "a file of another kind") from error
    raise _unusable(path, found)


def check_fits(path: Path, tensors: dict[str, Any], wanted: dict[str, Any]) -> None:
    """ModelFileError when ``tensors`` are not, by name, shape and type, what the run needs, or no numbers."""
    if set(tensors) != set(wanted):
        raise _unusable(path, "tensors of another network")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape or tensor.dtype != wanted[name].dtype:
            raise _unusable(path, "tensors of another network")
        if not tensor.isfinite().all():
            raise _unusable(path, "weights that are not numbers (NaN or Inf)")


def _unusable(path: Path, found: str) -> ModelFileError:
    return ModelFileError(
        "The progress file of this run cannot be used.",
        expected=f"an .ost of version {VERSION} or older, whole, as understudy train writes it",
        found=found,
        where=str(path),
        remedy="Begin a new run with --initial-weights and the newest .cat of this one.",
    )
