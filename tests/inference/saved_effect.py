"""Networks for the pairs at hand, saved without a training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from understudy.dataset.pairs import DataSet
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.model_file import ModelHeader, save_model


def save_effect(path: Path, data: DataSet, fill: Callable[[EffectNetwork], object], **header: Any) -> None:
    """A small image network for the pairs of ``data``, saved at ``path``: ``fill`` sets its weights,
    ``header`` is what its file says beside what follows from the pairs."""
    shape = Architecture(inputs=3, outputs=3, size="small", plate=3)
    network = EffectNetwork(shape)
    with torch.no_grad():
        fill(network)
    said = ModelHeader(
        kind="image",
        input_channels=list(data.input_channels),
        output_channels=list(data.output_channels),
        colour_in=data.colour_in,
        colour_out=data.colour_out,
        premultiplied=True,
        architecture=shape.to_dict(),
        stride=network.stride,
        reach=network.reach,
        **header,
    )
    save_model(path, said, network)
