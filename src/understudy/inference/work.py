"""The frames of a job, some at a time: each is read, computed and written in one thread."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import OpenImageIO as oiio
import torch

from understudy.colour import LINEAR
from understudy.device import core_count, free_memory, is_out_of_memory
from understudy.errors import ApplyError, UnderstudyError
from understudy.frames import Frame, set_threads
from understudy.frames.difference import HALF_A_CODE
from understudy.inference.compose import Composer
from understudy.inference.events import ApplyPlanned, Report
from understudy.inference.instance_table import read_tracks, write_table
from understudy.inference.job import Job
from understudy.inference.model import LoadedModel, load
from understudy.inference.notes import planned, report_said, told
from understudy.inference.painted import Painted, find_painted_frames
from understudy.inference.pipeline import AHEAD, Crew, plan_crew, run_frames, with_computing
from understudy.inference.prompter import Prompter
from understudy.inference.provenance import PAINTED
from understudy.inference.recurrence import Recurrence
from understudy.inference.region import within
from understudy.inference.results import Outcome
from understudy.inference.state_plan import StatePlan
from understudy.inference.steady import RADIUS, Steady
from understudy.inference.steady_choice import choose_strength
from understudy.inference.tracking import Tracker, Tracks
from understudy.models.finding import resolve_model


@dataclass(frozen=True)
class Ready:
    """All that frames are made with: ``job`` with its ``model`` loaded, and the ``crew`` that makes them;
    ``plan``: what is said before the first."""

    job: Job
    model: LoadedModel
    crew: Crew
    on_cpu: bool
    plan: ApplyPlanned

    def make(self, number: int) -> Outcome:
        """Read, compute, write: one frame from start to end, in one thread."""
        with self._tracked(number):
            return _caught(self.job, number, lambda: self._write(number))

    @contextmanager
    def _tracked(self, number: int) -> Iterator[None]:
        tracker = self.job.composer.maker.tracker
        if tracker is None:
            yield
            return
        tracker.begin(number)
        try:
            yield
        finally:
            tracker.end(number)

    def _write(self, number: int) -> Outcome:
        finished, made_from = self.compose(number)
        return write(self.job, number, finished, made_from)

    def compose(self, number: int) -> tuple[Frame, Mapping[str, str]]:
        """The finished frame, and what it was made from. Raises UnderstudyError."""
        job = self.job
        made_from = job.origins.of_files(number)
        frame = job.read(number)
        finished = job.composer.compose(frame, self.model, job.painted, job.whole.read, job.steady)
        made_from |= job.origins.of_movies(number, frame)
        if mark := job.painted.mark(number):
            made_from[PAINTED] = mark
        return finished, made_from


def set_up(job: Job) -> Ready:
    """Load the model and plan the work."""
    device, crew = _plan_crew(job)
    model = _load(job, crew, str(device))
    if device.type == "cpu" and job.origins.state is None:
        crew = with_computing(crew, model.engine.parallel, core_count())
    maker = replace(
        job.composer.maker,
        prompter=_prompter(job, model),
        tracker=_tracker(job, model),
        recurrence=_recurrence(job, model, crew.workers),
    )
    job.composer = replace(job.composer, maker=maker)
    job.steady, said = _steady(job, model, crew.workers)
    return Ready(job, model, crew, device.type == "cpu", planned(job, model, said))


def work(job: Job, report: Report, stop: Any) -> Iterator[Outcome]:
    """Make all frames that are to do, some at a time, and report each."""
    ready = set_up(job)
    report(ready.plan)

    def make(index: int, number: int) -> Outcome:
        return ready.make(number)

    with own_threads(ready.crew, ready.on_cpu) as each_thread:
        frames = run_frames(job.to_do, make, ready.crew.workers, lambda: bool(stop), each_thread)
        yield from followed(job, frames, report)


def followed(job: Job, outcomes: Iterable[Outcome], report: Report) -> Iterator[Outcome]:
    """The outcomes, each reported as it comes."""
    began = time.monotonic()
    for made, outcome in enumerate(outcomes, 1):
        report_said(job, report)
        report(told(job, outcome, len(job.kept) + made, made, time.monotonic() - began))
        if job.sink.broken is not None:
            raise job.sink.broken
        yield outcome


def _caught(job: Job, number: int, make: Callable[[], Outcome]) -> Outcome:
    """What ``make`` gives, or why the frame could not be made."""
    try:
        return make()
    except UnderstudyError as error:
        job.sink.skip(number)
        return Outcome(number, None, error)
    except BaseException as error:
        job.sink.skip(number)
        if not is_out_of_memory(error):
            raise
        return Outcome(number, None, _out_of_memory(number, error))


def write(job: Job, number: int, finished: Frame, made_from: Mapping[str, str]) -> Outcome:
    """Write a frame, unless it is to differ from what is there, and does not."""
    tracker = job.composer.maker.tracker
    if tracker is not None:
        window, table = finished.display_window, tracker.table(number, job.composer.gatherer.own_channels)
        write_table(job.sink.path(number), table, (window.width, window.height))
    difference = job.sink.difference(number, finished) if number in job.compared else math.inf
    if difference <= HALF_A_CODE:
        return Outcome(number, job.sink.path(number), difference=difference)
    return Outcome(number, job.sink.write(number, finished, made_from), difference=difference)


def _out_of_memory(number: int, error: BaseException) -> ApplyError:
    return ApplyError(
        f"There is not enough memory for frame {number}.",
        found=str(error).strip().partition("\n")[0][:200],
        remedy="Give a smaller --tile-size, close other programs, or choose --devices cpu.",
    )


def _plan_crew(job: Job) -> tuple[torch.device, Crew]:
    from understudy.device import resolve_devices

    device = resolve_devices(job.settings.engine.devices)[0]
    cores = core_count()
    free = free_memory(torch.device("cpu"))
    held = _frame_bytes(job.sample, job.composer, 2 if job.about else 1) if job.sample else 1.0
    most = min(free / 4, 5e8 * max(cores, 2))
    if job.is_steady:  # four frames beside the one that is worked on
        most = max(most - 4 * held, most / 4)
    crew = plan_crew(cores, len(job.to_do), held, device.type == "cpu", most)
    if isinstance(job.origins.state, StatePlan):  # one is computed at a time, many are read
        crew = Crew(crew.workers, 1, cores if device.type == "cpu" else crew.threads)
    if job.about:
        offsets = (0, *job.origins.offsets)
        job.about.keep(crew.workers + max(offsets) - min(offsets))
    return device, crew


def _frame_bytes(frame: Frame, composer: Composer, frames: int) -> float:
    """About what one frame holds from reading to writing, without the network's activations; ``frames`` of
    the plate are held for each that is under way."""
    canvas = frame.display_window.union(frame.data_window)
    scale = composer.header.scale
    larger = 2 * frame.nbytes * scale**2 if scale > 1 else 0  # as floats, where the file may hold halves
    return frames * frame.nbytes + larger + canvas.width * canvas.height * composer.bytes_per_pixel


def _steady(job: Job, model: LoadedModel, workers: int) -> tuple[Steady | None, tuple[str, ...]]:
    """What steadies the results, where that is asked for and gains anything; and what was found."""
    asked, header, known = job.settings.output.stabilise, job.composer.header, frozenset(job.whole.numbers)
    if asked == 0 or job.composer.mix <= 0:
        return None, ()
    if header.scale != 1:
        return None, ("Stabilise: off, as the results have another size than the plate.",)

    def make(painted: Painted, strength: float) -> Steady:
        see = partial(job.composer.see, model=model, painted=painted, read=job.read)
        return Steady(see, known, header.colour_out, strength, workers - 1)

    if asked != "auto":
        return make(job.painted, float(asked)), ()
    path = resolve_model(job.settings.model.model)
    truths = find_painted_frames(path, header, job.whole, job.whole.numbers, 0)
    strength, why = choose_strength(make(Painted(), 1.0), truths)
    return (make(job.painted, strength) if strength else None), (why,)


def _prompter(job: Job, model: LoadedModel) -> Prompter | None:
    if job.prompts is None:
        return None
    look = partial(job.composer.maker.look, model=model, read=job.whole.read)
    return Prompter(job.prompts, job.whole.numbers, look, job.said.put)


def _tracker(job: Job, model: LoadedModel) -> Tracker | None:
    if not job.composer.header.finds_instances:
        return None
    limit, kept = len(job.composer.header.output_channels) - 1, frozenset(job.kept)
    find = partial(job.composer.maker.find, model=model, read=job.read)

    def earlier(number: int) -> tuple[Tracks, np.ndarray] | None:
        tracks = read_tracks(job.sink.path(number)) if number in kept else None
        return None if tracks is None else (tracks, job.composer.maker.luma(job.read(number)))

    return Tracker(job.plate.numbers, limit, find, earlier)


def _recurrence(job: Job, model: LoadedModel, workers: int) -> Recurrence | None:
    """What goes through the frames in order, where the network carries state."""
    plan = job.origins.state
    if not isinstance(plan, StatePlan):
        return None
    step = partial(job.composer.maker.step, model=model, read=job.read)
    wanted = frozenset(plan.asked if job.is_steady else job.to_do)
    return Recurrence(plan, step, wanted, AHEAD * workers + 2 * RADIUS, job.said.put)


def _load(job: Job, crew: Crew, device: str) -> LoadedModel:
    window = job.sample.display_window if job.sample else None
    shown = job.composer.region_of(window, within(window, window)) if window else None
    looks = 2 if job.composer.confident else 1
    megapixels = looks * len(job.to_do) * shown.width * shown.height / 1e6 if shown else 0.0
    return load(
        job.settings.model.model,
        devices=device,
        precision=job.settings.engine.precision,
        engine=job.settings.engine.engine,
        megapixels=megapixels,
        parallel=crew.computing,
        frame=(window.height, window.width) if window else None,
        scale=job.settings.output.scale,
        scene_linear=job.composer.header.colour_in == LINEAR,
        say=job.said.put,
    )


@contextmanager
def own_threads(crew: Crew, on_cpu: bool) -> Iterator[Callable[[], None]]:
    """Where frames are worked on side by side, each thread computes, packs and unpacks by itself; unless an
    accelerator computes, and they are so few that each has several cores to pack and unpack with."""
    if crew.workers == 1 or (crew.threads > 1 and not on_cpu):
        yield lambda: None
        return
    before, images = torch.get_num_threads(), oiio.get_int_attribute("threads")
    # A pool of one would pack the frames of all threads one after the other; -1 packs in the calling thread.
    oiio.attribute("threads", 1)
    oiio.attribute("exr_threads", -1)
    try:
        yield lambda: torch.set_num_threads(crew.threads)
    finally:
        torch.set_num_threads(before)
        set_threads(images)
