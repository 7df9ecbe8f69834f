"""One pair: plate and truth in network values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from understudy.colour import ColourEncoding, encode
from understudy.dataset.layers import Layers, with_inputs
from understudy.dataset.sources import Source, Values, read_pair
from understudy.dataset.truth_values import encode_truth
from understudy.dataset.unmix import parts_of
from understudy.frames import fill_nonfinite
from understudy.frames.matte import scaled


@dataclass(frozen=True)
class Pair:
    """One frame before and after, in network values: float32 (height, width, channels).

    ``input``: the plate's channels, those of the frames before and after it once it is complete, and those of
    the extra layers. ``weight`` (height, width, 1), 0 to 1, is how much is learned from each pixel: nothing
    outside the region, and where the truth, or a channel of the plate that it replaces, had no finite value;
    it is above 0 somewhere. Of several mattes each has its own, 0 everywhere where that one was not painted;
    so has each channel of what is taken apart.
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
class PairMaker:
    """Makes pairs of file values, all alike: which channels there are, what their values mean, and what is
    ``white`` in a matte's files. Frames before and after are not looked at."""

    layers: Layers
    colour_in: ColourEncoding
    colour_out: ColourEncoding
    white: np.ndarray

    def read(self, source: Source) -> Pair:
        """The pair of a source, read now. As ``make``; without hashes. Raises what reading frames raises,
        SizeError and ChannelError."""
        plain = replace(self.layers, extras=self.layers.extras[len(self.layers.offsets) :])
        return replace(self, layers=plain).make(source, read_pair(source, plain, hashed=False))

    def make(self, source: Source, read: Values) -> Pair:
        """The pair of what was read of it."""
        filled, bad = fill_nonfinite(read.before)
        truth, bad_truth = fill_nonfinite(read.after)
        unknown = np.asarray(bad_truth if self.layers.mattes > 1 else bad_truth.any(2, keepdims=True))
        known = ~np.asarray(bad[..., self.layers.written].any(2, keepdims=True) | unknown)
        weight = known.astype(np.float32)
        pixels = with_inputs(encode(filled, self.colour_in), read.extras, self.layers)
        if self.layers.unmix != "off":
            plate = filled[..., : len(self.layers.inputs)]
            truth, counts = parts_of(self.layers, plate, truth, self.colour_in)
            weight = weight * counts
        wanted = encode_truth(truth, self.layers, self.colour_out)
        if self.layers.kind == "matte":
            wanted = scaled(wanted, self.white)
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
