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
from understudy.dataset.matching import match_all
from understudy.dataset.mattes import ONE, note_painted, whites_of
from understudy.dataset.neighbours import choose_neighbours
from understudy.dataset.outputs import check_outputs
from understudy.dataset.sources import Behind, Source, Values, read_all, read_both, read_each
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
from understudy.frames.matte import scaled
from understudy.frames.matte_names import matte_labels
from understudy.frames.nonfinite import HUGE
from understudy.settings import ColourSettings, DataSettings


@dataclass(frozen=True)
class Pair:
    """One frame before and after, in network values: float32 (height, width, channels).

    ``input``: the plate's channels, those of the frames before and after it once it is complete, and those of
    the extra layers. ``weight`` (height, width, 1), 0 to 1, is how much is learned from each pixel: nothing
    outside the region, and where the truth, or a channel of the plate that it replaces, had no finite value;
    it is above 0 somewhere. Of several mattes each has its own, 0 everywhere where that one was not painted.
    ``hash`` tells the file values of plate and truth, ``hash_beside`` those of all else. ``empty``: nobody
    painted it, as there is nothing to matte, or nothing to change."""

    name: str
    number: int
    input: np.ndarray
    truth: np.ndarray
    weight: np.ndarray
    hash: str = ""
    hash_beside: str = ""
    empty: bool = False


@dataclass(frozen=True)
class DataSet:
    """All pairs, the empty ones last, and what a model file has to know of them. ``notes`` are sentences
    for the artist, ``sources`` is where each pair was read. ``earlier``: the files were read as before
    version 0.2.0."""

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

    def complete(self, index: int, pair: Pair) -> Pair:
        """The pair of this index with the frames before and after its plate's, where they go in: read now, as
        those of all pairs together would take a multiple of the memory. FrameError."""
        if not self.reach:
            return pair
        behind = Behind(self.sources[index], self.layers)
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
    data: DataSettings, colour: ColourSettings, reach: int | None = None, earlier: bool = False
) -> DataSet:
    """Read every pair of ``data``, and choose which frames before and after each plate frame go in: ``reach``
    on each side, or, where that is None, as ``data.neighbours`` says. ``earlier``: read the files as before
    version 0.2.0, so that a run that was begun with them so learns from the same values to its end: alpha,
    headers, the white of mattes and what is painted were not looked at.

    Raises SettingError, SequenceError, PairingError, SizeError, ChannelError, FrameError or ColourError,
    before anything is written.
    """
    matched = match_all(data, earlier)
    sources, notes = list(matched.sources), list(matched.notes)
    empty, said_of_empty = empty_sources(data, sources)
    first, painted = read_both(sources[0])
    every = partial(read_each, (first, painted), sources)
    layers = choose_layers(data, every, earlier)
    space, sources, said = settle_colours(colour, sources, (first, painted), layers, earlier)
    frames = read_all(sources, layers, first)
    white, white_notes = ONE, list[str]()
    if not earlier:
        white, white_notes = whites_of(layers, (values.after for values in frames))
    check_outputs(sources, layers)
    painted_notes = note_painted(layers, sources, frames)
    colour_in = encoding_for(space.space, [values.before for values in frames])
    colour_out = _colour_of_truth(layers, colour_in, painted, _inside_region(frames, data.region))
    found = choose_neighbours(data.neighbours, reach, sources, frames, layers, colour_in, colour_out)
    if empty:
        check_empty(*layers.effect)
        sources, frames = [*sources, *empty], [*frames, *read_all(empty, layers, first)]
    frames.reverse()  # each is let go as soon as its pair is made: file values of large frames are large
    made = [_make_pair(source, frames.pop(), layers, colour_in, colour_out, white) for source in sources]
    pairs, unused = _leave_out_empty(made, data.region)
    notes += [*said, layers.sentence, *painted_notes, *white_notes, *found.notes, *said_of_empty, *unused]
    notes += _note_unknown(pairs, data.region)
    data_set = DataSet(
        pairs,
        layers.kind,
        layers.inputs,
        layers.outputs,
        layers.with_neighbours(found.offsets, colour_in),
        colour_in,
        colour_out,
        tuple(notes),
        tuple(source for source, pair in zip(sources, made, strict=True) if pair.weight.any()),
        earlier,
    )
    return replace(data_set, notes=(*data_set.notes, *_note_nothing_to_learn(data_set)))


