"""Model files for the tests of exports: small networks with random weights, which change a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from understudy.colour import PLAIN, SRGB, ColourEncoding
from understudy.network.build import build_effect
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.model_file import ExtraInput, ModelHeader, save_model

PROVENANCE = {
    "steps": 20,
    "pairs": [{"name": "plate.1001.exr", "frame": 1001, "hash": "ab" * 32}],
    "held_out": {"metric": "dB", "value": 31.5},
    "licence": "of the show",
    "date": "2026-11-20T12:00:00+00:00",
    "versions": {"understudy": "0.1.0"},
    "settings": {"max_steps": 20},
}


def random_network(shape: Architecture) -> EffectNetwork:
    """A small network whose every part has an effect."""
    torch.manual_seed(7)
    network = build_effect(shape)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.01)
        network.high.fill_(1.2)
        if network.fit_weights.numel():
            network.fit_weights.copy_(torch.randn_like(network.fit_weights) * 0.02)
        network.gain.fill_(0.3)
    return network.eval()


def write_model(
    path: Path,
    colour: ColourEncoding = SRGB,
    kind: str = "image",
    extra: tuple[Any, ...] = (),
    fit: str = "cubic",
    coarse: int = 1,
    whole: int = 0,
    size: str = "small",
) -> Path:
    """A .cat of RGB in and RGB, or a matte, out; with a coarse view where ``coarse`` is more than 1, and one
    that sees frames whole, as pictures of ``whole`` pixels a side, where it says so."""
    matte = kind == "matte"
    inputs = 3 + sum(len(each.channels) for each in extra)
    shape = Architecture(
        inputs,
        1 if matte else 3,
        size,
        kind,
        "identity" if matte else fit,
        not matte,
        0 if matte else 3,
        plate=3,
        beside=sum(each.offset != 0 for each in extra),
        coarse=coarse,
        features=4 if coarse > 1 else 0,
        whole=whole,
    )
    network = random_network(shape)
    header = ModelHeader(
        kind=kind,
        input_channels=["R", "G", "B"],
        output_channels=["Y"] if matte else ["R", "G", "B"],
        extra=list(extra),
        colour_in=colour,
        colour_out=PLAIN if matte else colour,
        architecture=shape.to_dict(),
        stride=network.stride,
        reach=network.reach,
        provenance=PROVENANCE,
    )
    save_model(path, header, network)
    return path


def depth() -> ExtraInput:
    """An extra input of one channel."""
    return ExtraInput(name="depth", channels=["depth.Z"], colour=ColourEncoding(space="raw", scale=20.0))


def beside() -> tuple[ExtraInput, ...]:
    """The frames before and after the plate's own."""
    names = {"before": -1, "after": 1}
    return tuple(
        ExtraInput(name=name, channels=[f"{name}.{c}" for c in "RGB"], colour=SRGB, offset=offset)
        for name, offset in names.items()
    )


def picture(height: int, width: int, channels: int = 3, low: float = -0.4, high: float = 3.0) -> np.ndarray:
    """float32 (height, width, channels): waves and grain from ``low`` to ``high``."""
    y, x = np.mgrid[:height, :width]
    wave = 0.5 + 0.5 * np.sin(x / 5.0 + y / 9.0)
    grain = np.random.default_rng(height * 1000 + width).random((height, width, channels))
    return (low + (high - low) * (0.6 * wave[..., None] + 0.4 * grain)).astype(np.float32)
