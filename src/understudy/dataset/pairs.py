"""Plate and ground truth, matched, checked, turned into network values and held in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from understudy.colour import PLAIN, ColourEncoding, encode, encoding_for
from understudy.dataset.colours import settle_colours
from understudy.dataset.empty import check_empty
from understudy.dataset.empty_frames import empty_sources
from understudy.dataset.layers import Layers, choose_layers, read_inputs, with_inputs
from understudy.dataset.left_out import LeftOut
from understudy.dataset.matching import match_all
from understudy.dataset.mattes import ONE, note_painted, whites_of
from understudy.dataset.neighbours import choose_neighbours
from understudy.dataset.outputs import check_outputs
from understudy.dataset.pair import Pair, PairMaker
from understudy.dataset.pair_notes import note_nothing_to_learn, note_unknown
from understudy.dataset.sampling import are_many, readable, sample_of
from understudy.dataset.sources import Behind, Source, Values, read_all, read_both, read_each
from understudy.dataset.survey import look_at_headers
from understudy.errors import PairingError, SettingError
from understudy.frames import (
    Frame,
    Neighbours,
    Shot,
    fill_nonfinite,
    format_numbers,
    resolve_like,
    seen_planes,
)
from understudy.settings import ColourSettings, DataSettings


@dataclass(frozen=True)
class DataSet:
    """All pairs, the empty ones last, and what a model file has to know of them. ``notes`` are sentences
    for the artist, ``sources`` is where each pair was read. ``earlier``: the files were read as before
    version 0.2.0. ``validation``: what is kept apart to judge by, to be read with ``read``.

    Of many pairs ``pairs`` has no more than a ``sample``, which are those of these indices; ``pair`` reads
    the others. What cannot be read of all of them is in ``left_out``; ``unseen``: those whose headers there
    was no time to look at."""

    pairs: tuple[Pair, ...]
    kind: str
    input_channels: tuple[str, ...]
    output_channels: tuple[str, ...]
    layers: Layers
    colour_in: ColourEncoding
    colour_out: ColourEncoding
    notes: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    earlier: bool = False
    validation: tuple[Source, ...] = ()
    sample: tuple[int, ...] = ()
    left_out: LeftOut | None = None
    maker: PairMaker | None = None
    unseen: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return len(self.sources) if self.is_many else len(self.pairs)

    @property
    def is_many(self) -> bool:
        """Whether no more than a sample of the pairs is in memory."""
        return self.left_out is not None

    @property
    def sampled_sources(self) -> tuple[Source, ...]:
        """Where each of ``pairs`` was read."""
        return tuple(self.sources[index] for index in self.sample) if self.is_many else self.sources

    def place(self, index: int | None) -> int | None:
        """Where in ``pairs`` the pair of an index is; None where it is not in memory."""
        if not self.is_many or index is None:
            return index
        return self.sample.index(index) if index in self.sample else None

    def pair(self, index: int) -> Pair:
        """The pair of an index: as it is in memory, or read now. Raises as ``read``."""
        place = self.place(index)
        return self.read(self.sources[index]) if place is None else self.pairs[place]

    def read(self, source: Source) -> Pair:
        """The pair of a source in network values, whole, with all that goes in beside the plate; without
        hashes. Raises what reading frames raises, SizeError and ChannelError."""
        assert self.maker is not None
        pair = self.maker.read(source)
        if not self.reach:
            return pair
        behind = Behind(source, self.layers)
        return replace(
            pair, input=with_inputs(pair.input[..., : len(self.input_channels)], behind, self.layers)
        )

    def complete(self, index: int, pair: Pair) -> Pair:
        """The pair of this index in ``pairs`` with the frames before and after its plate's, where they go in:
        read now, as those of all pairs together would take a multiple of the memory. FrameError."""
        if not self.reach:
            return pair
        behind = Behind(self.sampled_sources[index], self.layers)
        pixels = with_inputs(pair.input[..., : len(self.input_channels)], behind, self.layers)
        return replace(pair, input=pixels, hash_beside=behind.hash)

    def inputs_of(self, frame: Frame, beside: Neighbours, extras: tuple[Shot, ...]) -> np.ndarray:
        """What the network takes of a plate frame, whether it was painted or not: network values (height,
        width, channels), with the frames before and after, of ``beside``, and ``extras``. Raises what reading
        these raises."""
        planes = fill_nonfinite(seen_planes(frame, resolve_like(frame, self.input_channels)))[0]
        behind = read_inputs(frame, beside, extras, self.layers)
        return with_inputs(encode(planes, self.colour_in), behind, self.layers)

    @property
    def painted(self) -> tuple[Pair, ...]:
        """The pairs that somebody painted: at least one. The others have no say in what the effect is."""
        return tuple(pair for pair in self.pairs if not pair.empty)

    @property
    def reach(self) -> int:
        """How many frames before and after the plate's own go in."""
        return len(self.layers.offsets) // 2

    @property
    def same_channels(self) -> bool:
        """Whether the outputs are the plate's own channels, changed."""
        return (
            self.kind == "image" and self.input_channels[: len(self.output_channels)] == self.output_channels
        )


