"""A frame's file values -> network values, and the network's answer -> file values."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from understudy.colour import ColourEncoding, decode_tensor, encode_tensor
from understudy.device import upload
from understudy.frames import Window
from understudy.inference.bands import row_bands
from understudy.inference.inputs import input_encodings, is_placed, network_channels
from understudy.inference.tiles import round_up
from understudy.network.places import PLACES, place_planes

if TYPE_CHECKING:
    from torch import Tensor


def encode_frame(
    header: Any, network: Any, plate: Tensor, beside: Iterable[Tensor], display: Window | None = None
) -> Tensor:
    """Network values (1, C, H, W) on the device where ``plate`` lies; bottom and right are repeated up to the
    stride.

    ``plate`` and each of ``beside``, the extra inputs in order, are file values (height, width, channels);
    one of ``beside`` is taken at a time, and let go before the next. ``display``: where in them the display
    window lies, for a network that wants places.
    """
    height, width = plate.shape[:2]
    channels = network_channels(header, network)
    shape = (1, channels, round_up(height, network.stride), round_up(width, network.stride))
    x = torch.empty(shape, device=plate.device)
    if is_placed(network):
        x[:, -PLACES:, :height, :width] = place_planes(height, width, plate.device, display)
    layers = itertools.chain([plate], map(lambda planes: upload(planes, plate.device), beside))
    first = 0
    for count, encoding in input_encodings(header):
        _encode_into(x[:, first : first + count, :height, :width], next(layers), encoding)
        first += count
    x[:, :, :height, width:] = x[:, :, :height, width - 1 : width]
    x[:, :, height:] = x[:, :, height - 1 : height]
    return x


def _encode_into(x: Tensor, planes: Tensor, encoding: ColourEncoding) -> None:
    values = planes.permute(2, 0, 1)[None]
    for rows in row_bands(planes.shape[0], planes.shape[1], planes.device):
        x[:, :, rows] = encode_tensor(values[:, :, rows], encoding)


def decode_frame(header: Any, y: Tensor, x: Tensor, plate: Tensor) -> Tensor:
    """File values (H, W, C_out) of the answer ``y`` (1, C_out, H, W) to ``x``; where the network changed
    nothing, those of ``plate`` (H, W, C) itself, which no curve has rounded."""
    height, width = y.shape[-2:]
    count, encoding = input_encodings(header)[0]
    comparable = header.output_channels == header.input_channels
    keeps = comparable and encoding == header.colour_out and not encoding.is_identity and header.scale == 1
    out = torch.empty((height, width, y.shape[1]), device=y.device)
    alpha = header.coverage
    for rows in row_bands(height, width, y.device):
        values = decode_tensor(y[:, :, rows], header.colour_out)[0].permute(1, 2, 0)
        if keeps:
            same = (y[0, :, rows] == x[0, :count, rows, :width]).permute(1, 2, 0)
            values = torch.where(same, plate[rows], values)
        out[rows] = values
        for place in alpha:
            out[rows, :, place] = y[0, place, rows].clamp(0, 1)
    return out
