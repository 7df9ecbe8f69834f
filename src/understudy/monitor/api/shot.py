"""/api/runs/{name}/shot and its frames as PNG: what the tab Correct shows."""

from __future__ import annotations

import asyncio
import math
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from understudy.colour.overlay import legend
from understudy.errors import UnderstudyError
from understudy.models.channels import mattes_of
from understudy.models.description import ModelDescription
from understudy.models.opening import describe
from understudy.monitor.api.common import (
    PNG,
    AppStateDep,
    FrameNumber,
    RunName,
    ShotIndex,
    ViewerQuery,
    error_responses,
)
from understudy.monitor.app_state import AppState
from understudy.monitor.images.rendering import ViewerSettings
from understudy.monitor.shot.pictures import FramePart, FramePicture
from understudy.monitor.shot.run_shot import RunShot, newest_checkpoint

router = APIRouter(prefix="/api/runs", tags=["shot"])
Width = Annotated[int, Query(ge=0, le=16384, description="At most so many pixels wide; 0: as it is.")]
Cache = Annotated[
    str, Query(max_length=80, description="Any text: another one keeps the browser from its cache.")
]
Matte = Annotated[
    str,
    Query(max_length=200, description="Of several mattes this one; none: all, in colours over the plate."),
]


class MatteColour(BaseModel):
    """One of several mattes, and the colour that it is shown in, such as #eb4637."""

    name: str
    colour: str


class RunShotResponse(BaseModel):
    """One of the shots that a run works on, ``shot`` of ``shots``. ``painted``: frames with a ground truth;
    ``corrected``: with corrections that count. ``checkpoint``: the step of the network that results are made
    with, and ``checkpoint_tag`` what changes with its file; None and "" without one, and ``kind`` is then a
    guess. ``mattes``: the names and colours of several mattes; none of anything else."""

    plate: str
    shot: int
    shots: list[str]
    kind: Literal["matte", "image"]
    width: int
    height: int
    frames: list[int]
    painted: list[int]
    corrected: list[int]
    checkpoint: int | None
    checkpoint_tag: str = ""
    mattes: list[MatteColour] = []


@router.get("/{name}/shot", responses=error_responses(404, 409))
def run_shot(app_state: AppStateDep, name: RunName, index: ShotIndex = 0) -> RunShotResponse:
    """The frames of a plate of the run, and which of them were painted."""
    run = app_state.run(name)
    shot = app_state.shots.of(run, index)
    width, height = app_state.shots.size(shot)
    checkpoint, model = newest_checkpoint(run), _model(shot)
    return RunShotResponse(
        plate=shot.plate.spec,
        shot=index,
        shots=list(shot.settings.data.input),
        kind="matte" if model is not None and model.kind == "matte" else "image",
        width=width,
        height=height,
        frames=list(shot.plate.numbers),
        painted=sorted(shot.truth_of),
        corrected=shot.corrected,
        checkpoint=checkpoint.step if checkpoint else None,
        checkpoint_tag=str(checkpoint.stamp[1]) if checkpoint else "",
        mattes=[MatteColour(**each) for each in legend(mattes_of(model) if model else ())],
    )


def _model(shot: RunShot) -> ModelDescription | None:
    checkpoint = newest_checkpoint(shot.run)
    try:
        return describe(checkpoint.path) if checkpoint else None
    except (UnderstudyError, OSError):
        return None


@router.get("/{name}/frames/{number}/{part}.png", **PNG)
async def frame_picture(
    app_state: AppStateDep,
    request: Request,
    name: RunName,
    number: FrameNumber,
    part: FramePart,
    view: ViewerQuery,
    index: ShotIndex = 0,
    width: Width = 0,
    checkpoint: Cache = "",
    matte: Matte = "",
) -> Response:
    """A frame: its plate; the result of the newest network; how far that is from what was painted, or from
    the plate; what was painted. Results are computed one at a time, the one requested last first."""
    shown = view, width, matte
    wanted = await run_in_threadpool(_prepare, app_state, (name, index), number, part, shown)
    return await respond(wanted, request)


async def respond(wanted: FramePicture, request: Request) -> Response:
    """The picture, once what it needs is computed, or 304 when the browser has it already."""
    headers = {"etag": f'"{wanted.tag}"', "cache-control": "private, no-cache"}
    if wanted.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    found = None
    if wanted.result is not None:
        future = await run_in_threadpool(wanted.result)
        # Shielded: others may wait for the same result.
        found = await asyncio.shield(asyncio.wrap_future(future))
    data = await run_in_threadpool(wanted.render, found)
    return Response(data, media_type="image/png", headers=headers)


def _prepare(
    app_state: AppState,
    which: tuple[str, int],
    number: int,
    part: FramePart,
    shown: tuple[ViewerSettings, int, str],
) -> FramePicture:
    view, width, matte = shown
    shot = app_state.shots.of(app_state.run(which[0]), which[1])
    if width:
        wide, high = app_state.shots.size(shot)
        longest = math.ceil(max(wide, high) * width / max(wide, 1))
        view = ViewerSettings(view.exposure, view.gamma, view.gain, longest)
    return app_state.frame_pictures.prepare(shot, number, part, view, matte)
