"""What a job says before its first frame, and of each one."""

from __future__ import annotations

from understudy.frames import Shot, format_numbers
from understudy.inference.adapting import taken_as
from understudy.inference.colours import colour_notes, output_notes
from understudy.inference.confidence import confidence_notes
from understudy.inference.events import (
    ApplyEvent,
    ApplyMessage,
    ApplyPlanned,
    FrameFailed,
    FrameSame,
    FrameWritten,
    Report,
)
from understudy.inference.job import Job
from understudy.inference.model import LoadedModel
from understudy.inference.results import Outcome
from understudy.inference.state_plan import StatePlan


def planned(job: Job, model: LoadedModel, said: tuple[str, ...]) -> ApplyPlanned:
    """What is planned, with all sentences on it; ``said``: those of what was tried before."""
    window = job.sample.display_window.union(job.sample.data_window) if job.sample else None
    size = job.settings.tiles.tile_size, job.settings.tiles.tile_overlap
    tile = model.tile_for(window.height, window.width, *size) if window else None
    if tile and window and tile[0] >= window.height and tile[1] >= window.width:
        tile = None
    engine = model.engine
    total = len(job.to_do) + len(job.kept)
    job.reported = len(job.sink.notes)
    notes = (
        *job.like,
        *job.plate.notes,
        *job.sink.notes,
        *_missing(job.plate, job.sink.is_movie),
        *_alone(job),
        *_enlarged(job),
        *_added(job),
        *_taken(job),
        *_mask_notes(job),
        *job.painted.notes,
        *(job.origins.state.notes(job.to_do, job.kept) if isinstance(job.origins.state, StatePlan) else ()),
        *(job.prompts.notes(job.to_do) if job.prompts else ()),
        *job.composer.gatherer.extra.notes,
        *_motion_notes(job),
        *taken_as(job.composer.header),
        *_colour_notes(job),
        *(confidence_notes(job.composer.header) if job.composer.confident else ()),
        *said,
        *model.notes,
    )
    return ApplyPlanned(total, len(job.kept), engine.name, engine.precision, str(engine.device), tile, notes)


def _taken(job: Job) -> tuple[str, ...]:
    """Where the plate calls its channels otherwise than the files that the network learned from."""
    return job.composer.gatherer.renamed(job.sample) if job.sample else ()


def _colour_notes(job: Job) -> tuple[str, ...]:
    header, first = job.composer.header, (*job.to_do, *job.kept)[0]
    return (
        *colour_notes(header, job.sample),
        *output_notes(header, job.sample, job.sink.path(first)),
    )


def _missing(plate: Shot, movie: bool) -> tuple[str, ...]:
    closes_up = " The movie closes up: those after them come earlier." if movie else ""
    return (f"The plate has no frames {format_numbers(plate.missing)}.{closes_up}",) if plate.missing else ()


def _alone(job: Job) -> tuple[str, ...]:
    offsets = job.composer.header.offsets
    about = job.about
    if (
        about is None
        or not offsets
        or any(about.has(number, [offset]) for number in job.to_do for offset in offsets)
    ):
        return ()
    return (
        "The network sees the frames before and after each one too, and the plate has none: expect less "
        "of it.",
    )


def _enlarged(job: Job) -> tuple[str, ...]:
    scale, frame = job.composer.header.scale, job.sample
    if scale == 1 or frame is None:
        return ()
    size = frame.display_window.scaled(scale)
    return (f"The frames become {size.width} x {size.height}, {scale} times as large as the plate's.",)


def _added(job: Job) -> tuple[str, ...]:
    names = job.composer.gatherer.added(job.sample) if job.sample else ()
    if not names:
        return ()
    return (f"The plate has no {', '.join(names)}: written as new, beside the channels that it has.",)


def _motion_notes(job: Job) -> tuple[str, ...]:
    return job.composer.finisher.motion.notes if job.composer.finisher.motion else ()


def _mask_notes(job: Job) -> tuple[str, ...]:
    return job.composer.gatherer.mask.notes if job.composer.gatherer.mask else ()


def report_said(job: Job, report: Report) -> None:
    """Report what threads and the sink have said since."""
    while not job.said.empty():
        report(ApplyMessage(job.said.get()))
    notes = job.sink.notes[job.reported :]
    job.reported += len(notes)
    for note in notes:
        report(ApplyMessage(note))


def told(job: Job, outcome: Outcome, done: int, made: int, seconds: float) -> ApplyEvent:
    """The event of one frame; ``made`` of ``done`` were made in ``seconds``."""
    total = len(job.to_do) + len(job.kept)
    if outcome.error is not None:
        return FrameFailed(outcome.number, outcome.error, done, total)
    speed = made / max(seconds, 1e-6)
    if outcome.is_same:
        return FrameSame(outcome.number, str(outcome.path), done, total, speed, (total - done) / speed)
    return FrameWritten(outcome.number, str(outcome.path), done, total, speed, (total - done) / speed)
