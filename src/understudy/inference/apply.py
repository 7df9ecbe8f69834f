"""THE JOB: a trained network and a plate -> frames on disk.

Everything that can be refused is refused before the first frame is made; after that, a frame that fails is
named and the others go on.
"""

from __future__ import annotations

import math
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import OpenImageIO as oiio
import torch

from understudy.colour import LINEAR
from understudy.device import core_count, free_memory, is_out_of_memory, keep_freed_memory
from understudy.errors import ApplyError, FrameError, SettingError, UnderstudyError
from understudy.frames import (
    Frame,
    FrameSink,
    Neighbours,
    Shot,
    format_numbers,
    open_shot,
    open_sink,
    set_threads,
)
from understudy.frames.difference import HALF_A_CODE
from understudy.inference.adapting import adapted
from understudy.inference.colours import colour_notes, output_notes
from understudy.inference.compose import Composer, Gathered, make_composer
from understudy.inference.confidence import CHANNEL, confidence_notes
from understudy.inference.enlarging import check_enlarged, enlarging
from understudy.inference.events import (
    ApplyEnded,
    ApplyEvent,
    ApplyMessage,
    ApplyPlanned,
    FrameFailed,
    FrameSame,
    FrameWritten,
)
from understudy.inference.finish import check_finishing
from understudy.inference.layers import BLACK, ExtraInputs, Mask
from understudy.inference.like import taken_over
from understudy.inference.model import LoadedModel, load
from understudy.inference.motion import OFFSETS
from understudy.inference.origins import Origins, in_words
from understudy.inference.painted import Painted, find_painted_frames
from understudy.inference.pipeline import Crew, plan_crew, run_frames, with_computing
from understudy.inference.provenance import PAINTED, SCALE, check_folder, fingerprint, provenance_of, sort_out
from understudy.inference.region import within
from understudy.inference.steady import RADIUS, Steady
from understudy.inference.steady_choice import choose_strength
from understudy.inference.targets import FLAG
from understudy.models.finding import resolve_model
from understudy.settings import ApplySettings, PlateSettings

Report = Callable[[ApplyEvent], None]
PROBES = 5
"""Frames that are tried before the start, to find one that can be read and checked."""


@dataclass(frozen=True)
class ApplyResult:
    """What became of the frames, by number: ``written`` now, ``kept`` from before, ``failed`` with their
    errors.

    ``stopped``: ended on request with frames left to do. A movie (``is_movie``) that was stopped has none
    written. ``again``: which of those written were there already, by what they are made from that has
    changed, such as ``("the plate", "the mask")``. ``missing``: frames that a range requested and the plate
    lacks. ``same``: those that ``update`` compared and left as they were, of a movie all or none;
    ``changed_by``: by how much, at most, those that it compared and that changed differ, in code values of
    their files, infinite where they cannot be compared.
    """

    written: tuple[int, ...]
    kept: tuple[int, ...]
    failed: tuple[tuple[int, UnderstudyError], ...]
    stopped: bool
    seconds: float
    is_movie: bool = False
    again: Mapping[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)
    missing: tuple[int, ...] = ()
    same: tuple[int, ...] = ()
    changed_by: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """One frame's end: its file, or the error. ``difference``: from the file that was there, in code values;
    a file that was there and differs by no more than half of one has not been written."""

    number: int
    path: Path | None
    error: UnderstudyError | None = None
    difference: float = math.inf

    @property
    def is_same(self) -> bool:
        return self.error is None and self.difference <= HALF_A_CODE


@dataclass
class Job:
    """All that the work needs, opened and checked. ``whole``: the plate with the frames beyond --frames;
    ``about``: the frames before and after, where the network sees them; ``changed``: the frames that are made
    again, and why; ``compared``: those that are written only where they differ from what is there; ``said``:
    sentences from the threads, to be reported; ``like``: sentences on what was taken over from another
    result; ``reported``: how many of the sink's notes have been reported; ``steady``: steadies results."""

    settings: ApplySettings
    plate: Shot
    whole: Shot
    sink: FrameSink
    composer: Composer
    about: Neighbours | None
    origins: Origins
    painted: Painted
    to_do: tuple[int, ...]
    kept: tuple[int, ...]
    changed: Mapping[int, tuple[str, ...]]
    compared: frozenset[int]
    sample: Frame | None
    said: queue.SimpleQueue[str]
    like: tuple[str, ...] = ()
    reported: int = 0
    steady: Steady | None = None

    @property
    def is_steady(self) -> bool:
        """Whether results are to be steadied, as far as that gains anything."""
        return self.settings.output.stabilise != 0

    def read(self, number: int) -> Frame:
        """A frame of the plate."""
        return self.about.read(number) if self.about else self.plate.read(number)


