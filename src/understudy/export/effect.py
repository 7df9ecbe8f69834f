"""The whole effect as one module: what a host gives goes in, what it takes comes out, at any size.

Finite values for the network, colour encoding, padding to the stride, the network, cropping, decoding and
the mix are all inside, as ``understudy apply`` does them, so that a host needs to know nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from understudy.export.flat import flatten
from understudy.export.remainder import Remainder, WholeRemainder
from understudy.export.stages import (
    LARGEST,
    Decode,
    Encode,
    Enlarge,
    Groups,
    OnChannels,
    Same,
    repeated,
)
from understudy.inference.engine import scale_of
from understudy.inference.inputs import input_encodings, is_placed, network_channels

BRIGHT = 65504.0
"""What the network sees for an infinite pixel; for one that is no number it sees 0."""


class ExportedEffect(nn.Module):
    """(1, C, H, W) -> (1, C_out, H * scale, W * scale) in the host's values, of the input's dtype, float32 or
    float16.

    C: the plate's channels, then those of the extra inputs. ``mix``: 0 gives the plate, 1 the full effect;
    an output that is no channel of the plate, such as a matte, mixes with 0. A pixel of the plate that is not
    finite keeps its value. ``touch``: what is done to a matte last. Half-precision input runs the network in
    half precision on a GPU, and in float32 on a CPU, where half is slow or missing.
    """

    def __init__(
        self,
        header: Any,
        network: Any,
        into_file: nn.Module | None,
        out_of_file: nn.Module | None,
        touch: nn.Module | None = None,
    ):
        super().__init__()
        groups = input_encodings(header)
        plate, outputs = len(header.input_channels), len(header.output_channels)
        self.mix = 1.0
        self.largest, self.bright = LARGEST, BRIGHT
        self.stride = int(network.stride)
        self.plate = plate
        self.outputs = outputs
        self.scale = scale_of(network)
        self.enlarge = Enlarge(self.scale) if self.scale > 1 else Same()
        self.into_file = into_file or Same()
        self.encode = Groups([Encode(encoding) for _, encoding in groups], [count for count, _ in groups])
        self.placed = is_placed(network)
        network.portable = True
        channels = network_channels(header, network)
        whole = getattr(network, "sees_whole", False)
        self.remainder = WholeRemainder(network, channels) if whole else Remainder(network, channels)
        self.finish = flatten(network, _finish, (channels, outputs * self.scale**2))
        self.decode = _decode(header, outputs)
        self.out_of_file = out_of_file or Same()
        self.touch = touch or Same()
        names = list(header.input_channels)
        self.under = [names.index(name) if name in names else -1 for name in header.output_channels]
        self.exact = (
            header.output_channels == names and header.colour_in == header.colour_out and self.scale == 1
        )
        self.shares = max(self.under) >= 0

    def forward(self, x: Tensor) -> Tensor:
        given = x.float()
        finite = given.abs() <= self.largest
        infinite = torch.where(
            given.abs() > self.largest, given.sign() * self.bright, torch.zeros_like(given)
        )
        file = self.into_file(torch.where(finite, given, infinite))
        net = self.encode(file)
        if self.placed:
            net = torch.cat([net, self.places(net)], 1)
        net = self.padded(net)
        rest = self.remainder(net, x.is_cuda and x.dtype == torch.float16)
        made = self.finish(net, rest)
        height, width = given.size(2), given.size(3)
        made, seen = made[:, :, :height, :width], net[:, :, :height, :width]
        if self.scale > 1:
            made = torch.pixel_shuffle(made, self.scale)
        values = self.decode(made)
        if not self.exact:
            result = self.touch(self.out_of_file(values))
        else:
            # What the network left alone is the plate's own value, which no curve has rounded.
            same = made == seen[:, : self.outputs]
            result = self.out_of_file(torch.where(same, file[:, : self.outputs], values))
            result = torch.where(self.everywhere(same), given[:, : self.outputs], result)
        return self.mixed(given, finite, result).to(x.dtype).contiguous()

    def places(self, x: Tensor) -> Tensor:
        """Where in the frame each pixel is, as ``understudy.network.places`` has it: (1, 2, H, W)."""
        height, width = x.size(2), x.size(3)
        across = (torch.arange(width, device=x.device).float() + 0.5) / width * 2.0 - 1.0
        down = (torch.arange(height, device=x.device).float() + 0.5) / height * 2.0 - 1.0
        rows = torch.zeros_like(x[:, 0:1])
        return torch.cat([rows + across.reshape(1, 1, 1, -1), rows + down.reshape(1, 1, -1, 1)], 1)

    def padded(self, x: Tensor) -> Tensor:
        """The last row and column repeated until height and width are multiples of the stride."""
        for dim in (2, 3):
            size = x.size(dim)
            whole = (size + self.stride - 1) // self.stride * self.stride
            places = torch.arange(whole, device=x.device).clamp(max=size - 1)
            x = x.index_select(dim, places)
        return x

    def everywhere(self, known: Tensor) -> Tensor:
        """(1, C, H, W) of yes and no -> (1, 1, H, W): yes in all channels."""
        good = known[:, 0:1]
        for channel in range(1, known.size(1)):
            good = torch.logical_and(good, known[:, channel : channel + 1])
        return good

    def mixed(self, given: Tensor, finite: Tensor, result: Tensor) -> Tensor:
        """The result over the plate, and the plate alone where it is not finite."""
        under = self.enlarge(self.plate_of(given))
        out = result
        if self.mix != 1.0:
            out = under * (1.0 - self.mix) + result * self.mix
        if not self.shares:
            return out
        good = self.everywhere(finite[:, : self.plate])
        if self.scale > 1:
            good = repeated(good, self.scale)
            under = torch.where(good, under, repeated(self.plate_of(given), self.scale))
        made: list[Tensor] = []
        for place, channel in enumerate(self.under):
            one = out[:, place : place + 1]
            made.append(torch.where(good, one, under[:, place : place + 1]) if channel >= 0 else one)
        return torch.cat(made, 1)

    def plate_of(self, given: Tensor) -> Tensor:
        """What lies under each output channel."""
        parts: list[Tensor] = []
        for channel in self.under:
            if channel >= 0:
                parts.append(given[:, channel : channel + 1])
            else:
                parts.append(torch.zeros_like(given[:, 0:1]))
        return torch.cat(parts, 1)


def _decode(header: Any, outputs: int) -> nn.Module:
    """What undoes the curve of the result; an alpha among colours has gone through none."""
    whole = Decode(header.colour_out)
    light = [place for place in range(outputs) if place not in header.coverage]
    if len(light) == outputs or header.colour_out.is_identity:
        return whole
    return OnChannels([whole], light, outputs)


def _finish(network: Any, x: Tensor, rest: Tensor) -> Tensor:
    return network.finish(x, rest)
