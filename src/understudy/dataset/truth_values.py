"""What a ground truth holds, in network values and back: an alpha that stands among colours is no light."""

from __future__ import annotations

import numpy as np

from understudy.colour import ColourEncoding, decode, encode
from understudy.dataset.layers import Layers


def encode_truth(values: np.ndarray, layers: Layers, colour: ColourEncoding) -> np.ndarray:
    """Network values of file values (height, width, outputs); an alpha without curve is held to 0..1."""
    net = np.asarray(encode(values, colour))
    for place in layers.coverage:
        net[..., place] = values[..., place].clip(0, 1)
    return net


def decode_truth(net: np.ndarray, layers: Layers, colour: ColourEncoding) -> np.ndarray:
    """File values of network values (height, width, outputs)."""
    values = np.array(decode(net, colour))
    for place in layers.coverage:
        values[..., place] = net[..., place]
    return values