def apply(settings: ApplySettings, report: Report = lambda event: None, stop: Any = None) -> ApplyResult:
    """Apply a trained network to the frames of a plate; reads, computes and writes at the same time.

    ``report`` is called with events of ``understudy.inference.events``, from this thread. ``stop`` is
    anything that becomes true when the work shall stop after the frames under way, such as a
    ``runs.stop.StopFlag``.

    Frames there already that the same model made in the same way, from the same plate, mask and extra inputs,
    are kept, and those made from others are made again; a movie starts again. One
    unreadable frame, or one that cannot be written, is in ``failed`` and does not stop the others.

    Raises, before any frame is written: ModelFileError, SequenceError, ChannelError, SizeError,
    PairingError, DeviceError, MissingPackageError, ColourError, and SettingError when frames of another
    model are in the way. WriteError when a movie cannot be finished.
    """
    started = time.monotonic()
    keep_freed_memory()
    with ExitStack() as open_things:
        job = _prepare(*taken_over(settings), open_things)
        with _aborting(job.sink):
            outcomes = list(_work(job, report, stop)) if job.to_do else []
            stopped = len(outcomes) < len(job.to_do)
            job.sink.abort() if stopped else job.sink.close()
    return _ended(job, outcomes, stopped, time.monotonic() - started, report)


def _prepare(settings: ApplySettings, like: tuple[str, ...], open_things: ExitStack) -> Job:
    """Open everything, and refuse what cannot work."""
    from understudy.models.opening import describe_effect

    given, output = settings.plate, settings.output
    model_path = resolve_model(settings.model.model)
    own = describe_effect(model_path)
    header = enlarging(own, output.scale)
    check_enlarged(header, settings.finishing, output)
    as_held = not header.premultiplied
    plate = open_things.enter_context(
        open_shot(given.plate, frames=given.frames, part=given.part, as_held=as_held)
    )
    header = adapted(header, plate)
    how = settings.engine.precision, settings.finishing
    provenance = provenance_of(fingerprint(model_path), given, output, *how)
    if header.scale != own.scale:
        provenance[SCALE] = str(header.scale)
    sink = open_sink(
        output.output,
        like=plate,
        overwrite=output.overwrite,
        update=output.update,
        provenance=provenance,
    )
    check_finishing(settings.finishing, header.kind, sink, len(header.output_channels))
    mask = Mask(output.mask) if output.mask else None
    offsets = _offsets(header, output.stabilise != 0, settings.finishing.motion_blur != "none")
    about = _neighbours(given, header, offsets)
    extra = ExtraInputs(given.extra, header, about)
    for layer in (mask, extra):
        if layer is not None:
            open_things.callback(layer.close)
    extra_offsets = tuple(range(-RADIUS, RADIUS + 1)) if output.stabilise else (0,)
    origins = Origins(plate, about, offsets, mask.shot if mask else None, extra.shots, extra_offsets)
    whole = about.shot if about else open_shot(given.plate, part=given.part, as_held=as_held)
    painted = _find_painted(settings, model_path, header, whole, plate)
    there = sort_out(plate.numbers, sink, provenance, origins, output.overwrite, painted, output.update)
    to_do, kept = there.to_do, there.kept
    painted.drop(kept)
    if mask and to_do:
        mask.look(open_shot(given.plate, part=given.part) if mask.channel else plate)
    composer = make_composer(header, settings, mask, extra, about)
    sample = _first_readable(plate, to_do, composer, sink)
    if sample is not None:
        sink.announce(composer.outline(sample))
    if to_do:
        check_folder(sink.path(to_do[0]).parent)
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    return Job(
        settings,
        plate,
        whole,
        sink,
        composer,
        about,
        origins,
        painted,
        to_do,
        kept,
        there.changed,
        there.compared,
        sample,
        said,
        like,
    )


def _find_painted(settings: ApplySettings, path: Path, header: Any, whole: Shot, plate: Shot) -> Painted:
    output = settings.output
    if output.painted == "network" or header.scale != 1:
        return Painted()
    reach = RADIUS if output.stabilise else 0
    return find_painted_frames(path, header, whole, plate.numbers, output.blend, reach)


def _offsets(header: Any, steady: bool, moves: bool) -> tuple[int, ...]:
    """How far from a frame those are that it is made from beside itself: ``steady`` where it is averaged with
    them, ``moves`` where they tell of its motion."""
    seen = (0, *header.offsets)
    reach = range(-RADIUS, RADIUS + 1) if steady else (0,)
    told = OFFSETS if moves else ()
    return tuple(sorted({each + step for each in seen for step in reach}.union(told) - {0}))


