"""Plate and ground truth, matched, checked, turned into network values and held in memory."""

from __future__ import annotations

import hashlib
import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from understudy.colour import PLAIN, ColourEncoding, decide_space, encode, encoding_for
from understudy.dataset.layers import Layers, choose_layers, encode_inputs, read_inputs
from understudy.errors import PairingError, SettingError, SizeError
from understudy.frames import Frame, Shot, fill_nonfinite, format_numbers, open_shot, pair_shots
from understudy.frames.nonfinite import HUGE
from understudy.settings import TrainSettings

READERS = 4


@dataclass(frozen=True)
class Pair:
    """One frame before and after, in network values: float32 (height, width, channels).

    ``weight`` (height, width, 1), 0 to 1, is how much is learned from each pixel: nothing outside the region,
    and where plate or truth had no finite value; it is above 0 somewhere. ``hash`` tells the file values of
    plate and truth, ``hash_beside`` those of extra layers and region.
    """

    name: str
    number: int
    input: np.ndarray
    truth: np.ndarray
    weight: np.ndarray
    hash: str = ""
    hash_beside: str = ""


@dataclass(frozen=True)
class DataSet:
    """All pairs, and what a model file has to know of them. ``notes`` are sentences for the artist."""

    pairs: tuple[Pair, ...]
    kind: str
    input_channels: tuple[str, ...]
    output_channels: tuple[str, ...]
    layers: Layers
    colour_in: ColourEncoding
    colour_out: ColourEncoding
    notes: tuple[str, ...] = field(default=())

    @property
    def same_channels(self) -> bool:
        """Whether the outputs are the plate's own channels, changed."""
        return (
            self.kind == "image" and self.input_channels[: len(self.output_channels)] == self.output_channels
        )


Read = tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...], np.ndarray, tuple[str, str]]


@dataclass(frozen=True)
class _Source:
    """One shot of the data set: where a pair's frames are read."""

    plate: Shot
    truth: Shot
    extras: tuple[Shot, ...]
    region: Shot | None
    plate_number: int
    truth_number: int


def load_data_set(settings: TrainSettings) -> DataSet:
    """Read every pair that the settings name.

    Raises SequenceError, PairingError, SizeError, ChannelError, FrameError or ColourError, before anything
    is written.
    """
    sources, notes = _match(settings)
    first, painted = _read_both(sources[0])
    layers = choose_layers(settings, itertools.chain([(first, painted)], map(_read_both, sources[1:])))
    frames = _read_all(sources, layers)
    space = decide_space(settings.colour, first.is_integer)
    colour_in = encoding_for(space.space, [pixels for pixels, *_ in frames])
    colour_out = _colour_of_truth(layers, colour_in, painted, _inside_region(frames, settings))
    frames.reverse()  # each is let go as soon as its pair is made: file values of large frames are large
    pairs = tuple(_make_pair(source, frames.pop(), layers, colour_in, colour_out) for source in sources)
    pairs, unused = _leave_out_empty(pairs, settings)
    notes += [space.sentence, layers.sentence, *unused, *_note_unknown(pairs, settings)]
    data = DataSet(
        pairs, layers.kind, layers.inputs, layers.outputs, layers, colour_in, colour_out, tuple(notes)
    )
    return replace(data, notes=(*data.notes, *_note_nothing_to_learn(data)))


def _note_unknown(pairs: tuple[Pair, ...], settings: TrainSettings) -> list[str]:
    """A sentence on pixels that are no numbers; a region leaves pixels out anyhow."""
    counts = {pair.number: int(np.count_nonzero(pair.weight == 0)) for pair in pairs}
    hit = tuple(sorted(number for number, count in counts.items() if count))
    if settings.region or not hit:
        return []
    total = sum(counts.values())
    return [
        f"Not learned from, as they are NaN, Inf or beyond {HUGE:g}: {total} pixels of frames "
        f"{format_numbers(hit)}"
    ]


def _note_nothing_to_learn(data: DataSet) -> list[str]:
    """A sentence where no pair shows an effect. It is no error: the answer is the plate as it is."""
    if data.kind == "matte" and not any((pair.truth * pair.weight).any() for pair in data.pairs):
        return ["The matte is empty in all pairs: there is nothing to learn. Is the right channel painted?"]
    if not data.same_channels or not all(_is_unchanged(pair) for pair in data.pairs):
        return []
    return [
        f"Plate and ground truth are the same in all pairs ({', '.join(data.output_channels)}): there is "
        "nothing to learn. Is the painted shot the ground truth, and what is painted in these channels?"
    ]


def _is_unchanged(pair: Pair) -> bool:
    """Whether truth and plate are equal wherever the pair counts."""
    same = pair.truth == pair.input[..., : pair.truth.shape[2]]
    return bool((same | (pair.weight == 0)).all())


