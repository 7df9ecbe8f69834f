"""/api/jobs, /api/apply and /api/farm: the processes that the monitor has started, and jobs for farms."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as InPath
from pydantic import Field

from understudy.monitor.api.common import AppStateDep, error_responses
from understudy.monitor.api.runs import Body
from understudy.monitor.jobs.farm import SentFarmJob, What, send
from understudy.monitor.jobs.processes import Job

router = APIRouter(tags=["jobs"])
JobName = Annotated[str, InPath(min_length=1, max_length=80)]


class Apply(Body):
    """``settings`` by name: at least model (a run's folder or a .cat), plate and output."""

    settings: dict[str, Any] = Field(
        examples=[{"model": "runs/sky", "plate": "p.####.exr", "output": "out/"}]
    )


class FarmJobBody(Body):
    """``settings`` as of apply, or of a new run; ``farm``: ``to``, and the other options of
    ``understudy farm``."""

    what: What
    settings: dict[str, Any] = Field(examples=[{"model": "runs/sky", "plate": "p.####.exr"}])
    farm: dict[str, Any] = Field(examples=[{"to": "openjd", "frames_per_task": 10}])


@router.get("/api/jobs", responses=error_responses())
def list_jobs(app_state: AppStateDep) -> list[Job]:
    """Every job that was started from here, newest first."""
    return app_state.jobs.all()


@router.get("/api/jobs/{job}", responses=error_responses(404))
def show_job(app_state: AppStateDep, job: JobName) -> Job:
    """How one job is doing."""
    return app_state.jobs.get(job)


@router.post("/api/jobs/{job}/stop", status_code=202, responses=error_responses(404, 409, 415))
def stop_job(app_state: AppStateDep, job: JobName) -> Job:
    """Ask a job to stop after the frame or step that it is at."""
    return app_state.jobs.stop(job)


@router.post("/api/apply", status_code=202, responses=error_responses(404, 409, 415))
def apply(app_state: AppStateDep, body: Apply) -> Job:
    """Apply a trained network to a plate."""
    return app_state.commands.apply(body.settings)


@router.post("/api/farm", status_code=201, responses=error_responses(404, 409, 415))
def farm(app_state: AppStateDep, body: FarmJobBody) -> SentFarmJob:
    """Write a job for a render farm, and hand it over where ``submit`` is among its options."""
    return send(app_state.commands, body.what, body.settings, body.farm)
