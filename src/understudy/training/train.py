"""THE JOB: pairs -> run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from understudy.device import core_count, release_memory
from understudy.errors import RunError, UnderstudyError, WriteError
from understudy.runs import Heartbeat, RunFolder, write_atomically
from understudy.runs.asked import settings_of_run
from understudy.runs.files import remove_leftovers
from understudy.settings import NO_WEIGHTS, ScheduleSettings, TrainSettings, to_toml
from understudy.training.checkpoints.progress_file import Progress, check_fits, load_progress
from understudy.training.checkpoints.writer import CheckpointWriter
from understudy.training.clock import Clock, process_start
from understudy.training.distributed.launch import reporting_refusals, shard_for
from understudy.training.distributed.lost_worker import Stopped
from understudy.training.distributed.role import is_worker
from understudy.training.distributed.shard import Shard
from understudy.training.distributed.worker import work
from understudy.training.events import Ended, Event, Message
from understudy.training.loop import TrainingLoop
from understudy.training.pictures import read_previews
from understudy.training.plan import UNKNOWN
from understudy.training.prepare import Job, make_job
from understudy.training.run_logger import RunLogger
from understudy.training.stages import check_stage_pictures
from understudy.training.stamp import Stamp, check_stamp, stamp_of
from understudy.training.teaching.due import has_to_be_taught

Report = Callable[[Event], None]
FIT = ("low", "high", "fit_weights")
LEFT_SECONDS = 10.0  # younger files may be this process's own


@dataclass(frozen=True)
class TrainResult:
    """``run`` is the run folder; ``best`` and ``newest`` are .cat files, None when no step was taken, or in a
    worker (``rank`` above 0), which writes nothing."""

    run: RunFolder
    state: str
    step: int
    best: Path | None
    newest: Path | None
    rank: int = 0


def silence(event: Event) -> None:
    """The default of ``report``: discard the event."""


def train(
    settings: TrainSettings, report: Report = silence, *, stop: Any = None, start: float | None = None
) -> TrainResult:
    """Learn an effect, in a new run. ``stop`` is anything that becomes true to end it after a step.

    ``start`` is when the time limit began to count, on the clock of ``time.monotonic``: the start of the
    process by default. Raises what ``make_job`` raises, or RunError, before anything is written; then
    TrainingError, or WriteError for a folder that takes nothing.
    """
    if is_worker():
        return _work(settings, report, stop)
    clock = Clock(settings.schedule.time_limit, process_start() if start is None else start)
    with shard_for(settings.devices, settings.schedule.batch_size, stop) as shard:
        job = make_job(settings, shard)
        if settings.preview.preview:
            deque(read_previews(job), maxlen=0)  # what cannot be read is said before the start
        check_stage_pictures(job)
        release_memory(job.learner.device)
        most = _plan_steps(job, settings.schedule)
        run = RunFolder.create(settings.run.data_directory, settings.run.name, to_toml(settings.anchored()))
        logger = RunLogger(run, report)
        loop = TrainingLoop(job, run, clock, logger, stop, shard, max_steps=most)
        try:
            return watch_over(loop, logger, None)
        except BaseException as error:
            if loop.begun:
                raise
            run.discard()
            if isinstance(error, WriteError):
                raise RunError(
                    error.message, found=error.found, where=error.where, remedy=error.remedy
                ) from error
            raise


def resume(
    run: RunFolder, report: Report = silence, *, stop: Any = None, start: float | None = None, **changes: Any
) -> TrainResult:
    """Go on with a run exactly where its progress file stands; from its first step when it has none yet.
    ``changes``: epochs, max_steps, time_limit or devices, when it is to go on for longer or elsewhere.

    Raises RunError when it is busy or its frames have changed, ModelFileError when its progress file is
    damaged.
    """
    settings = settings_of_run(run)
    changes = {name: value for name, value in changes.items() if value is not None}
    changed = settings.replace(**changes)
    if is_worker():
        return _work(changed, report, stop)
    with reporting_refusals():
        run.refuse_when_busy("resumed")
        stamp = stamp_of(run)
        found = load_run(run)
    progress = found[0] if found else None
    limits = {name: value for name, value in changes.items() if name != "devices"}
    if progress and progress.done and not limits and not has_to_be_taught(run, progress.plan.lesson):
        with shard_for(changed.devices, 1, stop):
            report(Message(f"{run.name} is finished: --epochs, --max-steps or --time-limit makes it go on."))
            report(Ended("finished", "it was finished already", progress.step))
            return result_of(run, "finished", progress.step)
    clock = Clock(changed.schedule.time_limit, process_start() if start is None else start)
    batch = progress.plan.batch_size if progress else changed.schedule.batch_size
    with shard_for(changed.devices, batch, stop) as shard:
        job = rejoin(changed, progress, shard, "devices" in changes)
        release_memory(job.learner.device)
        step, best, most = 0, None, None
        if found is None:
            most = _plan_steps(job, changed.schedule)
        else:
            step, best = found[0].step, found[0].best
            take_over(run, job, *found)
            most = _extend(job, step, limits)
            decided = job.plan.totals and job.plan.timed
            clock.limit = limits.get("time_limit", None if decided else changed.schedule.time_limit)
            rejoin_lesson(job, clock, step, limits)
        if limits:
            check_stamp(run, stamp)
            _write_limits(run, changed, job, found[0] if found else None)
            stamp = stamp_of(run)
        logger = RunLogger(run, report)
        if job.plan.total_steps <= step:
            logger.message(f"{run.name} has taken {step} steps already: there is nothing to add.")
        loop = TrainingLoop(job, run, clock, logger, stop, shard, step, best, most)
        loop.rejoin_lesson()
        return watch_over(loop, logger, stamp)


def rejoin_lesson(job: Job, clock: Clock, step: int, limits: dict[str, Any]) -> None:
    """A lesson whose end was not known yet has its time; one that is to go on for longer is over."""
    lesson = job.plan.lesson
    if lesson is None or lesson.ended is not None:
        return
    if limits:
        job.plan.end_lesson(step)
    elif lesson.alone and job.plan.total_steps == UNKNOWN:
        clock.limit = clock.elapsed() + lesson.seconds


def _work(settings: TrainSettings, report: Report, stop: Any) -> TrainResult:
    """Be a worker of a training that another process leads and writes."""
    try:
        with shard_for(settings.devices, "auto", stop, lambda text: report(Message(text))) as shard:
            state, path = work(shard, stop)
            return TrainResult(RunFolder(path), state, 0, None, None, shard.rank)
    except Stopped as stopped:
        report(Message(stopped.message))
        return TrainResult(RunFolder(Path()), "stopped", 0, None, None, rank=1)


def _write_limits(run: RunFolder, settings: TrainSettings, job: Job, found: Progress | None) -> None:
    """Write the new limits into the settings and the progress file: a run that is killed before its next
    checkpoint then still goes on to the new end."""
    if found is not None:
        CheckpointWriter(job, run).save_progress(found.step, job.learner.state(), found.best, done=False)
    write_atomically(run.settings_path, to_toml(settings.anchored()))


def watch_over(loop: TrainingLoop, logger: RunLogger, stamp: Stamp) -> TrainResult:
    """Run the loop under its heartbeat, and say how it ended whatever happens. ``stamp``: of the progress
    file that was read. Overtaken when another process has written a newer one since."""
    job, run = loop.job, logger.run
    fields: dict[str, Any] = {"step": loop.step, "pairs": job.data.count, "model_size": job.plan.size}
    with Heartbeat(run, check=lambda: check_stamp(run, stamp), **fields) as heartbeat:
        logger.heartbeat = heartbeat
        _clear(run, loop)
        if not loop.shard.join(job, run.path, loop.step, loop.stop, logger.message):
            loop.stop_at_once()
        heartbeat.update(state="training")
        run.log(f"training from step {loop.step}, {job.plan.device}, {job.plan.precision}")
        try:
            ended = loop.go()
        except UnderstudyError as error:
            heartbeat.update(step=loop.step)
            run.log(error.text)
            raise
        best = loop.held_out.best
        heartbeat.update(step=ended.step, **({"best_held_out": best} if best else {}))
        heartbeat.finish(ended.state, ended.reason)
        run.log(f"{ended.state} at step {ended.step} {ended.reason}".rstrip())
    logger.emit(ended)
    return result_of(run, ended.state, ended.step)


def _clear(run: RunFolder, loop: TrainingLoop) -> None:
    """Remove what an earlier process has left: stop requests, temporary files, and losses of lost steps."""
    run.clear_stop()
    remove_leftovers(run.path, older_than=LEFT_SECONDS)
    if hasattr(loop.stop, "watch"):
        loop.stop.watch(run)
    run.truncate_summary(loop.step)


def result_of(run: RunFolder, state: str, step: int) -> TrainResult:
    best = run.best_path if run.best_path.is_file() else run.newest()
    return TrainResult(run, state, step, best, run.newest())


def _plan_steps(job: Job, schedule: ScheduleSettings) -> int | None:
    """Total Steps = Epochs x pairs / batch size, or fewer; None where only the time counts."""
    most = _fewest(job, schedule.planned_epochs, schedule.max_steps)
    if most is not None:
        job.plan.totals.append((0, most))
    return most


def _fewest(job: Job, epochs: int | None, max_steps: int | None) -> int | None:
    by_epochs = None if epochs is None else max(1, epochs * job.learner.epoch_length // job.plan.batch_size)
    given = [steps for steps in (max_steps, by_epochs) if steps is not None]
    return min(given) if given else None


def load_run(run: RunFolder) -> tuple[Progress, dict[str, Any]] | None:
    """The progress file, or None for a run that has got to no checkpoint yet."""
    if run.ost_path.is_file():
        return load_progress(run.ost_path)
    if run.checkpoints():
        raise RunError(
            "This run has nothing to go on from.",
            expected=run.ost_path.name,
            where=str(run.path),
            remedy="Begin a new run with --initial-weights and the newest .cat of this one.",
        )
    return None


def rejoin(settings: TrainSettings, progress: Progress | None, shard: Shard, elsewhere: bool) -> Job:
    """The job as it was planned, on the device that was planned unless another one is asked for."""
    if progress is None:
        return make_job(settings, shard)
    planned = torch.device(progress.plan.device)
    device = planned if planned.type == "cpu" and not elsewhere and shard.device is None else shard.device
    if elsewhere and shard.threads is None:
        progress.plan.threads = core_count()
    job = make_job(settings.replace(initial_weights=NO_WEIGHTS), shard, device, progress.plan)
    progress.plan.device = str(job.learner.device)
    return job


def take_over(run: RunFolder, job: Job, progress: Progress, tensors: dict[str, Any]) -> None:
    if progress.digest not in (job.digest, job.old_digest):
        raise RunError(
            "The frames of this run are not the ones that it learned from.",
            expected="the same plate, ground truth, extra and region frames, read with the same settings",
            found="frames that were added, removed or changed since, or other settings",
            where=str(run.path),
            remedy="Begin a new run on them with --initial-weights and the best .cat of this one.",
        )
    ours = job.learner.state()
    check_fits(run.ost_path, tensors, ours)
    # The pairs lie ready with the colour fit that was made now; that of an older version may be another one.
    fit = {name: ours[name] for name in ours if name.rpartition(".")[2] in FIT}
    job.learner.load({name: tensor.to(job.learner.device) for name, tensor in {**tensors, **fit}.items()})


def _extend(job: Job, step: int, limits: dict[str, Any]) -> int | None:
    """A new end for the plan; with a time limit it is found once the speed is known. It takes the place of
    the old time limit, whether that had been turned into steps yet or not."""
    most = _fewest(job, limits.get("epochs"), limits.get("max_steps"))
    if most is not None:
        job.plan.totals.append((step, max(step, most)))
        job.plan.timed = "time_limit" not in limits
    elif "time_limit" in limits:
        job.plan.totals = []
    if most is not None and job.plan.apart:
        job.plan.look_again(step)
    return most
