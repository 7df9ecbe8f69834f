"""A look at the header of every one of many pairs: whether it can be read, and how large it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from understudy.dataset.left_out import LeftOut
from understudy.dataset.sources import Source
from understudy.errors import FrameError, SizeError, UnderstudyError
from understudy.frames.matte import spread

THREADS = 4
AT_A_TIME = 256
FIRST = 512
"""Pairs that are looked at first, from everywhere, so that they stand for all where time runs out."""


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

    def say(self, count: int, seconds: float | None) -> str:
        """A sentence on it."""
        heights, widths = zip(*self.sizes.values(), strict=True) if self.sizes else ((0,), (0,))
        if (min(heights), min(widths)) == (max(heights), max(widths)):
            sizes = f"all of {widths[0]} x {heights[0]}"
        else:
            sizes = f"{min(widths)} to {max(widths)} pixels wide, {min(heights)} to {max(heights)} high"
        if self.looked_at < count:
            return (
                f"The headers of {self.looked_at} of {count} pairs were looked at, in {seconds:.0f} seconds: "
                f"{sizes}. understudy check looks at all."
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
            for index, answer in zip(block, pool.map(lambda i: _look(sources[i]), block), strict=True):
                if isinstance(answer, UnderstudyError):
                    found.broken[index] = answer
                else:
                    size, channels = answer
                    found.sizes[index] = size
                    found.channels[channels] = found.channels.get(channels, 0) + 1
            told(start + len(block))
            if seconds is not None and time.monotonic() - began > seconds:
                break
    return found


def look_at_headers(sources: Sequence[Source], left_out: LeftOut, seconds: float) -> str:
    """A sentence on the headers of pairs; those that cannot be read are left out. PairingError where they are
    more than may be."""
    found = survey(sources, seconds)
    why = {index: f"{error.message} {error.found}" for index, error in found.broken.items()}
    if why:
        left_out.check(why, (f"{sources[index].name}: {said}" for index, said in why.items()))
    for index, error in found.broken.items():
        left_out.add(index, sources[index].name, error)
    return found.say(len(sources), seconds)


def _look(source: Source) -> tuple[tuple[int, int], tuple[int, int]] | UnderstudyError:
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
