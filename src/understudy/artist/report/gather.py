"""What a run tells of itself for a report: pairs, corrections, settings, where it comes from."""

from __future__ import annotations

import datetime
from collections.abc import Container, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np

from understudy.artist.check import check
from understudy.artist.report import pictures
from understudy.artist.report.facts import CorrectionFacts, Finding, PairFacts
from understudy.colour import to_display
from understudy.colour.overlay import lay_over
from understudy.dataset.matching import has_sets, match
from understudy.dataset.named_truths import open_truth
from understudy.errors import ChannelError, UnderstudyError
from understudy.frames import (
    Frame,
    Shot,
    format_numbers,
    open_shot,
    pair_shots,
    resolve_channels,
    resolve_like,
)
from understudy.inference.provenance import fingerprint, networks_of
from understudy.models.channels import makes_mattes
from understudy.models.description import ModelDescription
from understudy.runs import RunFolder
from understudy.runs.asked import settings_of_run
from understudy.runs.corrections import Correction, active_corrections, read_corrections
from understudy.settings import CheckSettings, DataSettings

MOST_PAIRS = 48
PAIR_LONGEST = 640


def painted_frames(run: RunFolder, plate: Shot) -> frozenset[int]:
    """The frames of ``plate`` that the run has a ground truth of; none where its shots are gone."""
    found: set[int] = set()
    with suppress(UnderstudyError), ExitStack() as stack:
        for source, truth in _shots(settings_of_run(run).data, stack):
            if _same_files(source, plate):
                found |= {number for number, _ in pair_shots(source, truth).pairs}
    return frozenset(found & set(plate.numbers))


def pair_files(run: RunFolder) -> list[Path]:
    """The files of plates and truths of the run's pairs; none where its shots are gone."""
    files: list[Path] = []
    with suppress(UnderstudyError), ExitStack() as stack:
        for plate, truth in _shots(settings_of_run(run).data, stack):
            for number, other in pair_shots(plate, truth).pairs:
                files += [shot.path(n) for shot, n in ((plate, number), (truth, other)) if not shot.is_movie]
    return files


def pair_facts(run: RunFolder, model: ModelDescription, folder: Path) -> tuple[PairFacts, ...]:
    """The pairs that the network says it learned from, each with a picture in ``folder`` where its files are
    still there."""
    named = [pair for pair in model.provenance.get("pairs") or () if isinstance(pair, Mapping)][:MOST_PAIRS]
    wanted = {(str(pair.get("name", "")), _number(pair.get("frame"))) for pair in named}
    made = dict(_pair_pictures(run, model, folder, wanted))
    return tuple(
        PairFacts(
            name=str(pair.get("name", "")),
            frame=_number(pair.get("frame")),
            held_out=bool(pair.get("held_out")),
            empty=bool(pair.get("empty")),
            picture=made.get((str(pair.get("name", "")), _number(pair.get("frame"))), ""),
        )
        for pair in named
    )


def findings(run: RunFolder) -> tuple[tuple[Finding, ...] | None, str]:
    """What is wrong with the pairs that the run was begun with; None and a sentence where they cannot be
    looked at."""
    try:
        asked = settings_of_run(run)
        found = check(CheckSettings(**asked.data.given(), **asked.colour.given())).findings
    except UnderstudyError as error:
        return None, f"The pairs were not checked: {error.message} {error.found}".strip()
    return tuple(Finding(f"Frame {f.number} ({f.name})", f"{f.measure}.", f.remedy) for f in found), ""


def correction_facts(run: RunFolder) -> tuple[CorrectionFacts, ...]:
    """Every correction of the run. RunError when one is damaged."""
    return tuple(
        CorrectionFacts(each.id, each.kind, format_numbers(each.frames), each.author, each.time, each.undone)
        for each in read_corrections(run.path)
    )


def changed_plates(run: RunFolder) -> tuple[str, ...]:
    """Sentences on frames of the run's plates that are others than when they were corrected."""
    found: list[str] = []
    with suppress(UnderstudyError), ExitStack() as stack:
        data = settings_of_run(run).data
        for each in active_corrections(run.path):
            if each.plate < len(data.input):
                shot = stack.enter_context(open_shot(data.input[each.plate], part=data.part))
                changed = tuple(n for n in each.plate_hashes if shot.has(n) and _is_changed(each, shot, n))
                found += [_say_changed(each.id, changed)] if changed else []
    return tuple(found)


def _is_changed(correction: Correction, shot: Shot, number: int) -> bool:
    with suppress(UnderstudyError):
        return correction.is_changed(number, shot.read(number).content)
    return False  # what cannot be read is said elsewhere


def _say_changed(number: int, frames: tuple[int, ...]) -> str:
    """That frames were another picture when they were corrected."""
    return (
        f"The plate has changed since correction {number} was made: frames {format_numbers(frames)}. "
        "What was painted may not fit it any more."
    )


def corrected_frames(run: RunFolder) -> frozenset[int]:
    """The frames that a correction which is not undone says something of."""
    return frozenset(number for each in active_corrections(run.path) for number in each.frames)


