"""``farm apply``: a network and a plate -> a job. All that apply would refuse is refused here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from understudy.cluster.farm.base import job_of
from understudy.cluster.farm.chunks import cut, size_of_chunks
from understudy.cluster.farm.job import FRAMES, FarmJob, Step, Word
from understudy.cluster.farm.words import anchored, words_of
from understudy.frames import Shot, format_numbers
from understudy.settings import ApplySettings, FarmApplySettings, FarmSettings, without_farm


def apply_job(settings: FarmApplySettings) -> FarmJob:
    """The job that applies a network to a plate, a few frames in each task. Raises what ``apply`` raises
    before its first frame, and SettingError for what the farm cannot do."""
    from understudy.inference.job import prepare_job
    from understudy.inference.like import taken_over

    asked = anchored(without_farm(settings, ApplySettings))
    with _leaving_no_folder(Path(asked.output.output)), ExitStack() as open_things:
        job = prepare_job(*taken_over(asked), open_things)
        plate, movie = job.plate, job.sink.is_movie
        kept, in_order = len(job.kept), job.is_in_order
    pinned = _pinned(asked)
    step, notes = apply_step(pinned, plate, settings.farm, _whole_because(movie, in_order))
    name = settings.farm.job_name or f"{_title(pinned.model.model)} on {plate.name or Path(plate.spec).stem}"
    if kept:
        notes.append(f"{kept} of the frames are there already, and are kept.")
    if settings.output.overwrite:
        notes.append("With --overwrite a task that is tried again makes all its frames again.")
    return job_of(name, (step,), settings.farm, notes)


@contextlib.contextmanager
def _leaving_no_folder(output: Path) -> Iterator[None]:
    """Remove the folders again that were made to see whether the output can be written."""
    missing = [path for path in (output, *output.parents) if not os.path.lexists(path)]
    try:
        yield
    finally:
        for path in missing:
            with contextlib.suppress(OSError):
                path.rmdir()


def apply_step(
    settings: ApplySettings, plate: Shot, farm: FarmSettings, whole: str = "", after: str = ""
) -> tuple[Step, list[str]]:
    """The tasks for the frames of ``plate``, and sentences on them. ``whole``: why it has to be one task,
    where it has to. Several compute with torch, where nothing else is asked for: what ``auto`` takes depends
    on how much there is to do, and differs in the last bits."""
    if whole:
        return Step("apply", words_of(settings), after=after), [whole]
    if settings.engine.engine == "auto":
        settings = settings.replace(engine="torch")
    notes = []
    if plate.missing:
        notes.append(f"The plate has no frames {format_numbers(plate.missing)}: there are no tasks for them.")
    size = size_of_chunks(len(plate.numbers), farm.frames_per_task)
    words = words_of(settings.replace(frames=None))
    chunks = cut(plate.numbers, size)
    return Step("apply", (*words, Word(FRAMES, frames=True)), chunks, size, after), notes


def _pinned(settings: ApplySettings) -> ApplySettings:
    """The same with the very file that a run means now: all tasks use one network, whatever is trained
    meanwhile."""
    from understudy.models.finding import resolve_model

    model = settings.model.model
    return settings.replace(model=str(resolve_model(model))) if "/" in model else settings


def _title(model: str) -> str:
    path = Path(model)
    return path.stem.removesuffix("_best") if path.suffix else path.name


def _whole_because(movie: bool, in_order: bool) -> str:
    if movie:
        return "A movie is written from its first frame to its last: it is one task."
    if in_order:
        return "The network makes each frame from the one before it: the whole plate is one task."
    return ""
