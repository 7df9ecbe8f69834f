"""Contact sheets, previews and footage as PNG."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from understudy.monitor.api.common import (
    PNG,
    AppStateDep,
    FrameNumber,
    RunName,
    Step,
    ViewerQuery,
    png_response,
)
from understudy.monitor.images.gallery import PreviewPart, SheetPart

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
