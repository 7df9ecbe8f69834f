"""What was typed -> which plate belongs to which truth: shots by number, folders by name, lists and tars."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from understudy.dataset.by_name import pair_by_name, say_lonely
from understudy.dataset.named_truths import open_truth
from understudy.dataset.pair_lists import read_pair_list
from understudy.dataset.shards import read_shards
from understudy.dataset.sources import Source
from understudy.errors import PairingError, SettingError
from understudy.frames import Neighbours, Shot, format_numbers, open_shot, pair_shots, parse_frame_range
from understudy.frames.matte import look_at
from understudy.frames.picture_set import Picture, PictureSet
from understudy.frames.sequence import holds_one_shot
from understudy.settings import DataSettings
from understudy.settings.data import has_own_truths, is_pair_list


@dataclass(frozen=True)
class Matched:
    """The pairs to learn from, sentences on them and on what is left over, and the pairs that a list keeps
    for validation."""

    sources: tuple[Source, ...]
    notes: tuple[str, ...] = ()
    validation: tuple[Source, ...] = ()


def match(data: DataSettings, earlier: bool = False) -> tuple[list[Source], list[str]]:
    """Every pair to learn from in ``data``, and sentences on what is left over; read as before version 0.2.0,
    if ``earlier``. PairingError where there is none."""
    matched = match_all(data, earlier)
    return list(matched.sources), list(matched.notes)


def match_all(data: DataSettings, earlier: bool = False) -> Matched:
    """As ``match``, with the pairs for validation."""
    extras = tuple(open_shot(spec, as_held=earlier) for spec in data.extra)
    region = open_shot(data.region) if data.region else None
    found = [
        match_sides(plate, truths, data, earlier)
        for plate, truths in zip(data.input, data.truths, strict=True)
    ]
    sources = [source for each in found for source in each.sources]
    if not sources:
        raise PairingError("There are no pairs.", remedy="Check --input, --ground-truth and --frames.")
    if any(source.plate.is_set for source in sources):
        _refuse_beside_sets(data)
    notes = list(dict.fromkeys(note for each in found for note in each.notes))
    listed = [source for each in found for source in each.validation]
    sources, apart = keep_apart(sources, data.validation_share)
    validation = (*apart, *listed, *_validation(data))
    if extras or region is not None:
        sources = [replace(source, extras=extras, region=region) for source in sources]
    if region is None or earlier:
        return Matched(tuple(sources), tuple(notes), validation)
    look = look_at((region.read(source.region_number) for source in sources), "region")
    looked = tuple(replace(source, look=look) for source in sources)
    return Matched(looked, (*notes, *look.notes), validation)


def keep_apart(sources: list[Source], share: float) -> tuple[list[Source], list[Source]]:
    """Those to learn from, and ``share`` of them, evenly spread, that are kept for validation: at least one
    of either. PairingError where there are too few."""
    if not share:
        return sources, []
    count = min(max(1, round(share * len(sources))), len(sources) - 1)
    if count < 1:
        raise PairingError(
            "One pair cannot be both learned from and kept for validation.",
            expected="at least two pairs",
            found="one",
            where="--validation-share",
        )
    step = len(sources) / count
    apart = {int((index + 0.5) * step) for index in range(count)}
    learned = [source for index, source in enumerate(sources) if index not in apart]
    return learned, [sources[index] for index in sorted(apart)]


def _validation(data: DataSettings) -> Iterator[Source]:
    """The pairs of ``--validation-input``. Raises what ``match_sides`` raises."""
    whole, truths = data.replace(frames=None), iter(data.validation_ground_truth)
    for plate in data.validation_input:
        truth = {} if has_own_truths(plate) else {"": next(truths)}
        found = match_sides(plate, truth, whole)
        yield from (*found.sources, *found.validation)


def match_sides(plate: str, truths: Mapping[str, str], data: DataSettings, earlier: bool = False) -> Matched:
    """The pairs of one input and its ground truths, by the names of their mattes, "" where they have none: a
    list, tars, two folders of pictures, or shots. Raises what opening them raises, and PairingError."""
    if has_own_truths(plate):
        return _of_list(plate, data) if is_pair_list(plate) else _of_shards(plate, data)
    if "" in truths and are_by_name(plate, truths[""], data):
        return _by_name(plate, truths[""], data)
    return _of_shots(plate, truths, data, earlier)


def are_by_name(plate: str, truth: str, data: DataSettings) -> bool:
    """Whether these are two folders of which one is no shot. SettingError where that is asked for and they
    are no folders."""
    folders = [os.path.isdir(os.path.expanduser(spec)) for spec in (plate, truth)]
    if data.pair_by == "name" and not all(folders):
        raise SettingError(
            "Files are paired by name in two folders.",
            expected="two folders",
            found=f"{plate} and {truth}",
            where="--pair-by name",
            remedy="Name the folders, or leave --pair-by out.",
        )
    if data.pair_by != "number" or not all(folders):
        return data.pair_by == "name"
    return not all(holds_one_shot(os.path.expanduser(spec)) for spec in (plate, truth))


def has_sets(data: DataSettings) -> bool:
    """Whether any input is a set of pictures."""
    return any(is_set(data, index) for index in range(len(data.input)))


def is_set(data: DataSettings, index: int) -> bool:
    """Whether the input of this index is a set of pictures: by name, of a list or of tar files."""
    plate, truths = data.input[index], data.truths[index]
    return has_own_truths(plate) or ("" in truths and are_by_name(plate, truths[""], data))


def has_shots(data: DataSettings) -> bool:
    """Whether any input is a shot, whose frames have numbers, and not a set of pictures."""
    return not all(is_set(data, index) for index in range(len(data.input)))


# -- shots -----------------------------------------------------------------------------------------------


def _of_shots(spec: str, truths: Mapping[str, str], data: DataSettings, earlier: bool) -> Matched:
    plate = open_shot(spec, part=data.part, as_held=earlier)
    truth = open_truth(data, truths, earlier)
    if not earlier:
        truth.prefer(plate.part_name)
    pairing = pair_shots(plate, truth, data.pair_by)
    notes = [*plate.notes, *truth.notes, *_name_folders(plate, truth)]
    notes += [*_name_unmatched(plate, truth, pairing.unmatched_truth), *_name_absent(truth)]
    if data.pair_by == "order":
        notes.append(_name_order(plate, truth, pairing.pairs))
    beside = Neighbours(plate)
    sources = tuple(Source(plate, truth, (), None, a, b, beside) for a, b in pairing.pairs)
    return Matched(sources, tuple(notes))


def _name_folders(plate: Shot, truth: Shot) -> list[str]:
    """Of two folders it is not plain whether they are shots or pictures, so it is said."""
    folders = [os.path.isdir(os.path.expanduser(shot.spec)) for shot in (plate, truth)]
    if not all(folders) or plate.is_still or plate.is_movie:
        return []
    return [
        f"{plate.spec} and {truth.spec} hold one sequence each: frames of a shot, paired by their numbers "
        "(--pair-by name takes them as pictures)."
    ]


def _name_order(plate: Shot, truth: Shot, pairs: tuple[tuple[int, int], ...]) -> str:
    """Pairs by order are wrong without a sign where a frame is missing: so it is said which they are."""
    befores, afters = (tuple(numbers) for numbers in zip(*pairs, strict=True))
    left = len(plate.numbers) - len(pairs)
    rest = f"; {left} frames of the plate are left over" if left else ""
    both = f"{plate.spec} {format_numbers(befores)} with {truth.spec} {format_numbers(afters)}"
    return f"Paired by their order: {both}{rest}"


def _name_unmatched(plate: Shot, truth: Shot, unmatched: tuple[int, ...]) -> list[str]:
    if not unmatched:
        return []
    return [f"Not used, as {plate.spec} has no such frames: {truth.spec} {format_numbers(unmatched)}"]


def _name_absent(truth: Shot) -> list[str]:
    """Frames of ``--frames`` that nobody painted: no failure, as a range may say where pairs lie."""
    if not (truth.requested and truth.missing):
        return []
    return [f"Of the frames of --frames, {truth.spec} has no {format_numbers(truth.missing)}."]


# -- sets of pictures --------------------------------------------------------------------------------------


def _by_name(plate: str, truth: str, data: DataSettings) -> Matched:
    found = pair_by_name(os.path.expanduser(plate), os.path.expanduser(truth))
    notes = [
        f"Paired by name: {len(found.pairs)} pictures of {plate} and {truth}.",
        *say_lonely(plate, truth, found.lonely_plates),
        *say_lonely(truth, plate, found.lonely_truths),
    ]
    return Matched(_sources(plate, truth, found.pairs, data), tuple(notes))


def _of_list(spec: str, data: DataSettings) -> Matched:
    listed = read_pair_list(spec)
    pairs = [(row.input, row.truth) for row in listed.rows]
    sources = _sources(spec, spec, pairs, data, [row.weight for row in listed.rows])
    split = {number: row.split for number, row in enumerate(listed.rows, 1)}
    of = {name: tuple(s for s in sources if split[s.plate_number] == name) for name in set(split.values())}
    learned = tuple(source for source in of.get("train", ()) if source.share > 0)
    counts = {
        "for validation": len(of.get("validation", ())),
        "for tests, which are left alone": len(of.get("test", ())),
        "of weight 0, which are not learned from": len(of.get("train", ())) - len(learned),
    }
    rest = "".join(f", {count} {what}" for what, count in counts.items() if count)
    notes = [f"{spec}: {len(learned)} pairs to learn from{rest}."]
    if listed.lonely:
        notes += say_lonely(spec, "its row", listed.lonely)
    return Matched(learned, tuple(notes), of.get("validation", ()))


def _of_shards(spec: str, data: DataSettings) -> Matched:
    shards = read_shards(spec)
    tars = "1 tar file" if shards.tars == 1 else f"{shards.tars} tar files"
    notes = [f"{spec}: {len(shards.pairs)} pairs in {tars}."]
    notes += say_lonely(spec, "the tar", shards.lonely)
    return Matched(_sources(spec, spec, shards.pairs, data), tuple(notes))


def _sources(
    plate: str,
    truth: str,
    pairs: Sequence[tuple[Picture, Picture]],
    data: DataSettings,
    shares: Sequence[float] = (),
) -> tuple[Source, ...]:
    """The pairs of two sets, numbered from 1; of these ``--frames`` takes some."""
    plates = PictureSet(plate, {number: pair[0] for number, pair in enumerate(pairs, 1)}, "plate")
    truths = PictureSet(truth, {number: pair[1] for number, pair in enumerate(pairs, 1)}, "truth")
    numbers = plates.numbers
    if data.frames is not None:
        wanted = set(parse_frame_range(data.frames))
        numbers = tuple(number for number in numbers if number in wanted)
    beside = Neighbours(plates)
    weights = shares or (1.0,) * len(pairs)
    return tuple(
        Source(plates, truths, (), None, number, number, beside, share=weights[number - 1])
        for number in numbers
    )


def _refuse_beside_sets(data: DataSettings) -> None:
    """SettingError where what goes by frame number is given for pictures, which have none."""
    given = {"--extra": data.extra, "--region": data.region, "--empty": data.empty}
    wrong = [flag for flag, value in given.items() if value]
    if not wrong:
        return
    raise SettingError(
        "This goes with the frames of shots, and not with pictures by name, of a list or of tar files.",
        expected="shots alone as --input",
        found="pictures, which have no frame numbers",
        where=", ".join(wrong),
        remedy=f"Leave {' and '.join(wrong)} out.",
    )
