"""/api/runs/{name}/corrections and suggestions: what an artist says to a run, and what it asks for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi import Path as InPath
from pydantic import BaseModel, Field

from understudy.artist.strokes.document import MOST_DOCUMENTS, StrokesDocument, read_documents
from understudy.monitor.api.common import AppStateDep, RunName, ShotIndex, error_responses
from understudy.monitor.api.runs import Body
from understudy.monitor.jobs.processes import Job
from understudy.runs.corrections import Correction, read_corrections

router = APIRouter(prefix="/api/runs", tags=["corrections"])
CorrectionId = Annotated[str, InPath(pattern=r"^\d{1,4}$", description="Such as 0001.")]
Range = Annotated[str, Field(max_length=10_000, examples=["1001-1010,1020"])]


class CorrectionEntry(BaseModel):
    """A correction of the shot ``shot`` of the run. ``time``: when it was made, as ISO 8601; ``changed``: the
    share of the frames' pixels that it says something of."""

    id: str
    kind: str
    frames: list[int]
    author: str
    time: str
    undone: bool
    changed: float
    shot: int


class NewCorrections(Body):
    """``strokes``: documents of one frame each; ``accept``: frames whose result is right as it is; ``empty``:
    frames with nothing to matte, or nothing to change."""

    strokes: list[StrokesDocument] = Field(default=[], max_length=MOST_DOCUMENTS)
    accept: Range = ""
    empty: Range = ""
    shot: Annotated[int, Field(ge=0, le=10_000, description="Which of the run's shots they are of.")] = 0


class CorrectionJob(BaseModel):
    """``ids``: the corrections that are kept in the run by now. ``job`` teaches them; None where a process
    that was not started here trains the run, or keeps it open, already: it takes them up."""

    ids: list[str]
    job: Job | None


class Teacher(BaseModel):
    """``job``: the process that was started to keep the run open; None where one does already, the run is
    being trained, or has not learned anything yet."""

    job: Job | None


@router.get("/{name}/corrections", responses=error_responses(404, 409))
def list_corrections(app_state: AppStateDep, name: RunName) -> list[CorrectionEntry]:
    """Every correction of the run, in the order in which they were made, those that are undone too."""
    return [_entry(each) for each in read_corrections(app_state.run(name).path)]


@router.post("/{name}/corrections", status_code=202, responses=error_responses(404, 409, 415))
def correct_run(app_state: AppStateDep, name: RunName, body: NewCorrections) -> CorrectionJob:
    """Correct the run: strokes are laid over the newest results, in floats, and taught at once."""
    documents = read_documents(body.strokes)
    said = body.accept, body.empty
    ids, job = app_state.corrections.start(app_state.run(name), documents, *said, body.shot)
    return CorrectionJob(ids=ids, job=job)


@router.post("/{name}/teacher", status_code=202, responses=error_responses(404, 409))
def keep_open(app_state: AppStateDep, name: RunName) -> Teacher:
    """Somebody paints: let a process read the run and wait for what is saved, which it then learns at once.
    Without corrections it ends after ten minutes. It claims nothing: others may use the run."""
    return Teacher(job=app_state.corrections.open(app_state.run(name)))


@router.delete("/{name}/corrections/{correction}", status_code=202, responses=error_responses(404, 409))
def undo_correction(app_state: AppStateDep, name: RunName, correction: CorrectionId) -> CorrectionJob:
    """Take a correction back; the run goes on from before it."""
    return CorrectionJob(ids=[], job=app_state.corrections.undo(app_state.run(name), int(correction)))


@router.get(
    "/{name}/suggestions",
    responses={202: {"description": "They are being made: ask again."}, **error_responses(404, 409)},
)
def suggestions(
    app_state: AppStateDep, name: RunName, response: Response, index: ShotIndex = 0
) -> dict[str, Any]:
    """Which frames would teach the run most, as ``understudy suggest --json`` says: ``frames``, the best
    first, ``all`` in order, ``cuts``. 202 and an empty object while they are being made."""
    found = app_state.suggestions.of(app_state.shots.of(app_state.run(name), index))
    if found is None:
        response.status_code = 202
        return {}
    return found


def _entry(correction: Correction) -> CorrectionEntry:
    made = datetime.fromtimestamp(min(max(correction.time, 0.0), 4e9)).astimezone()
    return CorrectionEntry(
        id=f"{correction.id:04}",
        kind=correction.kind,
        frames=list(correction.frames),
        author=correction.author,
        time=made.isoformat(timespec="seconds"),
        undone=correction.undone,
        changed=correction.changed,
        shot=correction.plate,
    )