def load_data_set(
    data: DataSettings,
    colour: ColourSettings,
    reach: int | None = None,
    earlier: bool = False,
    many: bool | None = None,
    left_out: list[int] | None = None,
    headers: float | None = None,
    keys: bool = False,
) -> DataSet:
    """Read every pair of ``data``, or, where there are ``many``, a sample of them; by default there are where
    more are found than are held in memory. Choose which frames before and after each plate frame go in:
    ``reach`` on each side, or, where that is None, as ``data.neighbours`` says. ``earlier``: read the files
    as before version 0.2.0, so that a run that was begun with them so learns from the same values to its
    end: alpha, headers, the white of mattes and what is painted were not looked at. ``left_out``: the pairs
    that are known not to be readable; ``headers``: of many, how many seconds the headers are looked at;
    ``keys``: for a network that keys.

    Raises SettingError, SequenceError, PairingError, SizeError, ChannelError, FrameError, ColourError, or
    TrainingError where more pairs cannot be read than may be, before anything is written.
    """
    matched = match_all(data, earlier)
    sources, notes = list(matched.sources), list(matched.notes)
    many = are_many(sources) if many is None else many
    ledger = LeftOut(len(sources), data.allow_broken, [] if left_out is None else left_out)
    unseen: tuple[int, ...] = ()
    if many and headers is not None:
        said_of_headers, unseen = look_at_headers(sources, ledger, headers)
        notes.append(said_of_headers)
    chosen = sample_of(sources, ledger) if many else list(range(len(sources)))
    if data.allow_broken:
        chosen = readable(sources, chosen, ledger, many)
    notes += ledger.news()
    if not many:
        sources, chosen = [sources[index] for index in chosen], list(range(len(chosen)))
    empty, said_of_empty = empty_sources(data, sources)
    first, painted = read_both(sources[chosen[0]])
    every = partial(read_each, (first, painted), [sources[index] for index in chosen])
    layers = choose_layers(data, every, earlier, keys)
    ordered = [*(sources[index] for index in chosen), *sources, *matched.validation]  # by those to be read
    space, ordered, said = settle_colours(colour, ordered, (first, painted), layers, earlier)
    settled = ordered[len(chosen) :]
    sources, validation = settled[: len(sources)], settled[len(sources) :]
    looked_at = [sources[index] for index in chosen]
    frames = read_all(looked_at, layers, first)
    white, white_notes = ONE, list[str]()
    if not earlier:
        white, white_notes = whites_of(layers, (values.after for values in frames))
    check_outputs(looked_at, layers)
    painted_notes = note_painted(layers, looked_at, frames)
    colour_in = encoding_for(space.space, [values.before for values in frames])
    colour_out = _colour_of_truth(layers, colour_in, painted, _inside_region(frames, data.region))
    found = choose_neighbours(data.neighbours, reach, looked_at, frames, layers, colour_in, colour_out)
    if empty:
        check_empty(*layers.effect)
        chosen += range(len(sources), len(sources) + len(empty))
        looked_at, frames = [*looked_at, *empty], [*frames, *read_all(empty, layers, first)]
        sources += empty
    maker = PairMaker(layers, colour_in, colour_out, white)
    frames.reverse()  # each is let go as soon as its pair is made: file values of large frames are large
    made = [maker.make(source, frames.pop()) for source in looked_at]
    pairs, unused = _leave_out_empty(made, data.region)
    notes += [*said, layers.sentence, *painted_notes, *white_notes, *found.notes, *said_of_empty, *unused]
    notes += note_unknown(pairs, data.region, layers.unmix != "off")
    shown = [index for index, pair in zip(chosen, made, strict=True) if pair.weight.any()]
    if many:
        ledger.count = len(sources)
        notes.append(_say_sample(len(shown), len(sources)))
    layers = layers.with_neighbours(found.offsets, colour_in)
    data_set = DataSet(
        pairs,
        layers.kind,
        layers.inputs,
        layers.outputs,
        layers,
        colour_in,
        colour_out,
        tuple(notes),
        tuple(sources) if many else tuple(sources[index] for index in shown),
        earlier,
        tuple(validation),
        tuple(shown) if many else (),
        ledger if many else None,
        replace(maker, layers=layers),
        unseen,
    )
    flat = note_nothing_to_learn(
        data_set.kind, data_set.output_channels, data_set.same_channels, data_set.painted
    )
    return replace(data_set, notes=(*data_set.notes, *flat))


