"""Frames that were painted after a run had begun: read as its own pairs were."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from understudy.colour import ColourEncoding, encoding_for
from understudy.dataset.colours import settle_colours
from understudy.dataset.layers import Layers, choose_layers
from understudy.dataset.matching import match
from understudy.dataset.mattes import ONE, whites_of
from understudy.dataset.painted import Pairs
from understudy.dataset.sources import Source, read_both, read_each, read_truth
from understudy.dataset.unmix import KEYED, parts_of
from understudy.errors import ChannelError, PairingError
from understudy.frames import (
    Frame,
    check_size,
    fill_nonfinite,
    open_shot,
    pair_shots,
    resolve_channels,
    resolve_like,
    seen_planes,
)
from understudy.frames.matte import scaled
from understudy.frames.matte_names import is_alpha, matte_labels
from understudy.settings import ColourSettings, DataSettings
from understudy.settings.field import split_name


@dataclass(frozen=True)
class Later:
    """Of one plate, counted from 0: the truths of the frames ``numbers``, which ``read`` gives. ``colour``:
    the plate's, where it is taken apart."""

    plate: int
    numbers: tuple[int, ...]
    sources: tuple[Source, ...]
    layers: Layers
    white: np.ndarray
    colour: ColourEncoding | None = None

    def plate_frame(self, number: int) -> Frame:
        """The plate's frame of this number. FrameError."""
        return self.sources[self.numbers.index(number)].plate.read(number)

    def read(self, number: int) -> np.ndarray:
        """float32 (height, width, outputs): the truth in the plate's values and encoding, premultiplied, a
        matte from 0 to 1. Raises what reading the frames raises, and SizeError."""
        source = self.sources[self.numbers.index(number)]
        plate, truth = read_both(source)
        check_size(plate, truth, "ground truth")
        after = read_truth(plate, truth, self.layers)
        if source.convert is not None:
            after = source.convert(after)
        if self.colour is not None:
            before = fill_nonfinite(seen_planes(plate, resolve_like(plate, self.layers.inputs)))[0]
            after = parts_of(self.layers, before, after, self.colour, painted=True)[0]
        if self.layers.kind == "matte":
            after = scaled(after, self.white)
        return np.asarray(after, np.float32)


def open_later(
    data: DataSettings, colour: ColourSettings, spec: str, kind: str, outputs: tuple[str, ...]
) -> Later:
    """The painted shot ``spec`` beside that of the run's plates which has its frames. ``kind`` and
    ``outputs``: what the run's network makes. Raises PairingError where no plate has a frame of it, and what
    reading a training's pairs raises."""
    plate = _plate_of(data, spec)
    own = {"input": (data.input[plate],), "ground_truth": (spec,), "frames": None, "pair_by": "number"}
    several = kind == "matte" and len(outputs) > 1
    channels = None if several else data.ground_truth_channels
    plain = data.replace(validation_input=(), validation_ground_truth=(), validation_share=0.0)
    wanted = plain.replace(**own, empty=(), extra=(), region=None, ground_truth_channels=channels)
    sources, _ = match(wanted)
    first = read_both(sources[0])
    check_size(*first, "ground truth")
    every = partial(read_each, first, sources)
    if several:
        layers = _of_mattes(wanted, every, outputs, spec)
    else:
        keys = tuple(outputs) == KEYED
        layers = _fitted(choose_layers(wanted, every, keys=keys), kind, outputs, first[1])
    space, settled, _ = settle_colours(colour, sources, first, layers)
    own_colour = None if layers.unmix == "off" else encoding_for(space.space)
    white = ONE
    if kind == "matte":
        white = whites_of(layers, (read_truth(*both, layers) for both in every()))[0]
    numbers = tuple(source.plate_number for source in settled)
    return Later(plate, numbers, tuple(settled), layers, white, own_colour)


def _plate_of(data: DataSettings, spec: str) -> int:
    """The first plate that shares a frame with the painted shot."""
    error: PairingError | None = None
    with open_shot(split_name(spec)[1]) as painted:
        for index, plate in enumerate(data.input):
            with open_shot(plate, part=data.part) as shot:
                try:
                    pair_shots(shot, painted)
                    return index
                except PairingError as caught:
                    error = error or caught
    assert error is not None
    raise error


def _of_mattes(data: DataSettings, pairs: Pairs, outputs: tuple[str, ...], spec: str) -> Layers:
    """The layers of a run of several mattes: of each frame those that it has are read. ChannelError where no
    frame has one of them."""
    names = {name for _, truth in pairs() for name in outputs if _has(truth, name)}
    if not names:
        raise ChannelError(
            "It is not said which of the run's mattes these frames are.",
            expected=f"a name before the shot, one of {', '.join(matte_labels(outputs))}, or a file with one "
            f"of the layers {', '.join(outputs)}",
            found=spec,
            where="--ground-truth",
            remedy=f"Write --ground-truth {matte_labels(outputs)[0]}=SHOT.",
        )
    own = data.replace(ground_truth_channels=next(name for name in outputs if name in names))
    return replace(choose_layers(own, pairs), kind="matte", truths=outputs, outputs=outputs)


def _has(truth: Frame, name: str) -> bool:
    try:
        return len(resolve_channels(truth, name)) == 1
    except ChannelError:
        return False


def _fitted(layers: Layers, kind: str, outputs: tuple[str, ...], truth: Frame) -> Layers:
    """The layers that were found in the painted frames, where they are what the network makes; else those
    that it makes. ChannelError where the frames do not have them."""
    if layers.kind == kind and (kind == "matte" or layers.outputs == outputs):
        return layers
    truths = resolve_like(truth, outputs) if kind != "matte" else (_matte_channel(truth),)
    return replace(layers, kind=kind, truths=tuple(truths), outputs=outputs)


def _matte_channel(truth: Frame) -> str:
    names = truth.part.channels
    return next((name for name in names if is_alpha(name)), names[0])
