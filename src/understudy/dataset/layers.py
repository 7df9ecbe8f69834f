"""Which channels go in, which come out, and what kind of effect that makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from understudy.colour import ColourEncoding, encode, encoding_for
from understudy.dataset.keying import keyed_layers
from understudy.dataset.painted import Painted, Pairs, find_painted, find_painted_earlier
from understudy.dataset.unmix import unmix_layers
from understudy.errors import ChannelError
from understudy.frames import (
    Frame,
    Neighbours,
    Shot,
    check_size,
    fill_nonfinite,
    open_shot,
    resolve_channels,
    resolve_like,
    seen_planes,
)
from understudy.frames.frame import part_label
from understudy.frames.matte_names import MATTE, are_mattes, is_data, matte_channels
from understudy.frames.which import say_taken
from understudy.settings import DataSettings

COLOURS = {"r", "g", "b", "red", "green", "blue"}
BAND = 64


@dataclass(frozen=True)
class Extra:
    """A further input layer: its spec, channels and encoding. With an ``offset`` it is the plate itself, so
    many frames later."""

    name: str
    channels: tuple[str, ...]
    colour: ColourEncoding
    offset: int = 0


@dataclass(frozen=True)
class Layers:
    """``inputs``: channels of the plate; ``truths``: channels read from the ground truth; ``outputs``: what
    they are called in the result; ``kind``: image or matte; ``extras``: the frames before and after the
    plate's own, if they go in, then the layers of ``--extra``. ``unmix``: how the truth holds the colours of
    what is taken apart, straight or premultiplied; off where nothing is. ``keys``: for a network that keys,
    of which the colours are the foreground's, or which makes an alpha alone."""

    inputs: tuple[str, ...]
    truths: tuple[str, ...]
    outputs: tuple[str, ...]
    kind: str
    extras: tuple[Extra, ...]
    sentence: str
    unmix: str = "off"
    keys: bool = False

    @property
    def coverage(self) -> tuple[int, ...]:
        """Which outputs are no light, and go through no curve: the alpha beside the colours of what keys."""
        return (len(self.outputs) - 1,) if self.keys and self.kind == "image" else ()

    @property
    def weights(self) -> int:
        """How many weights each pixel of a truth has: several mattes, and the parts of what is taken apart,
        are known each by itself."""
        return len(self.outputs) if self.mattes > 1 or self.unmix != "off" else 1

    @property
    def offsets(self) -> tuple[int, ...]:
        """Which frames about the plate's own go in."""
        return tuple(extra.offset for extra in self.extras if extra.offset)

    def with_neighbours(self, offsets: Sequence[int], colour: ColourEncoding) -> Layers:
        """The same with the frames at these offsets, in the plate's ``colour``."""
        beside = tuple(
            Extra(name_of(offset), tuple(f"{name_of(offset)}.{c}" for c in self.inputs), colour, offset)
            for offset in offsets
        )
        return replace(self, extras=(*beside, *self.extras))

    @property
    def effect(self) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """What it is: kind, inputs, outputs."""
        return self.kind, self.inputs, self.outputs

    @property
    def written(self) -> list[int]:
        """Which of the plate's channels the result replaces; the others only go in."""
        return [self.inputs.index(name) for name in self.outputs if name in self.inputs]

    @property
    def mattes(self) -> int:
        """How many mattes come out; 0 for an image."""
        return len(self.outputs) if self.kind == "matte" else 0

    @property
    def colourful(self) -> bool:
        """Whether the outputs are colours."""
        return all(name.rpartition(".")[2].lower() in COLOURS for name in self.outputs)


def choose_layers(data: DataSettings, pairs: Pairs, earlier: bool = False, keys: bool = False) -> Layers:
    """The channels that ``data`` asks for, or the usual ones; of a network that ``keys``, as it learns them.
    ChannelError when one is not there, or is none that it could learn."""
    if not keys:
        return _choose(data, pairs, earlier, False)
    return keyed_layers(_choose(data, pairs, earlier, True), next(pairs())[1])


def _choose(data: DataSettings, pairs: Pairs, earlier: bool, keys: bool) -> Layers:
    """The channels that ``data`` asks for, or the usual ones. ChannelError when one is not there.

    Where none are asked for: RGB in; of the truth its RGB, or its one channel, or what ``find_painted`` finds
    to be meant, or was before version 0.2.0, if ``earlier``. Of several mattes a truth need not have all.
    ``pairs`` gives plates and truths, of which no more are read than it needs to tell.
    """
    plate, truth = next(pairs())
    if data.unmix != "off":
        return unmix_layers(data, plate, truth, keys)
    inputs = resolve_channels(plate, data.input_channels, "rgb")
    requested = data.ground_truth_channels
    find = find_painted_earlier if earlier else find_painted
    if data.mattes:  # which of its channels each shot has for a matte, is known where they are read as one
        found = Painted(None)
        truths = tuple(f"{name}.{MATTE}" for name in data.mattes)
    else:
        found = find(pairs) if not requested and len(truth.part.channels) > 1 else Painted(requested)
        truths = _truths(pairs, found.request)
    named = _named_by_parts(truth, truths)
    several = are_mattes(named) and not set(truths) & set(inputs) and not earlier
    truths = named if several else truths
    outputs = matte_channels(truths) if several else _names_in_plate(truths, inputs, truth)
    if found.is_grey:
        truths, outputs = truths[:1], (MATTE,)
    kind = "matte" if several or _is_matte(truths, inputs) else "image"
    extras, notes = extras_of(data, earlier)
    said = f"Channels: {', '.join(inputs)} in, {', '.join(outputs)} out ({kind})."
    return Layers(inputs, truths, outputs, kind, extras, " ".join(filter(None, (said, found.note, *notes))))


