"""Loaded models around the tiny network, without a file."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from tiny_network import TinyNetwork

from understudy.colour import PLAIN, SRGB, ColourEncoding
from understudy.inference.model import LoadedModel
from understudy.inference.torch_engine import TorchEngine


def tiny_header(
    colour: ColourEncoding = SRGB, matte: bool = False, extra: tuple[Any, ...] = (), **changes: Any
) -> SimpleNamespace:
    """What a model file's header says, for a network of RGB in and RGB or a matte out."""
    values = {
        "kind": "matte" if matte else "image",
        "premultiplied": True,
        "input_channels": ["R", "G", "B"],
        "output_channels": ["A"] if matte else ["R", "G", "B"],
        "extra": list(extra),
        "offsets": (),
        "colour_in": colour,
        "colour_out": PLAIN if matte else colour,
        "coverage": (),
        "scale": 1,
        "stride": 1,
        "reach": 0,
        "architecture": {},
        "precision": {},
        "card": None,
        "adapts": False,
        "confidence": None,
        "provenance": {},
        "format": "understudy.cat",
        "version": 1,
    }
    return SimpleNamespace(**{**values, **changes})


def tiny_model(header: SimpleNamespace | None = None, network: Any = None, **options: Any) -> LoadedModel:
    """A model on the CPU; the tiny network unless another is given."""
    return LoadedModel(
        header or tiny_header(), TorchEngine(network or TinyNetwork(), torch.device("cpu")), **options
    )
