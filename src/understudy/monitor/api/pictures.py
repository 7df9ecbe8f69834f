"""Contact sheets, previews and footage as PNG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from understudy.monitor.api.common import (
    PNG,
    AppStateDep,
    FrameNumber,
    RunName,
    Step,
    ViewerQuery,
    png_response,
)
from understudy.monitor.images.gallery import Gallery, LazyPng, PreviewPart, SheetPart, StagePart
from understudy.monitor.images.rendering import ViewerSettings
from understudy.runs import RunFolder

router = APIRouter(tags=["pictures"])
Spec = Annotated[str, Query(min_length=1, max_length=4096, description="A pattern, folder, file or movie.")]
Number = Annotated[int, Query(ge=-(10**12), le=10**12)]


@dataclass(frozen=True)
class OfRun:
    """What every picture of a run is made from, and how it is looked at."""

    gallery: Gallery
    run: RunFolder
    view: ViewerSettings
    request: Request

    def send(self, png: LazyPng) -> Response:
        return png_response(png, self.request)


def of_run(app_state: AppStateDep, request: Request, name: RunName, view: ViewerQuery) -> OfRun:
    return OfRun(app_state.gallery, app_state.run(name), view, request)


OfRunDep = Annotated[OfRun, Depends(of_run)]


@router.get("/api/runs/{name}/contact-sheets/{step}", **PNG)
def contact_sheet(of: OfRunDep, step: Step, part: SheetPart = "sheet") -> Response:
    """The contact sheet of a step, one of its columns, or how far output and ground truth differ."""
    return of.send(of.gallery.contact_sheet(of.run, step, part, of.view))


@router.get("/api/runs/{name}/previews/{step}/{frame}", **PNG)
def preview(of: OfRunDep, step: Step, frame: FrameNumber, part: PreviewPart = "output") -> Response:
    """A preview, the plate it was made from, or how far they differ."""
    return of.send(of.gallery.preview(of.run, step, frame, part, of.view))


@router.get("/api/runs/{name}/validation-sheets/{step}", **PNG)
def validation_sheet(of: OfRunDep, step: Step, part: SheetPart = "sheet") -> Response:
    """What is made of validation pictures at a step: all, one column, or how far output and truth differ."""
    return of.send(of.gallery.validation_sheet(of.run, step, part, of.view))


@router.get("/api/runs/{name}/stages/{step}", **PNG)
def stage_sheet(of: OfRunDep, step: Step) -> Response:
    """The sheet of all stages up to a step."""
    return of.send(of.gallery.stage_sheet(of.run, step, of.view))


@router.get("/api/runs/{name}/stages/{step}/{picture}", **PNG)
def stage(
    of: OfRunDep, step: Step, picture: Annotated[int, Path(ge=1, le=9999)], part: StagePart = "result"
) -> Response:
    """One picture at a stage: as it is, its result (a matte's on black), and the matte or the change."""
    return of.send(of.gallery.stage(of.run, step, picture, part, of.view))


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
