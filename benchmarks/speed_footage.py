"""Footage and networks for the speed benchmark, made on the spot: noise and waves, EXR half with ZIP."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import torch

from understudy.colour import LINEAR
from understudy.errors import WriteError
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.model_file import ModelHeader, save_model

FIRST = 1001
DIFFERENT = 24
"""Frames after which a sequence begins again: they take long to make."""


def picture(number: int, width: int, height: int) -> np.ndarray:
    """float32 (height, width, 3), scene-linear, with grain: ZIP has as much to do as on footage."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    wave = 0.4 + 0.3 * np.sin((x + 3 * number) / 97) * np.cos((y - number) / 61)
    grain = np.random.default_rng(number).normal(0, 0.01, (height, width, 3))
    return (np.stack([wave, 0.8 * wave, 1 - wave], -1) + grain).astype(np.float32)


def write_plate(folder: Path, frames: int, width: int, height: int, gain: float = 1.0) -> str:
    """A sequence; its spec."""
    folder.mkdir(parents=True)
    for number in range(FIRST, FIRST + frames):
        spec = oiio.ImageSpec(width, height, 3, "half")
        spec.attribute("compression", "zip")
        path = str(folder / f"{folder.name}.{number}.exr")
        if number >= FIRST + DIFFERENT:
            shutil.copyfile(folder / f"{folder.name}.{number - DIFFERENT}.exr", path)
            continue
        output = oiio.ImageOutput.create(path)
        pixels = picture(number, width, height) * np.float32(gain)
        if not (output and output.open(path, spec) and output.write_image(pixels) and output.close()):
            raise WriteError("The plate could not be written.", found=oiio.geterror(), where=path)
    return str(folder / f"{folder.name}.####.exr")


def make_network(size: str) -> EffectNetwork:
    """A network that does something everywhere, with the most expensive colour fit."""
    torch.manual_seed(0)
    network = EffectNetwork(Architecture(3, 3, size, fit="cubic", fit_inputs=3)).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.01)
        network.get_buffer("fit_weights").normal_(0, 0.01)
    return network


def write_model(path: Path, size: str) -> Path:
    """A .cat for scene-linear RGB whose header allows bfloat16, as most trained ones do."""
    network = make_network(size)
    header = ModelHeader(
        kind="image",
        input_channels=["R", "G", "B"],
        output_channels=["R", "G", "B"],
        colour_in=LINEAR,
        colour_out=LINEAR,
        architecture=network.architecture.to_dict(),
        stride=network.stride,
        reach=network.reach,
        precision={"bfloat16_difference": 0.1},
    )
    save_model(path, header, network)
    return path
