"""Contact sheets, previews and footage as PNG."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from understudy.monitor.api.common import PNG, FrameNumber, RunName, Step, TheHouse, TheLook, picture
from understudy.monitor.images.gallery import PreviewPart, SheetPart

router = APIRouter(tags=["pictures"])
Spec = Annotated[str, Query(min_length=1, max_length=4096, description="A pattern, folder, file or movie.")]
Number = Annotated[int, Query(ge=-(10**12), le=10**12)]


@router.get("/api/runs/{name}/contact-sheets/{step}", **PNG)
def contact_sheet(
    house: TheHouse, request: Request, name: RunName, step: Step, look: TheLook, part: SheetPart = "sheet"
) -> Response:
    """The contact sheet of a step, one of its columns, or how far output and ground truth differ."""
    return picture(house.gallery.contact_sheet(house.run(name), step, part, look), request)


@router.get("/api/runs/{name}/previews/{step}/{frame}", **PNG)
def preview(
    house: TheHouse,
    request: Request,
    name: RunName,
    step: Step,
    frame: FrameNumber,
    look: TheLook,
    part: PreviewPart = "output",
) -> Response:
    """A preview, the plate it was made from, or how far they differ."""
    return picture(house.gallery.preview(house.run(name), step, frame, part, look), request)


@router.get("/api/footage/frame", **PNG)
def footage_frame(
    house: TheHouse, request: Request, spec: Spec, look: TheLook, number: Number | None = None
) -> Response:
    """One frame of a shot; without a number its first."""
    return picture(house.gallery.footage(spec, number, look), request)


@router.get("/api/footage/difference", **PNG)
def footage_difference(
    house: TheHouse,
    request: Request,
    spec: Spec,
    number: Number,
    other: Spec,
    other_number: Number,
    look: TheLook,
) -> Response:
    """How far a frame of one shot is from a frame of another."""
    return picture(house.gallery.difference((spec, number), (other, other_number), look), request)
