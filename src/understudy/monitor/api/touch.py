"""/api/touch: the last touch on results of any network over any plate, before they are written."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from understudy.errors import SettingError
from understudy.monitor.api.common import PNG, AppStateDep, ViewerQuery, error_responses
from understudy.monitor.api.shot import respond
from understudy.monitor.shot.last_touch import TouchSource, TouchView
from understudy.settings import FinishingSettings

router = APIRouter(prefix="/api/touch", tags=["last touch"])
Text = Annotated[str, Query(min_length=1, max_length=4096)]
Optional = Annotated[str | None, Query(max_length=4096)]
Extra = Annotated[list[str], Query(max_length=16, description="As of apply.")]
Told = Annotated[str, Query(max_length=4096)]
Number = Annotated[int, Query(ge=-(10**12), le=10**12)]
Touch = Annotated[
    str, Query(max_length=2000, description='The last touch as a JSON object, such as {"grow": 0.5}.')
]


class TakenOver(BaseModel):
    """``settings`` of apply, by name, that a result was made with; ``notes`` are sentences on them."""

    settings: dict[str, Any]
    notes: list[str]


@router.get("/frame.png", **PNG)
async def touched_frame(
    app_state: AppStateDep,
    request: Request,
    model: Text,
    plate: Text,
    number: Number,
    view: ViewerQuery,
    how: TouchView = "result",
    touch: Touch = "{}",
    part: Optional = None,
    channels: Optional = None,
    extra: Extra = [],  # noqa: B006  (a default of FastAPI's)
    points: Told = "",
    box: Told = "",
) -> Response:
    """A frame's plate, the network's result with the last touch, or, of a matte, the plate with it laid over,
    or through it over black, a checkerboard or white. ``points`` and ``box`` as of apply."""
    source = TouchSource(model, plate, part or None, tuple(extra), channels or None, points, box)
    asked = _parse(touch)
    wanted = await run_in_threadpool(app_state.last_touch.prepare, source, number, asked, how, view)
    return await respond(wanted, request)


@router.get("/like", responses=error_responses(404))
def like(app_state: AppStateDep, result: Text) -> TakenOver:
    """How a result of apply was made."""
    from understudy.inference.like import how_made

    settings, notes = how_made(app_state.allowed.spec(result))
    return TakenOver(settings=settings, notes=list(notes))


def _parse(text: str) -> FinishingSettings:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise SettingError("This is no last touch.", expected="a JSON object", found=text[:80], where="touch")
    return FinishingSettings(**said)
