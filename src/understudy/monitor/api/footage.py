"""/api/footage and /api/settings: what the forms need before anything starts."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from understudy.frames import format_numbers
from understudy.monitor.api.common import AppStateDep, error_responses
from understudy.monitor.api.runs import NewRun
from understudy.monitor.pairs.report import PairsReport
from understudy.monitor.paths.completion import Completion, PathKind, complete
from understudy.settings import ApplySettings, Settings, TrainSettings, settings_of

router = APIRouter(tags=["footage"])
MODELS: dict[str, type[Settings]] = {"train": TrainSettings, "apply": ApplySettings}


class ShotResponse(BaseModel):
    """A shot. ``frames`` is a range such as 1001-1100; ``numbers`` lists them, at most 20,000."""

    spec: str
    frames: str
    missing: str
    numbers: list[int]
    frame_rate: float | None
    is_movie: bool
    is_still: bool


class Folders(BaseModel):
    data_directory: str
    footage: list[str]


@router.get("/api/folders", responses=error_responses())
def folders(app_state: AppStateDep) -> Folders:
    """The folders that may be read."""
    return Folders(
        data_directory=str(app_state.data_directory),
        footage=[str(root) for root in app_state.allowed.roots[1:]],
    )


@router.get("/api/settings/{job}", responses=error_responses())
def settings_info(job: Literal["train", "apply"]) -> list[dict[str, Any]]:
    """Every setting of a job: name, label, help, kind, default, range, unit."""
    return [dataclasses.asdict(info) | {"expected": info.expected} for info in settings_of(MODELS[job])]


@router.get("/api/footage/complete", responses=error_responses(404))
def completions(
    app_state: AppStateDep,
    text: Annotated[str, Query(max_length=4096)] = "",
    wanted: PathKind = "shot",
) -> list[Completion]:
    """What a path that somebody types could become."""
    return complete(app_state.allowed, text, wanted)


@router.get("/api/footage/shot", responses=error_responses(404))
def shot(app_state: AppStateDep, spec: Annotated[str, Query(min_length=1, max_length=4096)]) -> ShotResponse:
    """The frames of a shot."""
    with app_state.allowed.shot(spec) as found:
        rate = found.frame_rate
        return ShotResponse(
            spec=found.spec,
            frames=format_numbers(found.numbers),
            missing=format_numbers(found.missing) if found.missing else "",
            numbers=list(found.numbers[:20_000]),
            frame_rate=float(rate) if rate else None,
            is_movie=found.is_movie,
            is_still=found.is_still,
        )


@router.post("/api/pairs", responses=error_responses(404, 409, 415))
def pairs(app_state: AppStateDep, body: NewRun) -> PairsReport:
    """What a training with these settings would learn from, and for how long; nothing is started."""
    return app_state.pairs(app_state.commands.train_settings(body.settings))
