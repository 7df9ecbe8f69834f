"""The .ost: everything that going on with a run needs, in one safe file.

Safetensors like the .cat: weights, their average and the optimiser's state as tensors, the step, the plan and
the best verdict as JSON. Random numbers need no place in it: they are a function of seed, step and sample.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from understudy.errors import ModelFileError
from understudy.network.model_file import read_metadata, read_tensors, write_tensors
from understudy.runs.state import BestHeldOut
from understudy.training.plan import Plan

FORMAT = "understudy.ost"
KEY = "understudy"


class Progress(BaseModel):
    """Where a run stands. ``digest`` tells the pairs and settings that it learned from."""

    model_config = ConfigDict(extra="ignore")

    format: str = FORMAT
    version: int = 1
    step: int
    plan: Plan
    best: BestHeldOut | None = None
    digest: str = ""
    done: bool = False


def save_progress(path: Path, progress: Progress, tensors: dict[str, Any]) -> None:
    """Write the .ost, whole or not at all. WriteError when it cannot be."""
    write_tensors(path, tensors, {KEY: progress.model_dump_json()})


def load_progress(path: Path) -> tuple[Progress, dict[str, Any]]:
    """What ``save_progress`` wrote. ModelFileError when it is missing or damaged."""
    try:
        progress = Progress.model_validate_json(read_metadata(path)[KEY])
    except (KeyError, ValidationError) as error:
        raise ModelFileError(
            "The progress file of this run cannot be used.",
            expected="an .ost that understudy train wrote",
            found="a file of another kind, or a damaged one",
            where=str(path),
            remedy="Begin a new run with --initial-weights and the newest .cat of this one.",
        ) from error
    return progress, read_tensors(path)
