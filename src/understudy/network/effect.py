"""The network as a whole: the colour fit, and what a U-Net adds to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from understudy.device import memory_format
from understudy.network.colour_fit import ColourFit, Scaling, count_terms, terms
from understudy.network.core import Core
from understudy.network.cores import make_core
from understudy.network.irradiance import divided, multiplied
from understudy.network.parts import Crop, cropped
from understudy.network.places import PLACES
from understudy.network.resampling import cells, cubic_kernel, enlarge, sample
from understudy.network.unet import SIZES, STEM, UNet, without_deepest

MARGIN = 0.25
CHANGE = 0.5
LATER = {"scale": 1, "whole": 0, "albedo": 0, "screen": False}
"""What networks of earlier versions do not say, and are."""


@dataclass(frozen=True)
class Architecture:
    """All that is needed to build the network again. ``fit`` is identity, linear, cubic or placed.

    ``inputs`` counts the plate's channels and those of the extra layers; ``same_channels`` tells that the
    outputs are the plate's own channels, changed. Behind the plate's ``plate`` channels come those of
    ``beside`` frames before and after it. ``coarse``: how many pixels a side of one of the coarse view has, 1
    where there is none; ``features``: what the coarse view tells the fine one beside its own answer.
    ``scale``: how many times larger the result is than the plate. ``size``: of a U-Net, or the name of
    another architecture (``understudy.network.cores``). ``whole``: it looks at whole frames as pictures of so
    many pixels a side (``understudy.network.whole``); 0 where it looks at frames as they are. ``albedo``: the
    first of three inputs that say what surfaces throw back of the light, which the colours are divided by for
    it (``understudy.network.irradiance``); 0 where there are none such. ``screen``: it takes off what stands
    before a green or blue screen (``understudy.network.keying``); a matte of it is the alpha itself.
    """

    inputs: int
    outputs: int
    size: str = "medium"
    kind: str = "image"
    fit: str = "identity"
    same_channels: bool = True
    fit_inputs: int = field(default=0)
    plate: int = 0
    beside: int = 0
    coarse: int = 1
    features: int = 0
    scale: int = 1
    whole: int = 0
    albedo: int = 0
    screen: bool = False

    @property
    def answers(self) -> int:
        """What comes out of the U-Net for each pixel of the plate: all that it becomes."""
        return self.outputs * self.scale**2

    def to_dict(self) -> dict[str, Any]:
        """What a header holds. Earlier versions know of none of ``LATER``, and load what needs none."""
        return {name: value for name, value in asdict(self).items() if LATER.get(name, ()) != value}


class EffectNetwork(nn.Module):
    """Network values in, network values out, at any height and width that are multiples of ``stride``.

    image: fit(x) + remainder(x); matte: sigmoid(remainder(x)). ``grid``: of what a part of a frame has to
    begin and end on, where the globals of the whole are known; ``reach``: pixels of context on each side of
    such a part.
    Where ``placed``, x has two channels more than ``inputs``: the places (``understudy.network.places``),
    and the U-Net sees what the fit makes of x too, as it cannot know where it is. ``portable``: compute with
    operators alone that do not depend on the size of the frame, for a host that gets the network as a file.
    ``crop_stride``: of what heights and widths of crops are multiples.
    Where it enlarges, by ``scale``, it works at the size of the plate, and what each pixel becomes are
    channels (``torch.pixel_shuffle``), in ``remainder`` and ``finish`` too; ``forward`` alone lays them out.
    """

    low: Tensor
    high: Tensor
    gain: Tensor
    fit_weights: Tensor
    kernel: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self._portable = False
        self.placed = architecture.fit == "placed"
        self.scale = architecture.scale
        seen = architecture.inputs + (architecture.outputs if self.placed else 0)
        outputs = architecture.answers
        self.unet: Core
        if architecture.coarse > 1:
            size = SIZES[architecture.size]
            context = outputs + architecture.features
            self.unet = UNet(seen, outputs, without_deepest(size), context)
            self.coarse = UNet(seen, context, size)
            self.crop_stride = self.coarse.stride
            self.stride = self.coarse.stride * architecture.coarse
            self.grid = math.lcm(self.unet.stride, architecture.coarse)
            # Beyond what the fine view sees lies half of the coarse pixel that it sees a bilinear share of.
            self.reach = self.unet.reach + max(architecture.coarse // 2 - STEM, 0)
        else:
            self.unet = self._make_core(seen, outputs)
            self.stride, self.reach = self.unet.stride, self.unet.reach
            self.crop_stride = self.grid = self.stride
        if architecture.beside:
            self._begin_from_plate(seen)
        self.register_buffer("low", torch.zeros(architecture.inputs))
        self.register_buffer("high", torch.ones(architecture.inputs))
        self.register_buffer("gain", torch.ones(()))  # of 1 always; every .cat there is has one
        if self.scale > 1:
            self.register_buffer("kernel", cubic_kernel(self.scale), persistent=False)
        self.register_buffer("fit_weights", torch.zeros(_term_count(architecture), architecture.outputs))

    def _make_core(self, seen: int, outputs: int) -> Core:
        """What learns, of so many planes in and out."""
        return make_core(self.architecture.size, seen, outputs)

    @property
    def portable(self) -> bool:
        return self._portable

    @portable.setter
    def portable(self, value: bool) -> None:
        self._portable = self.unet.portable = value

    @torch.no_grad()
    def _begin_from_plate(self, seen: int) -> None:
        """Weights as large as without the frames before and after, which more inputs would make smaller."""
        shape = self.architecture
        for unet in self.children():
            if isinstance(unet, UNet):
                unet.stem.weight.mul_((seen / (seen - shape.plate * shape.beside)) ** 0.5)

    def lay_out(self, device: torch.device) -> EffectNetwork:
        """Itself on a device, its weights in the order in which convolutions are fast there."""
        self.to(device)
        for weights in self.parameters():
            if weights.ndim == 4:
                weights.data = weights.data.to(memory_format=memory_format(device))
        return self

    def set_fit(self, fit: ColourFit, scaling: Scaling) -> None:
        """Take over a fit that was made for the channels of this network."""
        self.fit_weights.copy_(fit.weights)
        self.set_range(scaling)

    def set_range(self, scaling: Scaling) -> None:
        """Take over the range of the plate and the extra layers; the frames before and after have the
        plate's."""
        shape = self.architecture
        for ours, seen in ((self.low, scaling.low), (self.high, scaling.high)):
            ours.copy_(torch.cat([seen[: shape.plate].repeat(1 + shape.beside), seen[shape.plate :]]))

    def globals(self, x: Tensor) -> Tensor:
        """What is known of a whole frame (N, C, H, W): the answer of its coarse view, (N, outputs + features,
        H / coarse, W / coarse) float32; (N, 0) where there is none."""
        coarse = self.architecture.coarse
        if coarse == 1:
            return x.new_zeros((x.shape[0], 0))
        return self.coarse(self.seen(torch.nn.functional.avg_pool2d(x, coarse))).float()

    def forward(self, x: Tensor, g: Tensor | None = None) -> Tensor:
        """(N, C, H, W) -> (N, C_out, H * scale, W * scale), float32."""
        made = self.finish(x, self.remainder(x, g))
        return made if self.scale == 1 else torch.pixel_shuffle(made, self.scale)

    def crops(self, kept: Crop, size: tuple[int, int]) -> list[Crop]:
        """What ``remainder`` takes to compute no more than ``kept`` of an input of ``size`` = (H, W)."""
        return [kept, *self.unet.crops(kept, size)]

    def remainder(self, x: Tensor, g: Tensor | None = None, crops: Sequence[Crop] | None = None) -> Tensor:
        """What the U-Net makes of (N, C, H, W): all the heavy work, in whatever precision it runs. ``g``: the
        ``globals`` of the frame, or the part of them that lies under x. ``crops``: where only a part of it is
        asked for."""
        coarse = self.architecture.coarse
        kept, within = (None, None) if crops is None else (crops[0], crops[1:])
        if coarse == 1:
            return self.unet(self.seen(x), None, within)
        g = self.globals(x) if g is None else g
        answer = cropped(enlarge(g[:, : self.architecture.outputs], coarse, self.portable), kept)
        if self._has_silent_detail():
            return answer
        context = enlarge(g, coarse // STEM, self.portable)
        return self._refined(answer, self.unet(self.seen(x), context, within))

    def answer(self, x: Tensor | None, window: Tensor | None = None, offset: Tensor | None = None) -> Tensor:
        """The answer to what is learned from: ``remainder`` of crops x, which are details of ``window`` where
        there is one; or, without x, the coarse view's own answer to ``window``."""
        if x is None and window is not None:
            return self.coarse(self.seen(window))[:, : self.architecture.outputs]
        assert x is not None
        return self.remainder(x) if window is None or offset is None else self.detail(x, window, offset)

    def answers(self, x: Tensor | None, window: Tensor | None = None, offset: Tensor | None = None) -> Tensor:
        """What is learned from, (N, sides * outputs, H, W): ``answer``, and behind it the further ones of a
        network that has some."""
        if self.unet.sides == 1 or x is None:
            return self.answer(x, window, offset)
        return self.unet.answers(self.seen(x))

    def detail(self, x: Tensor, window: Tensor, offset: Tensor) -> Tensor:
        """``remainder`` of details x (N, C, h, w) of what the coarse view, which learns nothing from them,
        sees in ``window`` (N, C, H, W). ``offset`` (N, 2): the first row and column of the details in the
        window, in pixels of the window."""
        with torch.no_grad():
            seen = self.coarse(self.seen(window)).float()
        coarse, outputs = self.architecture.coarse, self.architecture.outputs
        height, width = x.shape[-2:]
        context = sample(seen, offset, coarse / STEM, (height // STEM, width // STEM))
        answer = sample(seen[:, :outputs], offset, coarse, (height, width))
        return self._refined(answer, self.unet(self.seen(x), context))

    def _has_silent_detail(self) -> bool:
        """Whether the fine view has not begun to learn: it says nothing, and need not be asked. In a file for
        a host it always is, as what is written into one cannot depend on numbers."""
        return not self.portable and not self.training and self.unet.is_silent()

    def _refined(self, answer: Tensor, detail: Tensor) -> Tensor:
        """The coarse view's answer and what the fine one adds. Of a matte the coarse one says what is where:
        the less sure it is, as along an edge, the more the fine one has to say."""
        if self.architecture.kind != "matte":
            return answer + detail
        sure = (answer.sigmoid() - 0.5).abs() * 2
        return answer + detail * (1 - sure * sure)

    def seen(self, x: Tensor) -> Tensor:
        """The input about -1..1 over the range of the pairs, held a little beyond it: what lies far outside
        would be answered with something never learned."""
        low, high = self.low.view(1, -1, 1, 1), self.high.view(1, -1, 1, 1)
        if self.architecture.albedo:
            x = divided(x, self.architecture.albedo)
        scaled = (x[:, : self.architecture.inputs] - low) / (high - low) * 2 - 1
        if self.architecture.beside:
            scaled = self._as_changes(scaled)
        if self.placed:
            with torch.autocast(x.device.type, enabled=False):
                scaled = torch.cat([scaled, self.base(x) * 2 - 1], 1)
        return scaled.clamp(-1 - 2 * MARGIN, 1 + 2 * MARGIN)

    def _as_changes(self, scaled: Tensor) -> Tensor:
        """The frames before and after as what differs from the plate, which is what they have to tell."""
        shape = self.architecture
        end = shape.plate * (1 + shape.beside)
        plate = scaled[:, : shape.plate]
        changes = (scaled[:, shape.plate : end] - torch.cat([plate] * shape.beside, 1)) * CHANGE
        return torch.cat([plate, changes, scaled[:, end:]], 1)

    def finish(self, x: Tensor, remainder: Tensor, place: Crop | None = None) -> Tensor:
        """The result from the input and the U-Net's answer, always in float32. ``place``: which rows and
        columns of x the answer covers, all by default; a plate that is enlarged looks at what lies about."""
        with torch.autocast(x.device.type, enabled=False):
            if self.architecture.kind == "matte":
                return remainder.float().sigmoid()
            if self.scale > 1:
                plate = x[:, : self.architecture.outputs].float()
                return cells(plate, self.kernel, place) + remainder.float() * self.gain
            near = cropped(x, place).float()
            if albedo := self.architecture.albedo:
                light = self.base(divided(near, albedo)) + remainder.float() * self.gain
                return multiplied(light, near, albedo)
            return self.base(near) + remainder.float() * self.gain

    def base(self, x: Tensor) -> Tensor:
        """The colour fit of (N, C, H, W); the plate itself where the fit is the identity."""
        shape = self.architecture
        plate = x[:, : shape.outputs] if shape.same_channels else None
        if shape.fit == "identity" and plate is not None:
            return plate
        count = shape.fit_inputs
        low, high = self.low[:count], self.high[:count]
        slope = torch.ones_like(low) * 2 / (high - low)
        start = (low * slope).neg() - 1
        scaled = (x[:, :count] * slope.view(1, -1, 1, 1) + start.view(1, -1, 1, 1)).clamp(-1, 1)
        change = self._weigh(terms(scaled, shape.fit, 1, x[:, -PLACES:] if self.placed else None))
        return change if plate is None else plate + change

    def _weigh(self, features: Tensor) -> Tensor:
        """The features (N, T, H, W) times their weights. A convolution takes any size in every host; the
        product of matrices is much faster where the size may be looked at."""
        weights = self.fit_weights.T
        if self.portable:
            return torch.nn.functional.conv2d(features, weights[:, :, None, None])
        return (weights @ features.flatten(2)).unflatten(2, features.shape[2:])


def _term_count(architecture: Architecture) -> int:
    if architecture.kind == "matte":
        return 0
    return count_terms(architecture.fit_inputs, architecture.fit)
