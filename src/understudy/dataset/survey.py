"""A look at the header of every one of many pairs: whether it can be read, and how large it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain

from understudy.dataset.left_out import LeftOut
from understudy.dataset.sources import Source
from understudy.errors import FrameError, SizeError, UnderstudyError
from understudy.frames.matte import spread

THREADS = 4
AT_A_TIME = 256
EACH = 16
"""Pairs that a thread looks at between two that it is handed, which costs as much as a look."""
FIRST = 512
"""Pairs that are looked at first, from everywhere, so that they stand for all where time runs out."""

Look = tuple[tuple[int, int], tuple[int, int]]
"""Height and width of a pair, and how many channels plate and truth have."""


@dataclass
class Survey:
    """``sizes`` (height, width) of the pairs that were looked at, by index; ``broken``: those that cannot be
    used, and why; ``channels``: how many pairs have so many channels in plate and truth."""

    sizes: dict[int, tuple[int, int]] = field(default_factory=dict)
    broken: dict[int, UnderstudyError] = field(default_factory=dict)
    channels: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def looked_at(self) -> int:
        return len(self.sizes) + len(self.broken)

    def add(self, index: int, answer: Look | UnderstudyError) -> None:
        """What a look at the pair of an index has found."""
        if isinstance(answer, UnderstudyError):
            self.broken[index] = answer
            return
        self.sizes[index], channels = answer
        self.channels[channels] = self.channels.get(channels, 0) + 1

    def unseen(self, count: int) -> tuple[int, ...]:
        """Which of ``count`` pairs were not looked at."""
        if self.looked_at == count:
            return ()
        return tuple(index for index in range(count) if index not in self.sizes and index not in self.broken)

    def say(self, count: int, seconds: float | None) -> str:
        """A sentence on it."""
        heights, widths = zip(*(set(self.sizes.values()) or {(0, 0)}), strict=True)
        if (min(heights), min(widths)) == (max(heights), max(widths)):
            sizes = f"all of {widths[0]} x {heights[0]}"
        else:
            sizes = f"{min(widths)} to {max(widths)} pixels wide, {min(heights)} to {max(heights)} high"
        if self.looked_at < count:
            return (
                f"The headers of {self.looked_at} of {count} pairs were looked at, in {seconds:.0f} seconds: "
                f"{sizes}."
            )
        return f"The headers of all {count} pairs were looked at: {sizes}."


def survey(
    sources: Sequence[Source],
    seconds: float | None = None,
    told: Callable[[int], None] = lambda done: None,
) -> Survey:
    """Look at the headers of the pairs, no longer than so many ``seconds``; ``told`` how many are done."""
    found, began = Survey(), time.monotonic()
    first = spread(range(len(sources)), FIRST)
    rest = set(range(len(sources))) - set(first)
    order = [*first, *sorted(rest)]
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(order), AT_A_TIME):
            block = order[start : start + AT_A_TIME]
            parts = [block[at : at + EACH] for at in range(0, len(block), EACH)]
            answers = pool.map(lambda part: [look_at(sources[index]) for index in part], parts)
            for index, answer in zip(block, chain.from_iterable(answers), strict=True):
                found.add(index, answer)
            told(start + len(block))
            if seconds is not None and time.monotonic() - began > seconds:
                break
    return found


def look_at_headers(
    sources: Sequence[Source], left_out: LeftOut, seconds: float
) -> tuple[str, tuple[int, ...]]:
    """A sentence on the headers of pairs, and which of these there was no time for; those that cannot be read
    are left out. PairingError where they are more than may be."""
    found = survey(sources, seconds)
    why = {index: f"{error.message} {error.found}" for index, error in found.broken.items()}
    if why:
        left_out.check(why, (f"{sources[index].name}: {said}" for index, said in why.items()))
    for index, error in found.broken.items():
        left_out.add(index, sources[index].name, error)
    return found.say(len(sources), seconds), found.unseen(len(sources))


def look_at(source: Source) -> Look | UnderstudyError:
    """Size and channels of a pair, or why it cannot be used."""
    try:
        plate = source.plate.probe(source.plate_number)
        truth = source.truth.probe(source.truth_number)
    except UnderstudyError as error:
        return error
    if min(plate.height, plate.width) < 1:
        return FrameError("The image file cannot be used.", found="a header without pixels")
    if (plate.height, plate.width) == (truth.height, truth.width):
        return (plate.height, plate.width), (plate.channels, truth.channels)
    return SizeError(
        "The ground truth has another size than the plate.",
        expected=f"{plate.width} x {plate.height}",
        found=f"{truth.width} x {truth.height}",
        where=source.truth.frame_name(source.truth_number),
    )
