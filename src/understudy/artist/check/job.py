"""Pairs on disk -> what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from understudy.artist.check.repair import Repaired, refuse_folder, repair
from understudy.colour import ColourEncoding, encode, encoding_for
from understudy.dataset.checks import Finding, Sample, check_samples, small_sample
from understudy.dataset.colours import settle_colours
from understudy.dataset.empty_frames import empty_sources
from understudy.dataset.layers import Layers, choose_layers
from understudy.dataset.sources import Source, match, read_both
from understudy.errors import UnderstudyError
from understudy.frames import Frame, resolve_like, seen_planes
from understudy.frames.matte import largest_of, white_of
from understudy.settings import CheckSettings


@dataclass(frozen=True)
class CheckResult:
    """``findings`` in the order of the pairs, ``pairs`` how many there are, ``repairs`` what was done for
    each truth where that was asked for, ``notes`` sentences on what is left over."""

    pairs: int
    findings: tuple[Finding, ...]
    repairs: tuple[Repaired, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values, for programs."""
        names = ("frame", "name", "kind", "measure", "remedy", "confidence")
        values = [(f.number, f.name, f.kind, f.measure, f.remedy, f.confidence) for f in self.findings]
        return {
            "pairs": self.pairs,
            "findings": [dict(zip(names, each, strict=True)) for each in values],
            "repairs": [vars(each) for each in self.repairs],
            "notes": list(self.notes),
        }


def check(settings: CheckSettings) -> CheckResult:
    """Look at every pair of ``settings.data``; with ``settings.repair`` write repaired truths.

    Raises what reading the pairs raises, and SettingError for a folder that is not empty or holds the
    originals, before anything is written; WriteError after that.
    """
    sources, notes = match(settings.data)
    notes += empty_sources(settings.data, sources)[1]
    folder = settings.repair.repair
    if folder is not None:
        refuse_folder(folder, sources)
    first = read_both(sources[0])
    layers = choose_layers(settings.data.replace(extra=()), partial(map, read_both, sources))
    sized, wrong_size = _by_size(sources)
    if not sized:
        return CheckResult(len(sources), tuple(wrong_size), (), tuple(notes))
    space, settled, said = settle_colours(
        settings.colour, [sources[i] for i in sized], read_both(sources[sized[0]]), layers
    )
    ready = dict(zip(sized, settled, strict=True))
    encoding = encoding_for(space.space, [seen_planes(first[0], layers.inputs)])
    white = _white(list(ready.values()), layers)
    samples = [_sample(source, layers, encoding, white) for source in ready.values()]
    same = layers.outputs == layers.inputs[: len(layers.outputs)]
    found = [_renumbered(finding, sized) for finding in check_samples(samples, layers.kind, same)]
    findings = sorted([*wrong_size, *found], key=lambda finding: finding.pair)
    repairs = repair(folder, sources, findings, layers.truths, encoding, white) if folder else []
    return CheckResult(len(sources), tuple(findings), tuple(repairs), (*notes, *said))


def _renumbered(finding: Finding, places: list[int]) -> Finding:
    return replace(finding, pair=places[finding.pair])


def _by_size(sources: list[Source]) -> tuple[list[int], list[Finding]]:
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


def _white(sources: list[Source], layers: Layers) -> float:
    if layers.kind != "matte":
        return 1.0
    return white_of(max(largest_of(_truth(s.truth.read(s.truth_number), layers)) for s in sources))


def _truth(frame: Frame, layers: Layers) -> np.ndarray:
    return frame.planes(resolve_like(frame, layers.truths))


def _sample(source: Source, layers: Layers, encoding: ColourEncoding, white: float) -> Sample:
    plate, truth = read_both(source)
    values = _truth(truth, layers)
    if source.convert is not None:
        values = source.convert(values)
    matte = layers.kind == "matte"
    seen = np.clip(values / np.float32(white), 0, 1) if matte else encode(values, encoding)
    beside = []
    for number in (source.plate_number - 1, source.plate_number + 1):
        if source.plate.has(number):
            near = _plate_or_none(source, number, layers, encoding, plate)
            beside += [(number, near)] if near is not None else []
    own = encode(seen_planes(plate, resolve_like(plate, layers.inputs)), encoding)
    sample = Sample(_name(source), source.plate_number, own, np.nan_to_num(seen), tuple(beside))
    return small_sample(sample, matte)


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