def _say_sample(looked_at: int, count: int) -> str:
    return (
        f"Of {count} pairs {looked_at} tell how all are taken: channels, white, the match of colours, and "
        "where crops are drawn."
    )


def _inside_region(frames: list[Values], region: str | None) -> list[np.ndarray]:
    """The file values of the truths where there is to be learned from them. SettingError when that is
    nowhere."""
    if region is None:
        return [values.after for values in frames]
    truths = [values.after[values.region[..., 0] > 0] for values in frames]
    if any(len(truth) for truth in truths):
        return truths
    raise SettingError(
        "The region is empty on every pair: there is nothing to learn from.",
        expected="a mask whose alpha or first channel is above 0 where the effect is",
        found="0 everywhere",
        where=f"--region {region}",
        remedy="Check the mask, or leave --region out.",
    )


def _colour_of_truth(
    layers: Layers, colour_in: ColourEncoding, painted: Frame, truths: list[np.ndarray]
) -> ColourEncoding:
    if layers.kind == "matte":
        return PLAIN
    if layers.unmix != "off" or layers.inputs[: len(layers.outputs)] == layers.outputs or painted.is_integer:
        return colour_in
    return colour_in if len(layers.outputs) == 3 and layers.colourful else encoding_for("raw", truths)


def _leave_out_empty(pairs: list[Pair], region: str | None) -> tuple[tuple[Pair, ...], list[str]]:
    """The pairs of which at least one pixel counts, and a sentence on the others, if any. PairingError when
    there are no such pairs, or only empty ones."""
    used = tuple(pair for pair in pairs if pair.weight.any())
    painted = any(not pair.empty for pair in used)
    if len(used) == len(pairs):
        return used, []
    where = " in the region" if region else ""
    if painted:
        unused = {pair.number for pair in pairs if not pair.weight.any()}
        return used, [
            f"Not used, as they have no values to learn from{where}: frames "
            + format_numbers(tuple(sorted(unused)))
        ]
    raise PairingError(
        "The pairs have no values to learn from.",
        expected=f"finite values in plate and ground truth{where}",
        found="NaN or Inf everywhere",
        remedy="Check --input and --ground-truth, and their channels.",
    )