def settings_text(run: RunFolder) -> dict[str, str]:
    """What the run was asked for, by the names of the settings; empty where it cannot be read."""
    try:
        given = settings_of_run(run).given()
    except UnderstudyError:
        return {}
    return {name: _plain(value) for name, value in given.items() if value not in (None, (), [])}


def provenance_text(model: ModelDescription, path: Path, result: Shot) -> dict[str, str]:
    """Which network this is, what it says of its making, and which frames of the result it made."""

    origin = model.provenance
    held_out, versions = origin.get("held_out"), origin.get("versions")
    lines = {
        "Network": path.name,
        "Written into frames as": fingerprint(path),
        "Made these frames": _made_by(networks_of(result), fingerprint(path)),
        "Steps": origin.get("steps"),
        "Held-out error": _plain(held_out) if held_out else "",
        "Channels in": ", ".join(model.input_channels),
        "Extra inputs": ", ".join(image.name for image in model.extra),
        "Channels out": ", ".join(model.output_channels),
        "Colour in": model.colour_in.space,
        "Colour out": model.colour_out.space,
        "Sees": f"{model.reach} pixels around each pixel" if model.reach else "",
        "Made": origin.get("date"),
        "Licence": origin.get("licence"),
        "Versions": _plain(versions) if versions else "",
    }
    return {name: _plain(value) for name, value in lines.items() if value}


def _made_by(networks: Mapping[str, tuple[int, ...]], own: str) -> str:
    """Which frames this network made, and which others did; they may name an older network, as an update
    leaves those alone that a newer one does not change."""
    names = {own: "this network", "": "none that they name"}
    said = (
        f"{names.get(network, f'another network, {network}')}: {format_numbers(numbers)}"
        for network, numbers in networks.items()
    )
    return "; ".join(said) or "not known: they do not say it"


def now() -> str:
    """The time, as ISO 8601 has it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _pair_pictures(
    run: RunFolder, model: ModelDescription, folder: Path, wanted: Container[tuple[str, int]]
) -> Iterator[tuple[tuple[str, int], str]]:
    """(name and frame, file name) of a picture of plate and truth of each pair that is wanted."""
    with suppress(UnderstudyError), ExitStack() as stack:
        count = 0
        for plate, number, truth, other in _pairs_of(settings_of_run(run).data, stack):
            name = plate.frame_name(number)
            if (name, number) not in wanted:
                continue
            with suppress(UnderstudyError):
                target = folder / f"pair_{count + 1:03d}.jpg"
                _draw_pair(plate, number, truth, other, model, target)
                count += 1
                yield (name, number), target.name
            if count >= MOST_PAIRS:
                return


def _pairs_of(data: DataSettings, stack: ExitStack) -> Iterator[tuple[Shot, int, Shot, int]]:
    """Each pair: where its plate, and where its truth is read."""
    if has_sets(data):
        for source in match(data)[0]:
            yield source.plate, source.plate_number, source.truth, source.truth_number
        return
    for plate, truth in _shots(data, stack):
        for number, other in pair_shots(plate, truth).pairs:
            yield plate, number, truth, other


def _draw_pair(
    plate: Shot, number: int, truth: Shot, other: int, model: ModelDescription, target: Path
) -> None:
    one, two = plate.read(number), truth.read(other)
    seen = to_display(one.planes(resolve_like(one, model.input_channels)), model.colour_in)
    shown = _painted(two, seen, model)
    if seen.shape[:2] == shown.shape[:2]:
        pictures.write_jpeg(target, pictures.side_by_side(seen, shown), PAIR_LONGEST)
    else:
        pictures.write_jpeg(target, pictures.three(shown), PAIR_LONGEST // 2)


def _painted(truth: Frame, plate: np.ndarray, model: ModelDescription) -> np.ndarray:
    """What was painted, in display values; of several mattes those that are, over the plate."""
    if makes_mattes(model):
        planes = np.zeros((*plate.shape[:2], len(model.output_channels)), np.float32)
        for index, name in enumerate(model.output_channels):
            with suppress(ChannelError, ValueError):
                planes[..., index] = truth.planes(resolve_channels(truth, name)[:1])[..., 0]
        return lay_over(plate, planes)
    names = ("A",) if model.kind == "matte" and "A" in truth.channels else resolve_channels(truth)
    return to_display(truth.planes(names[:1] if model.kind == "matte" else names), model.colour_out)


def _shots(data: DataSettings, stack: ExitStack) -> Iterator[tuple[Shot, Shot]]:
    for plate, truths in zip(data.input, data.truths, strict=True):
        yield (
            stack.enter_context(open_shot(plate, frames=data.frames, part=data.part)),
            stack.enter_context(open_truth(data.replace(frames=None), truths)),
        )


def _same_files(one: Shot, other: Shot) -> bool:
    common = next((number for number in one.numbers if other.has(number)), None)
    if common is None:
        return False
    with suppress(OSError):
        return one.path(common).samefile(other.path(common))
    return False


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items() if item not in (None, ""))
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value)
    return f"{value:.5g}" if isinstance(value, float) else str(value)
