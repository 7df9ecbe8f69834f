"""A plate -> the motion of its pixels to the next frame and to the one before, as files for the compositing
program.

Each file has the channels forward.u, forward.v, backward.u and backward.v, in pixels of the plate: u to the
right and v up, as Nuke has them. What is at (x, y) of a frame is at (x + forward.u, y + forward.v) of the
next one, and at (x + backward.u, y + backward.v) of the one before. Where there is no such frame, or
another shot begins, they are 0.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from understudy.colour import LINEAR
from understudy.device import resolve_devices
from understudy.errors import SettingError, SizeError, UnderstudyError
from understudy.frames import (
    Frame,
    FrameSink,
    Neighbours,
    Shot,
    fill_nonfinite,
    format_numbers,
    open_shot,
    open_sink,
)
from understudy.inference.adapting import adapted, taken_as
from understudy.inference.events import (
    ApplyEnded,
    ApplyMessage,
    ApplyPlanned,
    FrameFailed,
    FrameWritten,
    Report,
)
from understudy.inference.gathering import input_channels
from understudy.inference.origins import Origins, in_words
from understudy.inference.painted import luma_of
from understudy.inference.provenance import Sorted, check_folder, fingerprint, provenance_of, sort_out
from understudy.inference.results import ApplyResult
from understudy.inference.vectors import VectorFinder, load_vectors
from understudy.models.description import ModelDescription
from understudy.models.finding import find_model
from understudy.models.opening import describe
from understudy.models.sidecar import is_imported
from understudy.network.kinds import MOTION
from understudy.settings import ApplySettings, FinishingSettings
from understudy.temporal import is_cut

CHANNELS = ("forward.u", "forward.v", "backward.u", "backward.v")
WAYS = (1, -1)
UP = np.array([1, -1], np.float32)
"""From y down to v up."""


def finds_vectors(model: str) -> bool:
    """Whether a model is a network that finds motion. ModelFileError when there is none."""
    path = find_model(model).path
    return not is_imported(path) and describe(path).kind == MOTION


@dataclass
class _Job:
    """``about``: the whole plate, also beyond --frames; ``alone``: the frames that have none after and
    before them; ``cuts``: those between which another shot begins."""

    settings: ApplySettings
    model: ModelDescription
    plate: Shot
    about: Neighbours
    sink: FrameSink
    origins: Origins
    sorted: Sorted
    finder: VectorFinder
    notes: tuple[str, ...]
    cuts: set[tuple[int, int]] = field(default_factory=set)
    earlier: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)


def write_vectors(
    settings: ApplySettings, report: Report, stop: Any = None, like: tuple[str, ...] = ()
) -> ApplyResult:
    """Write the vectors of a plate. As ``apply`` otherwise, also in what is kept of what is there already,
    and in what it raises; SettingError for what vectors cannot have, and for an output that holds no
    layers."""
    started = time.monotonic()
    _refuse(settings)
    with ExitStack() as open_things:
        job = _prepare(settings, like, open_things)
        to_do, kept = job.sorted.to_do, job.sorted.kept
        report(_planned(job))
        written, failed = [], []
        for number, error in _work(job, report, stop):
            (written.append(number) if error is None else failed.append((number, error)))
        if job.cuts:
            report(ApplyMessage(_cut_words(job.cuts)))
    stopped = len(written) + len(failed) < len(to_do)
    again = {why: (n,) for n, why in job.sorted.changed.items() if n in written}
    missing = job.plate.missing if job.plate.requested else ()
    seconds = time.monotonic() - started
    counts = len(written), len(kept), len(failed)
    report(ApplyEnded(*counts, stopped, seconds, in_words(again), len(missing)))
    return ApplyResult(tuple(written), kept, tuple(failed), stopped, seconds, again=again, missing=missing)


def _refuse(settings: ApplySettings) -> None:
    output, plate = settings.output, settings.plate
    asked = {
        "--mix (Mix)": output.mix != 1,
        "--mask (Mask)": output.mask is not None,
        "--region (Region)": output.region is not None,
        "--scale (Scale)": output.scale not in ("auto", 1),
        "--blend (Blend)": output.blend != 0,
        "--stabilise (Stabilise)": output.stabilise != 0,
        "--confidence (Confidence)": output.confidence,
        "--output-layer (Output Layer)": output.output_layer is not None,
        "--update (Update)": output.update,
        "--extra (Extra Inputs)": bool(plate.extra),
        "--engine (Engine)": settings.engine.engine == "openvino",
        "the last touch": settings.finishing != FinishingSettings(),
    }
    if wanted := [where for where, given in asked.items() if given]:
        raise SettingError(
            "Motion vectors are written as they are found.",
            expected="a plate, an output, and no more than frames, channels, part, precision and devices",
            found=wanted[0],
            where=wanted[0],
            remedy="Leave it out.",
        )


def _prepare(settings: ApplySettings, like: tuple[str, ...], open_things: ExitStack) -> _Job:
    given, output = settings.plate, settings.output
    found = find_model(settings.model.model)
    plate = open_things.enter_context(open_shot(given.plate, frames=given.frames, part=given.part))
    model = adapted(describe(found.path), plate)
    provenance = provenance_of(
        fingerprint(found.path), given, output, settings.engine.precision, settings.finishing
    )
    sink = open_sink(output.output, like=plate, overwrite=output.overwrite, provenance=provenance)
    if sink.is_movie or not sink.has_layers:
        raise SettingError(
            "The output's files cannot hold motion vectors.",
            expected="a format that holds any channels and negative numbers, such as EXR",
            found=f"one that does not hold {', '.join(CHANNELS)}",
            where=sink.spec,
            remedy="Name EXR files, such as out/vectors.####.exr.",
        )
    about = Neighbours(open_shot(given.plate, part=given.part), kept=3)
    open_things.callback(about.close)
    origins = Origins(plate, about, WAYS)
    there = sort_out(plate.numbers, sink, provenance, origins, output.overwrite)
    if there.to_do:
        check_folder(sink.path(there.to_do[0]).parent)
    device = resolve_devices(settings.engine.devices)[0]
    finder = load_vectors(found.path, device, settings.engine.precision, model.colour_in == LINEAR)
    notes = (*like, *found.notes, *plate.notes, *taken_as(model), *_ends(plate, about))
    return _Job(settings, model, plate, about, sink, origins, there, finder, notes)


def _ends(plate: Shot, about: Neighbours) -> tuple[str, ...]:
    """Sentences on the frames that have none after or before them."""
    said = []
    for way, name, where in ((1, "forward", "after"), (-1, "backward", "before")):
        if without := tuple(number for number in plate.numbers if not about.has(number, [way])):
            which = f"{'frame' if len(without) == 1 else 'frames'} {format_numbers(without)}"
            said.append(f"There is no frame {where} {which}: {name} is 0 there.")
    return tuple(said)


def _planned(job: _Job) -> ApplyPlanned:
    total, finder = len(job.plate.numbers), job.finder
    device = str(finder.device)
    return ApplyPlanned(total, len(job.sorted.kept), "torch", finder.precision, device, None, job.notes)


def _work(job: _Job, report: Report, stop: Any) -> Iterator[tuple[int, UnderstudyError | None]]:
    began, total = time.monotonic(), len(job.plate.numbers)
    for place, number in enumerate(job.sorted.to_do, 1):
        if stop:
            return
        done = len(job.sorted.kept) + place
        try:
            path = _make(job, number)
        except UnderstudyError as error:
            report(FrameFailed(number, error, done, total))
            yield number, error
            continue
        speed = place / max(time.monotonic() - began, 1e-6)
        report(FrameWritten(number, str(path), done, total, speed, (total - done) / speed))
        yield number, None


def _make(job: _Job, number: int) -> Any:
    """Read, find, write: one frame."""
    made_from = job.origins.of_files(number)
    frame = job.about.read(number)
    ways = [_vectors(job, frame, way) * UP for way in WAYS]
    made_from |= job.origins.of_movies(number, frame)
    return job.sink.write(number, frame.as_data(CHANNELS, np.concatenate(ways, 2)), made_from)


def _vectors(job: _Job, frame: Frame, way: int) -> np.ndarray:
    """The vectors of a frame to another one, over its data window. Those of a pair are found both ways at
    once, and kept until the next frame asks for the other way."""
    window = frame.data_window
    nothing = np.zeros((window.height, window.width, 2), np.float32)
    there = frame.number + way
    if not job.about.has(frame.number, [way]):
        return nothing
    known = job.earlier.pop((frame.number, there), None)
    if known is not None:
        return known
    other = job.about.read(there)
    if other.data_window != window or other.display_window != frame.display_window:
        raise SizeError(
            "Two frames of the plate differ in size.",
            expected=f"{window}, as of frame {frame.number}",
            found=f"{other.data_window}",
            where=str(other.path),
            remedy="Give them one size, and EXR files one data window.",
        )
    here, beside = _pixels(job, frame), _pixels(job, other)
    if is_cut(luma_of(job.model, here), luma_of(job.model, beside)):
        job.cuts.add((min(frame.number, there), max(frame.number, there)))
        return nothing
    if way > 0:
        job.earlier = {(there, frame.number): job.finder(beside, here)}
    return job.finder(here, beside)


def _pixels(job: _Job, frame: Frame) -> np.ndarray:
    names = input_channels(frame, job.model, job.settings.plate.input_channels)
    return fill_nonfinite(frame.planes(names, frame.data_window))[0]


def _cut_words(cuts: set[tuple[int, int]]) -> str:
    named = ", ".join(f"{first} and {second}" for first, second in sorted(cuts))
    return f"Another shot begins between frames {named}: vectors across it are 0."
