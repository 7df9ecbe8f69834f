"""Colours and sizes of crops varied, for networks that learn from many pictures.

As everything that is drawn, it is a function of (seed, step, sample) alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as functional
from torch import Tensor

from understudy.colour import ColourEncoding, decode_tensor, encode_tensor
from understudy.dataset.crops import Batch, random_numbers
from understudy.network.effect import EffectNetwork
from understudy.training.resolutions import possible

SALT = 0xC0104
PIVOT = 0.5
"""What contrast leaves as it is, in network values."""
LUMA = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True)
class Chance:
    """How often something is varied, and by a factor between which two."""

    probability: float = 0.0
    low: float = 1.0
    high: float = 1.0

    def factors(self, chosen: Tensor, where: Tensor) -> Tensor:
        """(N,): by two random numbers 0 to 1 for each sample; evenly in stops, 1 where it is not varied."""
        low, high = torch.tensor(self.low).log(), torch.tensor(self.high).log()
        factor = (low + where * (high - low)).exp()
        return torch.where(chosen < self.probability, factor, torch.ones_like(factor))


@dataclass(frozen=True)
class ColourVariation:
    """``gain`` and ``saturation`` are of file values, ``contrast`` is about the middle of network values.
    ``colours``: which channels of the input are red, green and blue, three by three, the plate's first; the
    truth is varied alike where it is a ``changed`` plate."""

    gain: Chance
    contrast: Chance
    saturation: Chance
    colour_in: ColourEncoding
    colour_out: ColourEncoding
    colours: tuple[tuple[int, int, int], ...]
    changed: bool

    def vary(self, batch: Batch, network: EffectNetwork, seed: int, step: int, samples: range) -> Batch:
        """A batch of ``samples`` of a step with other colours; what the colour fit makes of them is worked
        out anew."""
        numbers = random_numbers(seed ^ SALT, step, samples.stop)[samples.start :].to(torch.float32)
        factors = [
            chance.factors(numbers[:, 2 * index], numbers[:, 2 * index + 1]).view(-1, 1, 1, 1).to(batch.input)
            for index, chance in enumerate((self.gain, self.contrast, self.saturation))
        ]
        if all(bool((each == 1).all()) for each in factors):
            return batch
        source = self._varied(batch.input, self.colours, self.colour_in, factors)
        truth, base = batch.truth, batch.base
        if self.changed:
            truth = self._varied(truth, self.colours[:1], self.colour_out, factors)
        if base.shape[1]:
            with torch.no_grad():
                base = network.base(source)
        window = batch.window
        if window is not None:
            window = self._varied(window, self.colours, self.colour_in, factors)
        return replace(batch, input=source, truth=truth, base=base, window=window)

    def _varied(
        self,
        planes: Tensor,
        colours: tuple[tuple[int, int, int], ...],
        encoding: ColourEncoding,
        factors: list[Tensor],
    ) -> Tensor:
        gain, contrast, saturation = factors
        touched = torch.stack([each != 1 for each in factors]).any(0)
        varied = planes.clone()
        for places in colours:
            index = list(places)
            file = decode_tensor(planes[:, index], encoding) * gain
            luma = (file * file.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
            net = encode_tensor(luma + (file - luma) * saturation, encoding)
            varied[:, index] = torch.where(touched, (net - PIVOT) * contrast + PIVOT, planes[:, index])
        return varied


def shrunk_batch(batch: Batch, factor: int, stride: int) -> Batch:
    """The same crops ``factor`` times smaller, or as much so as is possible: means over squares, to which
    what does not count adds nothing. Details of a coarse view stay as they are."""
    height, width = batch.input.shape[-2:]
    factor = possible(factor, (height, width), stride)
    if factor == 1 or batch.window is not None or batch.coarse:
        return batch
    known = (batch.weight > 0).to(batch.weight.dtype)
    share = functional.avg_pool2d(known, factor).clamp(min=1e-6)
    truth = functional.avg_pool2d(batch.truth * known, factor) / share
    source, weight = (functional.avg_pool2d(each, factor) for each in (batch.input, batch.weight))
    base = functional.avg_pool2d(batch.base, factor) if batch.base.shape[1] else weight[:, :0]
    return replace(batch, input=source, truth=truth, base=base, weight=weight)
