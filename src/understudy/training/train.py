"""THE JOB: pairs -> run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import RunError, UnderstudyError
from understudy.runs import Heartbeat, RunFolder
from understudy.settings import TrainSettings, load_settings_file, to_toml
from understudy.training.clock import Clock, process_start
from understudy.training.events import Ended, Event, Said
from understudy.training.learner import Share
from understudy.training.pictures import read_previews
from understudy.training.plan import Plan
from understudy.training.prepare import Job, make_job
from understudy.training.progress_file import Progress, load_progress
from understudy.training.session import Session

Report = Callable[[Event], None]


@dataclass(frozen=True)
class TrainResult:
    """``run`` is the run folder; ``best`` and ``newest`` are .cat files, None when no step was taken."""

    run: RunFolder
    state: str
    step: int
    best: Path | None
    newest: Path | None


def _silence(event: Event) -> None:
    """What happens to events when nobody asked for them."""


def train(
    settings: TrainSettings,
    report: Report = _silence,
    *,
    stop: Any = None,
    start: float | None = None,
    share: Share | None = None,
) -> TrainResult:
    """Learn an effect, in a new run. ``stop`` is anything that becomes true to end it after a step.

    ``start`` is when the time limit began to count, on the clock of ``time.monotonic``: the start of the
    process by default. Raises what ``make_job`` raises, or RunError, before anything is written; then
    TrainingError, or WriteError for a folder that takes nothing.
    """
    clock = Clock(settings.time_limit, process_start() if start is None else start)
    job = make_job(settings, share or Share())
    if settings.preview:
        read_previews(job)
    _plan_steps(job, settings)
    run = RunFolder.create(settings.data_directory, settings.name)
    try:
        run.settings_path.write_text(to_toml(settings.anchored()), encoding="utf-8")
    except OSError as error:
        run.discard()
        raise RunError(
            "The run folder cannot be written to.", found=str(error), where=str(run.path)
        ) from error
    session = Session(job, run, clock, report, stop, share or Share(), max_steps=_most_steps(job, settings))
    return _watch_over(session, run)


def resume(
    run: RunFolder, report: Report = _silence, *, stop: Any = None, start: float | None = None, **changes: Any
) -> TrainResult:
    """Go on with a run exactly where its progress file stands. ``changes``: epochs, max_steps, time_limit or
    devices, when it is to go on for longer or elsewhere.

    Raises RunError when it is busy or never began, ModelFileError when its progress file is damaged.
    """
    run.refuse_when_busy("resumed")
    settings = TrainSettings(**load_settings_file(run.settings_path))
    progress, tensors = _load(run)
    plan = progress.plan
    limits = {
        name: changes[name] for name in ("epochs", "max_steps", "time_limit") if changes.get(name) is not None
    }
    if progress.done and not limits:
        report(Said(f"{run.name} is finished. Give it more --epochs, --max-steps or --time-limit to go on."))
        report(Ended("finished", "it was finished already", progress.step))
        return _result(run, "finished", progress.step)
    changed = settings.replace(**{name: value for name, value in changes.items() if value is not None})
    job = _rejoin(changed if "devices" in changes else settings, plan, "devices" in changes)
    _refuse_other_pairs(run, progress, job)
    clock = Clock(limits.get("time_limit"), process_start() if start is None else start)
    if limits:
        _extend(job, progress.step, limits)
        run.settings_path.write_text(to_toml(changed.anchored()), encoding="utf-8")
    job.learner.load({name: tensor.to(job.learner.device) for name, tensor in tensors.items()})
    run.truncate_summary(progress.step)
    most = limits.get("max_steps")
    session = Session(job, run, clock, report, stop, Share(), progress.step, progress.best, most)
    return _watch_over(session, run)


def _watch_over(session: Session, run: RunFolder) -> TrainResult:
    """Run the session under its heartbeat, and say how it ended whatever happens."""
    run.clear_stop()
    if hasattr(session.stop, "watch"):
        session.stop.watch(run)
    job = session.job
    with Heartbeat(run, step=session.step, pairs=len(job.data.pairs), model_size=job.plan.size) as heartbeat:
        heartbeat.update(state="training")
        run.log(f"training from step {session.step}, {job.plan.device}, {job.plan.precision}")
        try:
            ended = session.go(heartbeat)
        except UnderstudyError as error:
            run.log(error.text)
            raise
        best = session.best
        heartbeat.update(step=ended.step, **({"best_held_out": best} if best else {}))
        heartbeat.finish(ended.state, ended.reason)
        run.log(f"{ended.state} at step {ended.step} {ended.reason}".rstrip())
    session.report(ended)
    return _result(run, ended.state, ended.step)


def _result(run: RunFolder, state: str, step: int) -> TrainResult:
    best = run.best_path if run.best_path.is_file() else run.newest()
    return TrainResult(run, state, step, best, run.newest())


def _plan_steps(job: Job, settings: TrainSettings) -> None:
    """Total Steps = Epochs x pairs / batch size, unless only the time counts."""
    most = _most_steps(job, settings)
    if most is not None and settings.time_limit is None:
        job.plan.totals.append((0, most))


def _most_steps(job: Job, settings: TrainSettings) -> int | None:
    epochs = settings.planned_epochs
    by_epochs = None if epochs is None else max(1, epochs * len(job.data.pairs) // job.plan.batch_size)
    given = [steps for steps in (settings.max_steps, by_epochs) if steps is not None]
    return min(given) if given else None


def _load(run: RunFolder) -> tuple[Progress, dict[str, Any]]:
    if not run.ost_path.is_file():
        raise RunError(
            "This run has nothing to go on from.",
            expected=run.ost_path.name,
            where=str(run.path),
            remedy="It ended before its first checkpoint: begin it again with understudy train.",
        )
    return load_progress(run.ost_path)


def _rejoin(settings: TrainSettings, plan: Plan, elsewhere: bool) -> Job:
    """The job as it was planned, on the device that was planned unless another one is asked for."""
    import torch

    from understudy.device import resolve_devices

    planned = torch.device(plan.device)
    device = resolve_devices(settings.devices)[0] if elsewhere or planned.type != "cpu" else planned
    return make_job(settings, Share(), device, plan)


def _refuse_other_pairs(run: RunFolder, progress: Progress, job: Job) -> None:
    if progress.digest != job.digest:
        raise RunError(
            "The frames of this run are not the ones that it learned from.",
            expected="the same plate and ground truth frames, unchanged",
            found="frames that were added, removed or changed since",
            where=str(run.path),
            remedy="Begin a new run on them with --initial-weights and the best .cat of this one.",
        )


def _extend(job: Job, step: int, limits: dict[str, Any]) -> None:
    """A new end for the plan; with a time limit it is found once the speed is known."""
    epochs, most = limits.get("epochs"), limits.get("max_steps")
    by_epochs = epochs and epochs * len(job.data.pairs) // job.plan.batch_size
    totals = [total for total in (by_epochs, most) if total]
    if totals:
        job.plan.totals.append((step, max(step, min(totals))))
    elif limits.get("time_limit"):
        job.plan.totals = []
