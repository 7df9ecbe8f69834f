"""/api/runs: the runs, their files, and what may be done to them."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from understudy.monitor.api.common import AppStateDep, RunName, error_responses
from understudy.monitor.jobs.processes import Job
from understudy.monitor.paths.run_files import own_file
from understudy.monitor.runs.advice import Advice
from understudy.monitor.runs.rows import RunRow
from understudy.runs import RunFolder

router = APIRouter(prefix="/api/runs", tags=["runs"])
LOG_BYTES = 40_000


class Body(BaseModel):
    """What comes in: nothing beside the fields named."""

    model_config = ConfigDict(extra="forbid")


class Rename(Body):
    name: str = Field(min_length=1, max_length=200)


class Limits(Body):
    """How long to go on: in all, counted as the command line counts it."""

    epochs: int | None = Field(default=None, ge=1, le=10**9)
    max_steps: int | None = Field(default=None, ge=1, le=10**9)
    time_limit: str | float | None = Field(default=None, examples=["10m"])


class NewRun(Body):
    """``settings`` by name, in tables as in settings.toml or without; the data directory is the monitor's
    own."""

    settings: dict[str, Any] = Field(examples=[{"input": ["plate.####.exr"], "time_limit": "10m"}])


class Export(Body):
    target: Literal["nuke", "torchscript", "onnx", "flame", "openvino"]
    output: str = Field(min_length=1, max_length=4096)


class FileEntry(BaseModel):
    name: str
    size: int


class PreviewEntry(BaseModel):
    step: int
    frame: int


class StageEntry(BaseModel):
    """A picture, counted from 1, at a stage."""

    step: int
    picture: int


class RunDetails(RunRow):
    """A run with its files. ``size`` is what deleting it would free, in bytes."""

    path: str
    size: int
    files: list[FileEntry]
    contact_sheet_steps: list[int]
    preview_list: list[PreviewEntry]
    validation_steps: list[int]
    stage_list: list[StageEntry]
    checkpoint_steps: list[int]
    has_best: bool


class RunList(BaseModel):
    """``fault``: why the data directory cannot be read; "" when it can."""

    data_directory: str
    runs: list[RunRow]
    fault: str = ""


class Message(BaseModel):
    message: str


@router.get("", responses=error_responses())
async def list_runs(app_state: AppStateDep) -> RunList:
    """Every run in the data directory, newest first."""
    await app_state.watcher.refresh()
    return RunList(
        data_directory=str(app_state.data_directory),
        runs=app_state.watcher.rows,
        fault=app_state.watcher.fault,
    )


@router.post("", status_code=202, responses=error_responses(404, 409, 415))
def start_run(app_state: AppStateDep, body: NewRun) -> Job:
    """Start a new training."""
    return app_state.commands.train(body.settings)


@router.get("/{name}", responses=error_responses(404))
def show_run(app_state: AppStateDep, name: RunName) -> RunDetails:
    """One run with its files."""
    return details(app_state, app_state.run(name))


def details(app_state: Any, run: RunFolder) -> RunDetails:
    """The details of ``run``, read from its folder."""
    files = [FileEntry(name=p.name, size=_size(p)) for p in run.own_files() if p.name[0] != "."]
    return RunDetails(
        **app_state.row(run).model_dump(),
        path=str(run.path),
        size=run.size(),
        files=files,
        contact_sheet_steps=sorted({step for step, _ in run.contact_sheets()}),
        preview_list=[
            PreviewEntry(step=step, frame=frame)
            for step, frame in sorted({(step, frame) for step, frame, _ in run.previews()})
        ],
        validation_steps=[step for step, _ in run.validation_sheets()],
        stage_list=[StageEntry(step=step, picture=picture) for step, picture, _ in run.stage_strips()],
        checkpoint_steps=[step for step, _ in run.checkpoints()],
        has_best=run.best_path.is_file(),
    )


def _size(path: Any) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


@router.patch("/{name}", responses=error_responses(404, 409, 415))
def rename_run(app_state: AppStateDep, name: RunName, body: Rename) -> RunRow:
    """Rename a run and every file in it."""
    run = app_state.run(name)
    run.rename(body.name)
    return app_state.row(run)


@router.delete("/{name}", responses=error_responses(404, 409))
def delete_run(app_state: AppStateDep, name: RunName) -> Message:
    """Delete the run's files for good; files in its folder that are not its own stay."""
    freed = app_state.run(name).delete()
    return Message(message=f"Deleted {name}: {freed} bytes freed.")


@router.get("/{name}/files/{file}", response_class=FileResponse, responses=error_responses(404))
def download(app_state: AppStateDep, name: RunName, file: str) -> FileResponse:
    """One file of the run, as it is."""
    path = own_file(app_state.run(name), file)
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")


@router.get("/{name}/settings", responses=error_responses(404))
def run_settings(app_state: AppStateDep, name: RunName) -> dict[str, Any]:
    """What the run was trained with, to be changed and started again."""
    return app_state.commands.settings_of_run(app_state.run(name))


@router.get("/{name}/log", responses=error_responses(404))
def run_log(app_state: AppStateDep, name: RunName) -> Message:
    """The end of run.log."""
    path = own_file(app_state.run(name), "run.log")
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - LOG_BYTES))
        return Message(message=file.read(LOG_BYTES).decode("utf-8", "replace"))


@router.get("/{name}/advice", responses=error_responses(404))
def run_advice(app_state: AppStateDep, name: RunName) -> list[Advice]:
    """Advice from the curve, the scores and the pairs of the run."""
    return app_state.advice(app_state.run(name))


@router.post("/{name}/stop", status_code=202, responses=error_responses(404, 409, 415))
def stop_run(app_state: AppStateDep, name: RunName) -> Message:
    """Ask the run to stop after its step and keep everything."""
    app_state.commands.stop(app_state.run(name))
    return Message(message=f"{name} stops after its step.")


@router.post("/{name}/resume", status_code=202, responses=error_responses(404, 409, 415))
def resume_run(app_state: AppStateDep, name: RunName, body: Limits | None = None) -> Job:
    """Go on exactly where the run stopped."""
    return app_state.commands.resume(app_state.run(name), **(body.model_dump() if body else {}))


@router.post("/{name}/limits", status_code=202, responses=error_responses(404, 409, 415))
def change_limits(app_state: AppStateDep, name: RunName, body: Limits) -> Message:
    """Give a run that trains another limit: it stops after its step and goes on with the new one."""
    app_state.commands.change_limits(app_state.run(name), **body.model_dump())
    return Message(message=f"{name} goes on with the new limit after its step.")


@router.post("/{name}/export", status_code=202, responses=error_responses(404, 409, 415))
def export_run(app_state: AppStateDep, name: RunName, body: Export) -> Job:
    """Make files that other programs load, from the run's best checkpoint."""
    return app_state.commands.export(app_state.run(name), body.target, body.output)
