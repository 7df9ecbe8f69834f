"""Which frames of the plates are said to be empty: pairs that nobody has to paint."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from understudy.dataset.sources import Source
from understudy.errors import PairingError
from understudy.frames import Shot, format_numbers, parse_frame_range
from understudy.frames.matte import spread
from understudy.runs.corrections import MOST_OF_RANGE
from understudy.settings import DataSettings
from understudy.settings.data import NO_FRAMES


def empty_sources(data: DataSettings, painted: Sequence[Source]) -> tuple[list[Source], list[str]]:
    """The frames of ``--empty`` that are learned from, beside the ``painted`` ones, and sentences on them.
    Raises as ``choose_empty``."""
    found: list[Source] = []
    notes: list[str] = []
    for first, said, own in _by_plate(data, painted):
        chosen, note = choose_empty(first.plate, said, own)
        found += [_source(first, number) for number in chosen]
        notes += [note] if note else []
    return found, notes


def every_empty(data: DataSettings, painted: Sequence[Source]) -> list[Source]:
    """All frames of ``--empty`` that are there still and that nobody painted, also those that are not learned
    from. SequenceError for a range that cannot be read."""
    return [
        _source(first, number)
        for first, said, own in _by_plate(data, painted)
        if said != NO_FRAMES
        for number in sorted(set(parse_frame_range(said)) - own)
        if first.plate.has(number)
    ]


def _by_plate(data: DataSettings, painted: Sequence[Source]) -> Iterator[tuple[Source, str, set[int]]]:
    """Of each plate a painted source, what is said to be empty of it, and the numbers that are painted."""
    plates = {id(source.plate): source for source in painted}
    for first, said in zip(plates.values(), data.empty, strict=False):
        yield first, said, {source.plate_number for source in painted if source.plate is first.plate}


def choose_empty(plate: Shot, said: str, painted: Collection[int]) -> tuple[tuple[int, ...], str]:
    """The numbers of the frames of ``said`` that are learned from, and a sentence on them: no more than are
    ``painted`` of the plate, which they would outweigh, and evenly spread, as neighbours tell the same.

    PairingError where a frame is not in its plate, or is painted; SequenceError for a range that cannot be
    read.
    """
    if said == NO_FRAMES:
        return (), ""
    numbers = tuple(sorted(set(parse_frame_range(said))))
    _check_frames(plate, numbers, painted)
    chosen = tuple(spread(numbers, min(MOST_OF_RANGE, len(painted))))
    return chosen, _say(plate, numbers, chosen)


def _source(first: Source, number: int) -> Source:
    """Beside a painted source of the same plate: its truth is in the plate's encoding."""
    return replace(
        first, truth=first.plate, plate_number=number, truth_number=number, convert=None, empty=True
    )


def _check_frames(plate: Shot, numbers: tuple[int, ...], painted: Collection[int]) -> None:
    missing = tuple(number for number in numbers if not plate.has(number))
    if missing:
        raise PairingError(
            "The plate has no such frames.",
            expected=f"some of {format_numbers(plate.numbers)}",
            found=format_numbers(missing),
            where=f"--empty (Empty Frames) of {plate.spec}",
            remedy="Give numbers of frames that the plate has.",
        )
    both = tuple(number for number in numbers if number in painted)
    if both:
        raise PairingError(
            "Frames cannot be painted and empty at once.",
            expected="frames without a ground truth",
            found=f"a ground truth of {format_numbers(both)}",
            where=f"--empty (Empty Frames) of {plate.spec}",
            remedy="Leave these frames out of --empty, or their paintings out with --frames.",
        )


def _say(plate: Shot, numbers: tuple[int, ...], chosen: tuple[int, ...]) -> str:
    said = f"Empty, with nothing to matte or to change: {plate.spec} {format_numbers(numbers)}"
    if len(chosen) == len(numbers):
        return f"{said}."
    why = "tell no more" if len(chosen) == MOST_OF_RANGE else "than are painted would outweigh these"
    return f"{said}; of these {format_numbers(chosen)} are learned from, as more {why}."