def _match(settings: TrainSettings) -> tuple[list[_Source], list[str]]:
    sources: list[_Source] = []
    notes: list[str] = []
    extras = tuple(open_shot(spec) for spec in settings.extra)
    region = open_shot(settings.region) if settings.region else None
    for plate_spec, truth_spec in zip(settings.input, settings.ground_truth, strict=True):
        plate = open_shot(plate_spec, part=settings.part)
        truth = open_shot(truth_spec, frames=settings.frames)
        pairing = pair_shots(plate, truth, settings.pair_by)
        notes += _name_unmatched(plate, truth, pairing.unmatched_truth)
        if settings.pair_by == "order":
            notes.append(_name_order(plate, truth, pairing.pairs))
        sources += [_Source(plate, truth, extras, region, a, b) for a, b in pairing.pairs]
    if not sources:
        raise PairingError("There are no pairs.", remedy="Check --input, --ground-truth and --frames.")
    return sources, notes


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


def _inside_region(frames: list[Read], settings: TrainSettings) -> list[np.ndarray]:
    """The file values of the truths where there is to be learned from them. SettingError when that is
    nowhere."""
    if settings.region is None:
        return [truth for _, truth, *_ in frames]
    truths = [truth[region[..., 0] > 0] for _, truth, _, region, _ in frames]
    if any(len(truth) for truth in truths):
        return truths
    raise SettingError(
        "The region is empty on every pair: there is nothing to learn from.",
        expected="a mask whose alpha or first channel is above 0 where the effect is",
        found="0 everywhere",
        where=f"--region {settings.region}",
        remedy="Check the mask, or leave --region out.",
    )


def _read_all(sources: list[_Source], layers: Layers) -> list[Read]:
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(lambda source: _read_pair(source, layers), sources))


def _read_both(source: _Source) -> tuple[Frame, Frame]:
    """The plate and the truth of a pair."""
    return source.plate.read(source.plate_number), source.truth.read(source.truth_number)


def _read_pair(source: _Source, layers: Layers) -> Read:
    """File values of plate, truth, extra layers and region over the display window, and content hashes."""
    plate, truth = _read_both(source)
    _check_sizes(plate, truth)
    before = plate.planes(layers.inputs)
    after = truth.planes(layers.truths)
    extras = read_inputs(source.extras, source.plate_number, plate, layers)
    region = _read_region(source, plate)
    beside = extras if source.region is None else (*extras, region)
    return before, after, extras, region, (_digest(before, after), _digest(*beside))


def _digest(*parts: np.ndarray) -> str:
    """SHA-256 of the values of all parts; without a copy of them, as frames can be large."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def _check_sizes(plate: Frame, other: Frame) -> None:
    a, b = plate.display_window, other.display_window
    if (a.width, a.height) != (b.width, b.height):
        raise SizeError(
            "Two frames that belong together differ in size.",
            expected=f"a display window of {a.width} x {a.height}, as in {plate.path.name}",
            found=f"{b.width} x {b.height} in {other.path.name}",
            where=str(other.path),
            remedy="Reformat one of them, so that both have the same format.",
        )


def _read_region(source: _Source, plate: Frame) -> np.ndarray:
    window = plate.display_window
    if source.region is None:
        return np.broadcast_to(np.float32(1), (window.height, window.width, 1))
    number = source.region.numbers[0] if source.region.is_still else source.plate_number
    frame = source.region.read(number)
    _check_sizes(plate, frame)
    alphas = [name for name in frame.part.channels if name.rpartition(".")[2].lower() in ("a", "alpha")]
    return np.clip(np.nan_to_num(frame.planes((alphas or frame.part.channels)[:1])), 0, 1)


def _colour_of_truth(
    layers: Layers, colour_in: ColourEncoding, painted: Frame, truths: list[np.ndarray]
) -> ColourEncoding:
    if layers.kind == "matte":
        return PLAIN
    if layers.inputs[: len(layers.outputs)] == layers.outputs or painted.is_integer:
        return colour_in
    return colour_in if len(layers.outputs) == 3 and layers.colourful else encoding_for("raw", truths)


def _make_pair(
    source: _Source, read: Read, layers: Layers, colour_in: ColourEncoding, colour_out: ColourEncoding
) -> Pair:
    before, after, extras, region, hashes = read
    filled, bad = fill_nonfinite(before)
    truth, bad_truth = fill_nonfinite(after)
    weight = 1.0 - np.maximum(bad.max(2, keepdims=True), bad_truth.max(2, keepdims=True)).astype(np.float32)
    pixels = encode_inputs(filled, extras, colour_in, layers)
    wanted = encode(truth, colour_out)
    if layers.kind == "matte":
        wanted = np.clip(wanted, 0.0, 1.0)
    if source.region is not None:
        weight = weight * region
    name = (
        Path(source.plate.path(source.plate_number)).name if not source.plate.is_movie else source.plate.name
    )
    return Pair(name, source.plate_number, pixels, wanted, weight.astype(np.float32), *hashes)


def _leave_out_empty(pairs: tuple[Pair, ...], settings: TrainSettings) -> tuple[tuple[Pair, ...], list[str]]:
    """The pairs of which at least one pixel counts, and a sentence on the others, if any. PairingError when
    there are no such pairs."""
    used = tuple(pair for pair in pairs if pair.weight.any())
    if len(used) == len(pairs):
        return pairs, []
    where = " in the region" if settings.region else ""
    if used:
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