def _note_unknown(pairs: tuple[Pair, ...], region: str | None) -> list[str]:
    """A sentence on pixels that are no numbers; a region leaves pixels out anyhow."""
    counts = {pair.number: _count_unknown(pair) for pair in pairs}
    hit = tuple(sorted(number for number, count in counts.items() if count))
    if region or not hit:
        return []
    total = sum(counts.values())
    return [
        f"Not learned from, as they are NaN, Inf or beyond {HUGE:g}: {total} pixels of frames "
        f"{format_numbers(hit)}"
    ]


def _count_unknown(pair: Pair) -> int:
    """How many pixels do not count, in a matte that was painted."""
    painted = pair.weight.any((0, 1))
    unknown = (pair.weight == 0)[..., painted].any(2) if painted.any() else pair.weight[..., 0] == 0
    return int(np.count_nonzero(unknown))


def _note_nothing_to_learn(data: DataSet) -> list[str]:
    """Sentences where no pair shows an effect. It is no error: the answer is the plate as it is."""
    if data.kind == "matte":
        return _note_flat_mattes(data)
    if not data.same_channels or not all(_is_unchanged(pair) for pair in data.painted):
        return []
    return [
        f"Plate and ground truth are the same in all pairs ({', '.join(data.output_channels)}): there is "
        "nothing to learn. Is the painted shot the ground truth, and what is painted in these channels?"
    ]


def _note_flat_mattes(data: DataSet) -> list[str]:
    """Of mattes that are black, or white, wherever they are painted."""
    notes = []
    labels = matte_labels(data.output_channels)
    for index, label in enumerate(labels):
        which = f"The matte {label}" if len(labels) > 1 else "The matte"
        seen = [(p.truth[..., index], p.weight[..., index % p.weight.shape[2]]) for p in data.painted]
        if not any((truth * weight).any() for truth, weight in seen):
            notes.append(
                f"{which} is empty in all pairs: there is nothing to learn. Is the right channel painted?"
            )
        elif all(((truth == 1) | (weight == 0)).all() for truth, weight in seen):
            notes.append(
                f"{which} is white everywhere in all pairs: there is nothing to learn. Is the right one "
                "taken?"
            )
    return notes


def _is_unchanged(pair: Pair) -> bool:
    """Whether truth and plate are equal wherever the pair counts."""
    same = pair.truth == pair.input[..., : pair.truth.shape[2]]
    return bool((same | (pair.weight == 0)).all())


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
    if layers.inputs[: len(layers.outputs)] == layers.outputs or painted.is_integer:
        return colour_in
    return colour_in if len(layers.outputs) == 3 and layers.colourful else encoding_for("raw", truths)


def _make_pair(
    source: Source,
    read: Values,
    layers: Layers,
    colour_in: ColourEncoding,
    colour_out: ColourEncoding,
    white: np.ndarray,
) -> Pair:
    filled, bad = fill_nonfinite(read.before)
    truth, bad_truth = fill_nonfinite(read.after)
    unknown = np.asarray(bad_truth if layers.mattes > 1 else bad_truth.any(2, keepdims=True))
    known = ~np.asarray(bad[..., layers.written].any(2, keepdims=True) | unknown)
    weight = known.astype(np.float32)
    pixels = with_inputs(encode(filled, colour_in), read.extras, layers)
    wanted = encode(truth, colour_out)
    if layers.kind == "matte":
        wanted = scaled(wanted, white)
    if source.region is not None:
        weight = weight * read.region
    return Pair(
        source.name,
        source.plate_number,
        pixels,
        wanted,
        weight.astype(np.float32),
        read.hash,
        read.hash_beside,
        source.empty,
    )


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
