"""Which of many pairs are looked at for all of them, and which of them can be read."""

from __future__ import annotations

from collections.abc import Sequence

from understudy.dataset.left_out import LeftOut
from understudy.dataset.sources import Source, read_both
from understudy.errors import FrameError, UnderstudyError
from understudy.frames import check_size
from understudy.frames.matte import spread

SAMPLE = 64
"""Pairs that stand for all. So many pictures, or fewer, are all held."""
MANY_FRAMES = 256
"""Frames of shots that are all held: of a shot each is looked at, as an artist painted each."""
FEWEST = 4
SAMPLE_BYTES = 1_200_000_000
BYTES_PER_PIXEL = 32
"""Of a pair in network values: some eight channels."""


def are_many(sources: Sequence[Source]) -> bool:
    """Whether these are too many to be held and looked at one by one."""
    return len(sources) > (SAMPLE if any(source.plate.is_set for source in sources) else MANY_FRAMES)


def sample_of(sources: Sequence[Source], left_out: LeftOut) -> list[int]:
    """The indices of the pairs that stand for all, evenly spread; fewer where they are large. FrameError
    where none of some can be read."""
    pixels = _pixels_of_one(sources, left_out)
    most = max(FEWEST, min(SAMPLE, SAMPLE_BYTES // (pixels * BYTES_PER_PIXEL)))
    return list(dict.fromkeys(left_out.stand_in(index) for index in spread(range(len(sources)), most)))


def _pixels_of_one(sources: Sequence[Source], left_out: LeftOut) -> int:
    """How many pixels a pair has: the largest of a few that can be read."""
    found, error = 0, None
    for index in spread(range(len(sources)), FEWEST):
        source = sources[left_out.stand_in(index)]
        try:
            window = source.plate.read(source.plate_number).display_window
            found = max(found, window.width * window.height)
        except UnderstudyError as caught:
            error = caught
    if not found:
        raise error or FrameError("No pair can be read.")
    return found


def readable(sources: Sequence[Source], chosen: Sequence[int], left_out: LeftOut, many: bool) -> list[int]:
    """Those of the ``chosen`` pairs that can be read; of ``many`` another one takes the place of one that
    cannot. TrainingError where more cannot be read than may be left out."""
    found: dict[int, None] = {}
    for index in chosen:
        while index not in found and index not in left_out.indices:
            source = sources[index]
            try:
                check_size(*read_both(source), "ground truth")
                found[index] = None
            except UnderstudyError as error:
                left_out.add(index, source.name, error)
                index = left_out.stand_in(index) if many else index
    return list(found)
