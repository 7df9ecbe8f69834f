"""Frames that follow each other, whether anybody painted them or not, and the motion between them.

What the network makes of one has to agree with what it makes of the next, along that motion. Nothing but the
plate is asked for: the frames that nobody painted tell as much as the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from understudy.dataset.packing import shrunk_planes
from understudy.dataset.pairs import DataSet
from understudy.dataset.sources import Source
from understudy.errors import FrameError, SettingError
from understudy.network.places import place_planes
from understudy.temporal import flow_between, grey, is_cut

MOST = 32
"""Links: enough to see a shot's motion; each costs two frames of memory and one search of the flow."""
BYTES = 512_000_000
"""Of memory that they may take."""
LEAST_SIDE = 64
"""Pixels of the shorter side of a frame that a crop is worth while of."""
LEAST_SURE = 0.2
"""The part of the frame whose motion has to be known."""


@dataclass(frozen=True, eq=False)
class Link:
    """Two frames in network values, float16 (channels, H, W), ``first`` and the one right after it. What is
    at (x, y) of the first is at (x, y) + ``vectors`` (2, H, W) of ``second``, in pixels, where ``sure``
    (H, W)."""

    first: Tensor
    second: Tensor
    vectors: Tensor
    sure: Tensor

    @property
    def size(self) -> tuple[int, int]:
        return self.sure.shape[0], self.sure.shape[1]


def read_links(data: DataSet, factor: int, placed: bool) -> list[Link]:
    """Links spread over the plates of ``data``, in frames ``factor`` times smaller than theirs. ``placed``:
    the network is told the places of its pixels too. SettingError where no frame follows another one, or
    nothing is known of their motion."""
    found: list[Link] = []
    every = _followed(data.sources)
    room = MOST
    for source, number in _spread(every, MOST):
        link = _link(data, source, number, factor, placed)
        if link is None:
            continue
        found.append(link)
        room = min(MOST, max(1, BYTES // (2 * link.first.nbytes + 5 * link.sure.nbytes)))
        if len(found) >= room:
            break
    if not found:
        raise _nothing_follows(data, bool(every))
    return found


def _followed(sources: Sequence[Source]) -> list[tuple[Source, int]]:
    """Every frame of every plate that another one follows."""
    plates = {id(source.plate): source for source in sources}
    return [
        (source, number)
        for source in plates.values()
        for number in source.plate.numbers
        if source.beside.has(number, [1])
    ]


def _spread(every: Sequence[tuple[Source, int]], most: int) -> Iterator[tuple[Source, int]]:
    """At most so many, in an order in which any first few are spread over all of them."""
    places = np.linspace(0, len(every) - 1, min(most, len(every))).round().astype(int).tolist()
    golden = 0.6180339887498949
    for place in sorted(range(len(places)), key=lambda index: (index + 1) * golden % 1.0):
        yield every[places[place]]


def _link(data: DataSet, source: Source, number: int, factor: int, placed: bool) -> Link | None:
    """The frames ``number`` and the next one; None across a cut, where too little of the motion is known, or
    where a frame cannot be read."""
    try:
        first, second = (_values(data, source, each, factor, placed) for each in (number, number + 1))
    except FrameError:
        return None
    if first.shape != second.shape or min(first.shape[1:]) < LEAST_SIDE:
        return None
    count = len(data.input_channels)
    guides = [grey(each[:count].permute(1, 2, 0).float().numpy()) for each in (first, second)]
    if is_cut(*guides):
        return None
    flow = flow_between(*guides)
    if flow.sure.mean() < LEAST_SURE:
        return None
    vectors = torch.from_numpy(flow.vectors).permute(2, 0, 1).contiguous()
    return Link(first, second, vectors.half(), torch.from_numpy(flow.sure))


def _values(data: DataSet, source: Source, number: int, factor: int, placed: bool) -> Tensor:
    """(channels, H, W) float16: all that the network takes in of one frame."""
    frame = source.plate.read(number)
    values = torch.from_numpy(data.inputs_of(frame, source.beside, source.extras))
    if placed:
        values = torch.cat([values, place_planes(*values.shape[:2]).permute(1, 2, 0)], 2)
    if factor > 1:
        values = shrunk_planes(values, factor)
    return values.permute(2, 0, 1).half().contiguous()


def _nothing_follows(data: DataSet, some: bool) -> SettingError:
    plates = ", ".join(dict.fromkeys(source.plate.spec for source in data.sources))
    if some:
        found, remedy = (
            f"frames of under {LEAST_SIDE} pixels, or none of whose motion is sure",
            "Leave --agreement out.",
        )
    else:
        found, remedy = plates, "Give the whole shot as --input, and not the painted frames alone."
    return SettingError(
        "There are no frames that could agree along the motion.",
        expected="plate frames that follow each other, with motion that can be found",
        found=found,
        where="--agreement",
        remedy=remedy,
    )