def _neighbours(plate: PlateSettings, header: Any, offsets: Sequence[int]) -> Neighbours | None:
    """The whole plate, also beyond ``--frames``, where frames before and after are wanted."""
    if not offsets:
        return None
    return Neighbours(open_shot(plate.plate, part=plate.part, as_held=not header.premultiplied))


def _first_readable(
    plate: Shot, numbers: tuple[int, ...], composer: Composer, sink: FrameSink
) -> Frame | None:
    """A frame of the plate that has all that the network wants. Raises what would go wrong with every
    frame."""
    for number in numbers[:PROBES]:
        try:
            frame = plate.read(number)
            _check_kept(composer.check(frame), composer, sink)
            return frame
        except FrameError:
            continue
    return None


def _check_kept(given: Gathered, composer: Composer, sink: FrameSink) -> None:
    """SettingError when the output's files would leave out what the effect changes, or makes, or how sure it
    is."""
    wanted = (*given.targets, *((CHANNEL,) if composer.confident else ()))
    kept = sink.keeps(composer.outline(given.frame)) if wanted else ()
    if composer.stands_beside and not sink.has_layers:
        kept = ()  # what would be left of a layer stood in the place of the plate's own channels
    lost = [name for name in wanted if name not in kept]
    if lost:
        what = f"the channel {CHANNEL}" if lost == [CHANNEL] else "what the effect changes"
        raise SettingError(
            f"The output's files cannot hold {what}.",
            expected="a format that holds any channels, such as EXR",
            found=f"one that leaves out {', '.join(lost)}",
            where=f"{sink.spec}, {FLAG}" if composer.layer else sink.spec,
            remedy="Write .exr files.",
        )


@contextmanager
def _aborting(sink: FrameSink) -> Iterator[None]:
    """Let the sink clear up after itself when the work breaks off."""
    try:
        yield
    except BaseException:
        sink.abort()
        raise


def _work(job: Job, report: Report, stop: Any) -> Iterator[Outcome]:
    """Make all frames that are to do, some at a time, and report each."""
    device, crew = _plan_crew(job)
    model = _load(job, crew, str(device))
    if device.type == "cpu":
        crew = with_computing(crew, model.engine.parallel, core_count())
    job.steady, said = _steady(job, model, crew.workers)
    report(_planned(job, model, said))
    done = len(job.kept)
    began = time.monotonic()
    made = 0

    def make(index: int, number: int) -> Outcome:
        return _make_frame(job, model, number)

    with _threads(crew, device.type == "cpu") as set_up:
        for outcome in run_frames(job.to_do, make, crew.workers, lambda: bool(stop), set_up):
            done, made = done + 1, made + 1
            _report_said(job, report)
            report(_told(job, outcome, done, made, time.monotonic() - began))
            if job.sink.broken is not None:
                raise job.sink.broken
            yield outcome


def _make_frame(job: Job, model: LoadedModel, number: int) -> Outcome:
    """Read, compute, write: one frame from start to end, in one thread."""
    try:
        made_from = job.origins.of_files(number)
        frame = job.read(number)
        finished = job.composer.compose(frame, model, job.painted, job.whole.read, job.steady)
        made_from |= job.origins.of_movies(number, frame)
        if mark := job.painted.mark(number):
            made_from[PAINTED] = mark
        return _write(job, number, finished, made_from)
    except UnderstudyError as error:
        job.sink.skip(number)
        return Outcome(number, None, error)
    except BaseException as error:
        job.sink.skip(number)
        if not is_out_of_memory(error):
            raise
        return Outcome(number, None, _out_of_memory(number, error))


def _write(job: Job, number: int, finished: Frame, made_from: Mapping[str, str]) -> Outcome:
    """Write a frame, unless it is to differ from what is there, and does not."""
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
    if job.about:
        offsets = job.origins.offsets
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
def _threads(crew: Crew, on_cpu: bool) -> Iterator[Callable[[], None]]:
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


def _planned(job: Job, model: LoadedModel, said: tuple[str, ...]) -> ApplyPlanned:
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
        *job.composer.extra.notes,
        *_motion_notes(job),
        *_colour_notes(job),
        *(confidence_notes(job.composer.header) if job.composer.confident else ()),
        *said,
        *model.notes,
    )
    return ApplyPlanned(total, len(job.kept), engine.name, engine.precision, str(engine.device), tile, notes)


