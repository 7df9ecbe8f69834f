"""Where the pairs of a training lie: packed in memory, or each made shortly before it is learned from."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from understudy.dataset.later_look import LaterLook
from understudy.dataset.left_out import LeftOut
from understudy.dataset.packing import (
    Laying,
    Material,
    Packed,
    above,
    focus_of,
    kind_of,
    noise_floor,
    pack,
)
from understudy.dataset.pair_cache import PairCache
from understudy.dataset.pairs import DataSet, Pair
from understudy.dataset.stream import Feed, PairStream, Spent
from understudy.device import core_count, free_memory, release_memory
from understudy.runs.cache_folder import cache_of
from understudy.settings import DataSettings
from understudy.training.evaluation import compared_with, middle_of
from understudy.training.plan import Plan
from understudy.training.targets import MakeMaterial
from understudy.version import __version__

MOST_IN_MEMORY = 1_500_000_000
MOST_THREADS = 8
GB = 1e9
VIEWS = (1, 2, 4)
"""The pairs, their coarse view, and whole pictures, as ``Plan.half`` counts them."""


@dataclass(frozen=True)
class Fed:
    """``pairs`` as crops are drawn from them; ``packed``: the same, where they lie in memory as one;
    ``told``: those that tell where most is to be learned, all or a sample; ``kept``: what is left of the
    pairs that were in memory; ``half``: which views are stored in 16 bits, where not all
    pairs tell it."""

    pairs: Packed | PairStream
    packed: Packed | None
    told: Packed
    kept: tuple[Pair, ...]
    half: int | None
    notes: tuple[str, ...] = ()

    @property
    def feed(self) -> Feed | None:
        return self.pairs.feed if isinstance(self.pairs, PairStream) else None

    def focus(self, matte: bool, painted: int) -> float:
        """The share of crops that is worth drawing where the change is."""
        return focus_of(self.told, matte, painted)


def feed_of(
    settings: DataSettings,
    data: DataSet,
    pairs: list[Pair],
    make: MakeMaterial,
    views: tuple[int, int],
    plan: Plan | None,
    whole: int | None,
    device: torch.device,
) -> Fed:
    """Lay the ``pairs`` of ``data`` down, which has none itself, so that each can be let go: of each the list
    then has what is left. ``views``: how many times smaller the coarse view is, and how large whole pictures
    are; ``plan``: that of a run that goes on; ``whole``: which of the pairs stays as it is, as it is judged
    as a whole."""
    count = data.count if data.is_many else len(pairs)
    own = [(pair.input.shape[0], pair.input.shape[1]) for pair in pairs]
    one_by_one = _one_by_one(data, pairs, make, whole, device)
    if not data.is_many and settings.data != "stream":
        packed = pack(one_by_one, own, *views)
        return Fed(packed, packed, packed, tuple(pairs), None)
    plain = torch.float32
    sampled = pack(one_by_one, own, *views, Laying((plain, plain, plain)))
    total = round(sum(height * width for height, width in own) / len(own) * count)
    half = (
        _halves(total, sum(sampled.parts), count, views) if plan is None or plan.half is None else plan.half
    )
    fine, coarse, pictures = (torch.float16 if half & bit else torch.float32 for bit in VIEWS)
    sampled, floors = _above_noise(sampled)
    laying = Laying((fine, coarse, pictures), floors)
    ledger = data.left_out or LeftOut(count, settings.allow_broken, plan.left_out if plan else [])
    threads = min(MOST_THREADS, core_count()) if settings.data_threads == "auto" else settings.data_threads
    maker = _Maker(data, make, views, laying)
    feed = Feed(maker, lambda index: data.sources[index].name, ledger, threads)
    maker.feed = feed
    size = total * sum(sampled.parts) * fine.itemsize
    notes = _place(settings, feed, size, count)
    if notes and data.unseen:
        feed.later = LaterLook(data.sources, data.unseen)
        notes += (f"The headers of the other {len(data.unseen)} pairs are looked at while it learns.",)
    return Fed(PairStream(feed, sampled.parts, *views), None, sampled, tuple(pairs), half, notes)


def _halves(total: int, channels: int, count: int, views: tuple[int, int]) -> int:
    """Which views are stored in 16 bits, as a sum of VIEWS; told by how many pixels all pairs have."""
    each = (total, total // views[0] ** 2, count * views[1] ** 2)
    halves = [kind_of(pixels, channels) == torch.float16 for pixels in each]
    return sum(bit for bit, half in zip(VIEWS, halves, strict=True) if half)


def _place(settings: DataSettings, feed: Feed, size: int, count: int) -> tuple[str, ...]:
    """Have the pairs held, or streamed; a sentence on it."""
    room = min(MOST_IN_MEMORY, free_memory(torch.device("cpu")) // 4)
    if settings.data == "memory" or (settings.data == "auto" and size <= room):
        feed.hold_all()
        return ()
    return (
        f"{count} pairs, {size / GB:.1f} GB: each is read shortly before it is learned from, by "
        f"{feed.threads} threads, and up to {settings.data_cache:g} GB of them are kept "
        "decoded in the run's folder.",
    )


def _above_noise(sampled: Packed) -> tuple[Packed, tuple[float, float, float]]:
    """The pairs without what noise changes everywhere, and how much that is in each view, of images."""
    if not sampled.parts[2]:
        return sampled, (0.0, 0.0, 0.0)
    views = (sampled, sampled.coarse, sampled.whole)
    fine, coarse, whole = (noise_floor(view.changes, view.weights) if view else 0.0 for view in views)
    return replace(sampled, changes=above(sampled.changes, fine)), (fine, coarse, whole)


def _one_by_one(
    data: DataSet, pairs: list[Pair], make: MakeMaterial, whole: int | None, device: torch.device
) -> Iterator[Material]:
    """The materials, as they are asked for. Of each pair, ``pairs`` then keeps the middle alone: all of it
    lies ready for crops by then, and frames can be large. ``whole`` stays, as it is judged as a whole, and
    more of the one that it is compared with."""
    compared = None if whole is None else compared_with(whole)
    for index in range(len(pairs)):
        pairs[index] = data.complete(index, pairs[index])
        yield make(index, pairs[index])
        if index != whole:
            pairs[index] = middle_of(pairs[index], index == compared)
            release_memory(device)


class _Maker:
    """Reads a pair, and lays it down as all others are; from the cache, where it is in it."""

    def __init__(self, data: DataSet, make: MakeMaterial, views: tuple[int, int], laying: Laying) -> None:
        self._data, self._make, self._views, self._laying = data, make, views, laying
        self.feed: Feed | None = None

    def __call__(self, index: int) -> tuple[Packed, Spent]:
        began, source = time.monotonic(), self._data.sources[index]
        cache = self.feed.cache if self.feed is not None else None
        stamp = f"{source.plate.stamp(source.plate_number)} {source.truth.stamp(source.truth_number)}"
        found = cache.get(index, stamp) if cache is not None else None
        if found is not None:
            return found, Spent(time.monotonic() - began, 0.0)
        source.plate.read_ahead(source.plate_number)
        source.truth.read_ahead(source.truth_number)
        read = time.monotonic()
        pair = self._data.read(source)
        material = self._make(None if self._data.is_many else index, pair)
        size = (pair.input.shape[0], pair.input.shape[1])
        packed = pack([material], [size], *self._views, self._laying)
        if cache is not None:
            cache.put(index, stamp, packed)
        return packed, Spent(read - began, time.monotonic() - read)

    @property
    def recipe(self) -> str:
        """What tells how pairs are made."""
        data = self._data
        said = [
            __version__,
            data.layers.inputs,
            data.layers.truths,
            data.layers.outputs,
            data.layers.offsets,
            [data.colour_in.model_dump_json(), data.colour_out.model_dump_json()],
            data.maker.white.tolist() if data.maker else [],
            str(self._laying),
            self._views,
        ]
        return hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()


def open_cache(feed: Feed, run: Path, gigabytes: float, processes: int) -> None:
    """Let the feed of a run keep pairs decoded in its folder."""
    recipe = getattr(feed.make, "recipe", "")
    if gigabytes > 0:
        feed.cache = PairCache(cache_of(run), gigabytes * GB / processes, recipe)
