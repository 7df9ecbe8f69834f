"""Contact sheets, previews and footage as PNG."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from understudy.monitor.api.common import (
    PNG,
    AppStateDep,
    FrameNumber,
    RunName,
    Step,
    ViewerQuery,
    png_response,
)
from understudy.monitor.images.gallery import PreviewPart, SheetPart, StagePart

router = APIRouter(tags=["pictures"])
Spec = Annotated[str, Query(min_length=1, max_length=4096, description="A pattern, folder, file or movie.")]
Number = Annotated[int, Query(ge=-(10**12), le=10**12)]


@router.get("/api/runs/{name}/contact-sheets/{step}", **PNG)
def contact_sheet(
    app_state: AppStateDep,
    request: Request,
    name: RunName,
    step: Step,
    view: ViewerQuery,
    part: SheetPart = "sheet",
) -> Response:
    """The contact sheet of a step, one of its columns, or how far output and ground truth differ."""
    return png_response(app_state.gallery.contact_sheet(app_state.run(name), step, part, view), request)


@router.get("/api/runs/{name}/previews/{step}/{frame}", **PNG)
def preview(
    app_state: AppStateDep,
    request: Request,
    name: RunName,
    step: Step,
    frame: FrameNumber,
    view: ViewerQuery,
    part: PreviewPart = "output",
) -> Response:
    """A preview, the plate it was made from, or how far they differ."""
    return png_response(app_state.gallery.preview(app_state.run(name), step, frame, part, view), request)


@router.get("/api/runs/{name}/validation-sheets/{step}", **PNG)
def validation_sheet(
    app_state: AppStateDep,
    request: Request,
    name: RunName,
    step: Step,
    view: ViewerQuery,
    part: SheetPart = "sheet",
) -> Response:
    """What is made of validation pictures at a step: all, one column, or how far output and truth differ."""
    return png_response(app_state.gallery.validation_sheet(app_state.run(name), step, part, view), request)


@router.get("/api/runs/{name}/stages/{step}", **PNG)
def stage_sheet(
    app_state: AppStateDep, request: Request, name: RunName, step: Step, view: ViewerQuery
) -> Response:
    """The sheet of all stages up to a step."""
    return png_response(app_state.gallery.stage_sheet(app_state.run(name), step, view), request)


@router.get("/api/runs/{name}/stages/{step}/{picture}", **PNG)
def stage(
    app_state: AppStateDep,
    request: Request,
    name: RunName,
    step: Step,
    picture: Annotated[int, Path(ge=1, le=9999)],
    view: ViewerQuery,
    part: StagePart = "result",
) -> Response:
    """One picture at a stage: as it is, its result (a matte's on black), and the matte or the change."""
    return png_response(app_state.gallery.stage(app_state.run(name), step, picture, part, view), request)


@router.get("/api/footage/frame", **PNG)
def footage_frame(
    app_state: AppStateDep, request: Request, spec: Spec, view: ViewerQuery, number: Number | None = None
) -> Response:
    """One frame of a shot; without a number its first."""
    return png_response(app_state.gallery.footage(spec, number, view), request)


@router.get("/api/footage/difference", **PNG)
def footage_difference(
    app_state: AppStateDep,
    request: Request,
    spec: Spec,
    number: Number,
    other: Spec,
    other_number: Number,
    view: ViewerQuery,
) -> Response:
    """How far a frame of one shot is from a frame of another."""
    return png_response(app_state.gallery.difference((spec, number), (other, other_number), view), request)
