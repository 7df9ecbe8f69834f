"""Pairs on disk -> what is wrong with them, in the values that a network would see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from understudy.colour import ColourEncoding, encode, encoding_for
from understudy.dataset.checks import Finding, Sample, check_samples, small_sample
from understudy.dataset.colours import settle_colours
from understudy.dataset.layers import Layers, choose_layers
from understudy.dataset.mattes import ONE, whites_of
from understudy.dataset.sources import Source, read_both, read_truth
from understudy.errors import UnderstudyError
from understudy.frames import Frame, resolve_like, seen_planes
from understudy.frames.matte import scaled
from understudy.frames.matte_names import matte_labels
from understudy.settings import ColourSettings, DataSettings

Told = Callable[[int, str], None]


def _untold(number: int, what: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class FileCheck:
    """``findings`` by pair; ``channels`` those of the truths, ``encoding`` how a network sees them, ``white``
    what is white in the files of mattes; ``size`` (width, height) of the first plate; ``notes`` sentences on
    the colours."""

    findings: tuple[Finding, ...]
    channels: tuple[str, ...]
    encoding: ColourEncoding
    white: np.ndarray
    size: tuple[int, int]
    notes: tuple[str, ...] = ()


def check_sources(
    sources: Sequence[Source],
    data: DataSettings,
    colour: ColourSettings,
    beside: bool = True,
    told: Told = _untold,
) -> FileCheck:
    """Look at every one of these pairs. ``beside``: also at the plates before and after each. ``told`` is
    called with a frame's number and what was done with it: read, then looked at.

    Raises what reading the pairs raises, ChannelError, and ColourError.
    """
    first = read_both(sources[0])
    layers = choose_layers(data.replace(extra=()), partial(map, read_both, sources))
    window = first[0].display_window
    sized, wrong = _by_size(sources)
    if not sized:
        nothing = encoding_for("srgb", [seen_planes(first[0], layers.inputs)])
        return FileCheck(tuple(wrong), layers.truths, nothing, ONE, (window.width, window.height))
    fitting = [sources[i] for i in sized]
    space, settled, notes = settle_colours(colour, fitting, read_both(fitting[0]), layers)
    encoding = encoding_for(space.space, [seen_planes(first[0], layers.inputs)])
    white = whites_of(layers, (_truth(each.truth.read(each.truth_number), layers) for each in settled))[0]
    samples = []
    for source in settled:
        samples.append(_samples(source, layers, encoding, white, beside))
        told(source.plate_number, "read")
    looked = _looked_at(samples, layers, told)
    found = [replace(finding, pair=sized[finding.pair]) for finding in looked]
    findings = tuple(sorted([*wrong, *found], key=lambda finding: finding.pair))
    return FileCheck(findings, layers.truths, encoding, white, (window.width, window.height), tuple(notes))


def _by_size(sources: Sequence[Source]) -> tuple[list[int], list[Finding]]:
    """Which pairs have one size, and findings for the others."""
    good, wrong = [], []
    for index, source in enumerate(sources):
        plate, truth = (frame.display_window for frame in read_both(source))
        if (plate.width, plate.height) == (truth.width, truth.height):
            good.append(index)
            continue
        said = (
            f"the ground truth is {truth.width} x {truth.height}, the plate {plate.width} x {plate.height}: "
            + ("cropped" if truth.width < plate.width or truth.height < plate.height else "padded")
        )
        remedy = "Render it in the plate's size; how it was cropped or scaled cannot be told for sure."
        wrong.append(Finding(index, _name(source), source.plate_number, "size", said, remedy, 1.0))
    return good, wrong


def _name(source: Source) -> str:
    return source.truth.path(source.truth_number).name


def _truth(frame: Frame, layers: Layers) -> np.ndarray:
    if layers.mattes > 1:
        return read_truth(frame, frame, layers)
    return frame.planes(resolve_like(frame, layers.truths))


def _looked_at(samples: list[list[Sample | None]], layers: Layers, told: Told) -> list[Finding]:
    """What is wrong with the pairs; of several mattes, with each by itself, on the frames that it is painted
    on. ``samples``: of each pair one, or one for each of several mattes, None where that is not painted."""
    same = layers.outputs == layers.inputs[: len(layers.outputs)]
    found: list[Finding] = []
    for index, label in enumerate(matte_labels(layers.outputs) if layers.mattes > 1 else ("",)):
        of_pairs = [(place, own[index]) for place, own in enumerate(samples)]
        painted = [(place, sample) for place, sample in of_pairs if sample is not None]
        looked = check_samples(
            [sample for _, sample in painted],
            layers.kind,
            same,
            _untold_of if index else lambda number: told(number, "looked at"),
        )
        for finding in looked:
            said = replace(finding, pair=painted[finding.pair][0])
            found.append(replace(said, measure=f"{label}: {said.measure}", fix=None) if label else said)
    return found


def _untold_of(number: int) -> None:
    """It has been told of the first of several mattes."""


def _samples(
    source: Source, layers: Layers, encoding: ColourEncoding, white: np.ndarray, beside: bool
) -> list[Sample | None]:
    """One; of several mattes one for each, None for one that is not painted."""
    plate, truth = read_both(source)
    values = _truth(truth, layers)
    if source.convert is not None:
        values = source.convert(values)
    matte = layers.kind == "matte"
    seen = scaled(values, white) if matte else encode(values, encoding)
    near = []
    for number in (source.plate_number - 1, source.plate_number + 1) if beside else ():
        if source.plate.has(number):
            pixels = _plate_or_none(source, number, layers, encoding, plate)
            near += [(number, pixels)] if pixels is not None else []
    own = encode(seen_planes(plate, resolve_like(plate, layers.inputs)), encoding)
    sample = Sample(_name(source), source.plate_number, own, seen, tuple(near))
    if layers.mattes < 2:
        return [small_sample(replace(sample, truth=np.nan_to_num(seen)), matte)]
    planes = [seen[..., index : index + 1] for index in range(layers.mattes)]
    return [
        None if np.isnan(plane).all() else small_sample(replace(sample, truth=np.nan_to_num(plane)), matte)
        for plane in planes
    ]


def _plate_or_none(
    source: Source, number: int, layers: Layers, encoding: ColourEncoding, like: Frame
) -> np.ndarray | None:
    """A frame beside the plate's; one that cannot be read, or has another size, tells nothing."""
    try:
        frame = source.plate.read(number)
        pixels = encode(seen_planes(frame, resolve_like(frame, layers.inputs)), encoding)
    except UnderstudyError:
        return None
    window = like.display_window
    return pixels if pixels.shape[:2] == (window.height, window.width) else None