def _truths(pairs: Pairs, request: str | None) -> tuple[str, ...]:
    """The channels that ``request`` names, of the first truth; of mattes each of the first that has it, as
    they may be painted on different frames. ChannelError where none has one."""
    truth = next(pairs())[1]
    try:
        return resolve_channels(truth, request, "rgb")
    except ChannelError:
        if not request or "," not in request:
            raise
        terms = [term.strip() for term in request.split(",")]
        found = dict.fromkeys(name for term in terms for name in _first_with(pairs, term))
        if are_mattes(tuple(found)):
            return tuple(found)
        raise


def _named_by_parts(truth: Frame, names: tuple[str, ...]) -> tuple[str, ...]:
    """Channels of a file of several parts by the names of these, the selected one's too."""
    if len(truth.parts) < 2:
        return names
    label = part_label(truth.part, truth.selected)
    own = truth.part.channels
    return tuple(f"{label}:{name}" if name in own and "." not in name else name for name in names)


def _first_with(pairs: Pairs, term: str) -> tuple[str, ...]:
    for _, truth in pairs():
        with suppress(ChannelError):
            return resolve_channels(truth, term)
    return resolve_channels(next(pairs())[1], term)


def _names_in_plate(truths: tuple[str, ...], inputs: tuple[str, ...], truth: Frame) -> tuple[str, ...]:
    """Colours of the truth change the plate's colours, whatever layer they came from."""
    short = [name.rpartition(".")[2].rpartition(":")[2].lower()[:1] for name in truths]
    wanted = [name.rpartition(".")[2].rpartition(":")[2].lower()[:1] for name in inputs]
    if len(truths) == len(inputs) > 1 and short == wanted:
        return inputs
    return inputs if truths == inputs else truths


def _is_matte(truths: tuple[str, ...], inputs: tuple[str, ...]) -> bool:
    """One channel that is not the plate's own, unless it is a depth or other data layer by name."""
    if len(truths) != 1 or truths == inputs:
        return False
    return not is_data(truths[0])


def extras_of(data: DataSettings, earlier: bool = False) -> tuple[tuple[Extra, ...], list[str]]:
    """The layers of ``--extra``, and sentences on what else their files hold."""
    found = [_extra(spec, earlier) for spec in data.extra]
    return tuple(extra for extra, _ in found), [note for _, each in found for note in each]


def _extra(spec: str, as_held: bool) -> tuple[Extra, tuple[str, ...]]:
    """The layer behind ``--extra``: its RGB, its only channel, or all channels of a data layer. With
    sentences on what else its file holds."""
    with open_shot(spec, as_held=as_held) as shot:
        frame = shot.read(shot.numbers[0])
    try:
        names = resolve_channels(frame, None, "rgb")
    except ChannelError:
        names = tuple(frame.part.channels)
    space = "srgb" if frame.is_integer else "raw"
    colour = encoding_for(space, [seen_planes(frame, names)] if space == "raw" else None)
    return Extra(spec, names, colour), say_taken(frame, f"extra input {Path(spec).name}", names)


def name_of(offset: int) -> str:
    """What the frame at an offset from the plate's is called: before, after, before_2 and so on."""
    side = "before" if offset < 0 else "after"
    return side if abs(offset) == 1 else f"{side}_{abs(offset)}"


def read_inputs(
    plate: Frame, beside: Neighbours, shots: tuple[Shot, ...], layers: Layers
) -> Iterator[np.ndarray]:
    """File values of everything behind the plate, one after the other, over its display window: the frames
    before and after, of ``beside``, and the extra layers, of ``shots``."""
    yield from beside.about(plate, layers.inputs, layers.offsets)
    given = layers.extras[len(layers.offsets) :]
    for shot, extra in zip(shots, given, strict=True):
        frame = shot.read(shot.numbers[0] if shot.is_still else plate.number)
        check_size(plate, frame, "extra input")
        yield seen_planes(frame, resolve_like(frame, extra.channels))


def with_inputs(plate: np.ndarray, behind: Iterable[np.ndarray], layers: Layers) -> np.ndarray:
    """Network values: those of the plate, then of the file values ``behind`` it, which are taken one by
    one."""
    if not layers.extras:
        return plate
    end = plate.shape[2]
    total = end + sum(len(extra.channels) for extra in layers.extras)
    pixels = np.empty((*plate.shape[:2], total), np.float32)
    pixels[..., :end] = plate
    for planes, extra in zip(behind, layers.extras, strict=True):
        start, end = end, end + planes.shape[2]
        filled = fill_nonfinite(planes)[0]
        for top in range(0, len(filled), BAND):  # as what encoding makes on its way is several times as large
            pixels[top : top + BAND, :, start:end] = encode(filled[top : top + BAND], extra.colour)
    return pixels
