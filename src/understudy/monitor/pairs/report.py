"""The pairs report of a training that has not started: pairs, unmatched frames, steps, time, warnings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from pydantic import BaseModel

from understudy.dataset.colours import say_colours
from understudy.dataset.empty_frames import choose_empty
from understudy.dataset.file_check import check_sources
from understudy.dataset.keying import NotKeyedError
from understudy.dataset.layers import choose_layers
from understudy.dataset.matching import has_sets
from understudy.dataset.sources import Source
from understudy.errors import ColourError, UnderstudyError
from understudy.frames import Neighbours, Pairing, Shot, format_numbers, pair_shots
from understudy.monitor.pairs.beginning import begin_of
from understudy.monitor.pairs.pictures import Shown, look_at, match_pictures, shown_of
from understudy.monitor.paths.allowed import AllowedFolders
from understudy.monitor.runs.rows import RunRow
from understudy.settings import ColourSettings, DataSettings, TrainSettings
from understudy.settings.field import NOWHERE, split_name
from understudy.training.plan import choose_batch_size, step_pixels

MOST_COMPARED = 8  # pairs compared pixel by pixel


class Pair(BaseModel):
    """A plate frame and its ground truth. ``shot`` is an index into ``shots``."""

    shot: int
    input: int
    ground_truth: int


class ShotPairs(BaseModel):
    """One plate with its ground truth. Ranges are text such as 1001-1004,1010."""

    input: str
    ground_truth: str
    unmatched_input: str = ""
    unmatched_ground_truth: str = ""


class PairsReport(BaseModel):
    """The pairs of a data set. Of pictures, which are no frames of shots, ``shots`` and ``pairs`` list none:
    ``count`` says how many there are, and ``shown`` has a few of them.

    ``total_steps`` is None when a time limit decides; ``seconds`` is None while no run has measured the speed
    of this machine. ``batch_size`` may still change at the start when it is auto. ``notes`` and ``warnings``
    are sentences for the artist.
    """

    shots: list[ShotPairs]
    pairs: list[Pair]
    count: int = 0
    shown: list[Shown] = []
    width: int = 0
    height: int = 0
    batch_size: int = 1
    total_steps: int | None = None
    seconds: float | None = None
    notes: list[str] = []
    warnings: list[str] = []


def pairs_report(settings: TrainSettings, allowed: AllowedFolders, rows: Sequence[RunRow]) -> PairsReport:
    """The report for ``settings``. Raises what the training would raise: no frames, no pairs."""
    if has_sets(settings.data):
        return _pictures_report(settings, allowed, rows)
    data = settings.data
    plates = [
        index for index, truths in enumerate(data.truths) for spec in truths.values() if spec != NOWHERE
    ]
    specs = [spec for truths in data.truths for spec in truths.values() if spec != NOWHERE]
    shots = [
        (allowed.shot(data.input[plate], data.frames, data.part), allowed.shot(spec, data.frames))
        for plate, spec in zip(plates, specs, strict=True)
    ]
    pairings = [pair_shots(plate, truth, data.pair_by) for plate, truth in shots]
    report = PairsReport(
        shots=[_shot_pairs(*shot, pairing) for shot, pairing in zip(shots, pairings, strict=True)],
        pairs=[
            Pair(shot=index, input=one, ground_truth=other)
            for index, pairing in enumerate(pairings)
            for one, other in pairing.pairs
        ],
    )
    empty = _count_empty(report, settings, allowed, plates)
    frames = {(plates[pair.shot], pair.input) for pair in report.pairs}  # one pair, however many mattes
    report.count = len(frames) + empty
    _estimate(report, settings, rows)
    report.warnings = [*_say_choices(report, settings, shots, pairings), *_warnings(report, settings, shots)]
    return report


def _pictures_report(settings: TrainSettings, allowed: AllowedFolders, rows: Sequence[RunRow]) -> PairsReport:
    """The report where pictures by name, of lists or of tar files are among what is learned from."""
    matched = match_pictures(settings.data, allowed)
    sources = list(matched.sources)
    looked = look_at(sources, settings)
    report = PairsReport(
        shots=[],
        pairs=[],
        count=len(sources),
        shown=list(shown_of(sources)),
        width=looked.width,
        height=looked.height,
        notes=[*matched.notes, *looked.notes],
        warnings=looked.warnings,
    )
    if matched.validation:
        report.notes.append(f"{len(matched.validation)} pairs are kept for validation.")
    _estimate(report, settings, rows)
    return report


def _count_empty(
    report: PairsReport, settings: TrainSettings, allowed: AllowedFolders, plates: Sequence[int]
) -> int:
    """How many frames of ``--empty`` are learned from; adds sentences on them to ``report``. ``plates``: of
    which plate each of its shots is."""
    data, count = settings.data, 0
    for index, said in enumerate(data.empty):
        plate = allowed.shot(data.input[index], part=data.part)
        painted = sorted({pair.input for pair in report.pairs if plates[pair.shot] == index})
        chosen, note = choose_empty(plate, said, painted)
        count += len(chosen)
        report.notes += [note] if note else []
    return count


def _say_choices(
    report: PairsReport,
    settings: TrainSettings,
    shots: Sequence[tuple[Shot, Shot]],
    pairings: Sequence[Pairing],
) -> list[str]:
    """Adds the notes that the training would begin with, on parts, layers and colours, to ``report``; returns
    what it would refuse."""
    start = begin_of(settings)
    notes, refused, keys = [*start.notes], [*start.refused], start.keys
    for (plate, truth), pairing in zip(shots, pairings, strict=True):
        try:
            truth.prefer(plate.part_name)
            notes += [*plate.notes, *truth.notes]
            first = pairing.pairs[0]
            pair = plate.read(first[0]), truth.read(first[1])
            data = settings.data.replace(extra=())  # extras stay unopened here
            plain = choose_layers(data, partial(iter, [pair]))
            notes += say_colours(settings.colour, *pair, plain)
            layers = choose_layers(data, partial(iter, [pair]), keys=True) if keys else plain
            notes.append(layers.sentence)
        except (ColourError, NotKeyedError) as error:
            refused.append(f"{error.message} {error.remedy}")
        except UnderstudyError:
            continue  # the look at the pairs of the pairs says so
    report.notes = [*dict.fromkeys(notes), *report.notes]
    return refused


def _shot_pairs(plate: Shot, truth: Shot, pairing: Pairing) -> ShotPairs:
    return ShotPairs(
        input=plate.spec,
        ground_truth=truth.spec,
        unmatched_input=_range(pairing.unmatched_input),
        unmatched_ground_truth=_range(pairing.unmatched_truth),
    )


def _range(numbers: Sequence[int]) -> str:
    return format_numbers(numbers) if numbers else ""


def _estimate(report: PairsReport, settings: TrainSettings, rows: Sequence[RunRow]) -> None:
    size, schedule = settings.network.model_size, settings.schedule
    size = "medium" if size == "auto" else size  # only a time limit changes it
    like = [row for row in rows if row.model_size == size and row.pace]
    crop, pixels = (settings.augmentation.crop_size,) * 2, step_pixels("cpu", "float32")
    chosen = choose_batch_size(schedule.batch_size, crop, pixels, sys.maxsize, 1)
    report.batch_size = chosen
    if schedule.batch_size == "auto":
        report.notes.append(f"Batch Size auto: about {chosen}, settled at the start by the free memory.")
    epochs = schedule.planned_epochs
    steps = [max(1, epochs * report.count // chosen)] if epochs else []
    steps += [schedule.max_steps] if schedule.max_steps else []
    report.total_steps = min(steps) if steps else None
    speed = like[0].pace if like else None
    times = [report.total_steps / speed] if report.total_steps and speed else []
    times += [schedule.time_limit] if schedule.time_limit else []
    report.seconds = min(times) if times else None
    if report.seconds is None:
        report.notes.append("The time is known after the first steps.")


def _warnings(report: PairsReport, settings: TrainSettings, shots: Sequence[tuple[Shot, Shot]]) -> list[str]:
    """What is wrong with the pairs, of several mattes with those of each; a frame that cannot be read is,
    too."""
    names = settings.data.mattes
    if not names:
        return _warnings_of(report, settings.data, settings.colour, shots, report.pairs)
    plain = settings.data.replace(input=settings.data.input[:1], ground_truth=("one",), empty=())
    warnings = []
    for index, name in enumerate(split_name(spec)[0] for spec in _given(settings.data)):
        pairs = [pair for pair in report.pairs if pair.shot == index]
        warnings += [f"{name}: {said}" for said in _warnings_of(report, plain, settings.colour, shots, pairs)]
    return warnings


def _given(data: DataSettings) -> list[str]:
    """The painted shots with their names, in the order of the shots of a report."""
    return [f"{name}={spec}" for truths in data.truths for name, spec in truths.items() if spec != NOWHERE]


def _warnings_of(
    report: PairsReport,
    data: DataSettings,
    colour: ColourSettings,
    shots: Sequence[tuple[Shot, Shot]],
    pairs: Sequence[Pair],
) -> list[str]:
    sources = [_source(shots[pair.shot], pair) for pair in _spread(pairs, MOST_COMPARED)]
    try:
        looked = check_sources(sources, data, colour, beside=False)
    except ColourError:
        return []  # said among the choices
    except UnderstudyError as error:
        return [f"{error.message} {error.where}".strip()]
    report.width, report.height = looked.size
    return [finding.sentence for finding in looked.findings]


def _source(shots: tuple[Shot, Shot], pair: Pair) -> Source:
    plate, truth = shots
    return Source(plate, truth, (), None, pair.input, pair.ground_truth, Neighbours(plate))


def _spread(pairs: Sequence[Pair], most: int) -> list[Pair]:
    if len(pairs) <= most:
        return list(pairs)
    return [pairs[round(index * (len(pairs) - 1) / (most - 1))] for index in range(most)]


def frames_to_paint(plate: Sequence[int], painted: Sequence[int], most: int = 3) -> list[int]:
    """The plate frames that lie farthest from every painted one: where another pair teaches most."""
    known, free = sorted(set(painted)), sorted(set(plate) - set(painted))
    chosen: list[int] = []
    while free and known and len(chosen) < most:
        best = max(free, key=lambda number: (min(abs(number - k) for k in known), -number))
        chosen.append(best)
        known.append(best)
        free.remove(best)
    return sorted(chosen)