def _taken(job: Job) -> tuple[str, ...]:
    """Where the plate calls its channels otherwise than the files that the network learned from."""
    return job.composer.renamed(job.sample) if job.sample else ()


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
    names = job.composer.added(job.sample) if job.sample else ()
    if not names:
        return ()
    return (f"The plate has no {', '.join(names)}: written as new, beside the channels that it has.",)


def _motion_notes(job: Job) -> tuple[str, ...]:
    return job.composer.finisher.motion.notes if job.composer.finisher.motion else ()


def _mask_notes(job: Job) -> tuple[str, ...]:
    return job.composer.mask.notes if job.composer.mask else ()


def _report_black(job: Job, written: tuple[int, ...], report: Report) -> None:
    """Say that the mask let nothing show, where that was not known at the start."""
    mask = job.composer.mask
    if mask and written and mask.largest == 0 and BLACK not in mask.notes:
        report(ApplyMessage(BLACK))


def _report_unmeasured(job: Job, report: Report) -> None:
    if numbers := job.composer.finisher.unmeasured:
        report(
            ApplyMessage(
                f"Frames {format_numbers(tuple(sorted(numbers)))} got no grain: the network changed the "
                "finest detail everywhere, so that there is no place to measure the plate's in."
            )
        )


def _report_said(job: Job, report: Report) -> None:
    while not job.said.empty():
        report(ApplyMessage(job.said.get()))
    notes = job.sink.notes[job.reported :]
    job.reported += len(notes)
    for note in notes:
        report(ApplyMessage(note))


def _told(job: Job, outcome: Outcome, done: int, made: int, seconds: float) -> ApplyEvent:
    total = len(job.to_do) + len(job.kept)
    if outcome.error is not None:
        return FrameFailed(outcome.number, outcome.error, done, total)
    speed = made / max(seconds, 1e-6)
    if outcome.is_same:
        return FrameSame(outcome.number, str(outcome.path), done, total, speed, (total - done) / speed)
    return FrameWritten(outcome.number, str(outcome.path), done, total, speed, (total - done) / speed)


def _ended(job: Job, outcomes: list[Outcome], stopped: bool, seconds: float, report: Report) -> ApplyResult:
    _report_said(job, report)
    lost = stopped and job.sink.is_movie
    done = [each for each in outcomes if each.error is None]
    same = tuple(sorted(each.number for each in done if each.is_same or job.sink.left))
    written = () if lost else tuple(sorted({each.number for each in done} - {*same}))
    changed_by = _changed_by(job, done)
    unchanged = sum(each.number in job.compared for each in done) - len(changed_by)
    failed = tuple(sorted((each.number, each.error) for each in outcomes if each.error is not None))
    _report_black(job, written, report)
    _report_unmeasured(job, report)
    again = _made_again(job, written)
    missing = job.plate.missing if job.plate.requested else ()
    counts = len(written), len(job.kept), len(failed)
    if job.compared and not lost:
        report(ApplyMessage(_compared_words(changed_by, unchanged, job.sink)))
    report(ApplyEnded(*counts, stopped, seconds, in_words(again), len(missing), len(same)))
    is_movie = job.sink.is_movie
    return ApplyResult(
        written, job.kept, failed, stopped, seconds, is_movie, again, missing, same, changed_by
    )


def _changed_by(job: Job, done: list[Outcome]) -> dict[int, float]:
    """By how much the frames that were compared differ, of those that do; a movie's once it is whole."""
    whole = job.sink.differs
    found = {
        each.number: each.difference if whole is None else whole.get(each.number, math.inf)
        for each in done
        if each.number in job.compared
    }
    return {number: difference for number, difference in found.items() if difference > HALF_A_CODE}


def _compared_words(changed_by: Mapping[int, float], same: int, sink: FrameSink) -> str:
    """Which frames changed, and by how much; how many stayed the ``same``."""
    amounts = sorted(each for each in changed_by.values() if math.isfinite(each))
    much = f", by {amounts[0]:.3g} to {amounts[-1]:.3g} code values at most" if amounts else ""
    which = f" (frames {format_numbers(tuple(sorted(changed_by)))})" if changed_by else ""
    left = (
        "; the movie was written anew" if sink.is_movie and not sink.left else ", and were left as they are"
    )
    return f"Compared: {len(changed_by)} changed{which}{much}; {same} did not{left}."


def _made_again(job: Job, written: tuple[int, ...]) -> dict[tuple[str, ...], tuple[int, ...]]:
    reasons = {why: None for why in job.changed.values()}
    found = {why: tuple(number for number in written if job.changed.get(number) == why) for why in reasons}
    return {why: numbers for why, numbers in found.items() if numbers}
