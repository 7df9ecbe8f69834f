"""Scene-linear, as a host works in, <-> the values of the files that a network learned from, as modules.

Only red, green and blue are light: alpha, mattes and raw layers are the same on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from understudy.colour import ColourEncoding, NamedSpace, find_space, matrix_and_curve
from understudy.colour.matrix_curve import MatrixCurve
from understudy.colour.named_space import convert, convert_back
from understudy.colour.scene_linear import ROLE
from understudy.errors import ColourError
from understudy.export.stages import (
    Groups,
    LinearToSrgb,
    Matrix,
    Negatives,
    OnChannels,
    Power,
    Same,
    SrgbToLinear,
    Table,
)
from understudy.models.description import ModelDescription

ALPHA = ("a", "alpha")
TABLE = (-0.5, 1.5, 16385)
"""Where a curve that has no name is sampled: camera logs go on below 0 and above 1."""


def light_channels(names: Sequence[str], encoding: ColourEncoding) -> list[int]:
    """The channels that are converted: none where values are linear or no colours at all."""
    if encoding.space in ("linear", "raw"):
        return []
    light = [i for i, name in enumerate(names) if name.rpartition(".")[2].lower() not in ALPHA]
    if encoding.space == "srgb":
        return light
    return light[:3] if len(light) >= 3 else []


def into_file(description: ModelDescription) -> nn.Module | None:
    """Scene-linear -> file values for all input channels; None where nothing is to be done."""
    sides = [(list(description.input_channels), description.colour_in)]
    sides += [(list(extra.channels), extra.colour or description.colour_in) for extra in description.extra]
    if not any(light_channels(names, encoding) for names, encoding in sides):
        return None
    return Groups(
        [_stage(names, encoding, _to_file_steps) for names, encoding in sides],
        [len(names) for names, _ in sides],
    )


def out_of_file(description: ModelDescription) -> nn.Module | None:
    """File values of the output -> scene-linear; None where nothing is to be done, as for a matte."""
    names, encoding = list(description.output_channels), description.colour_out
    if description.kind == "matte" or not light_channels(names, encoding):
        return None
    return _stage(names, encoding, _to_linear_steps)


def _stage(names: list[str], encoding: ColourEncoding, make: Any) -> nn.Module:
    light = light_channels(names, encoding)
    return OnChannels(make(encoding), light, len(names)) if light else Same()


def _to_file_steps(encoding: ColourEncoding) -> list[nn.Module]:
    if encoding.space == "srgb":
        return [LinearToSrgb()]
    space, found = _explained(encoding)
    inverse = np.linalg.inv(found.matrix)
    curve = _curve(space, found, backwards=True)
    return [Matrix(inverse.tolist()), *curve]


def _to_linear_steps(encoding: ColourEncoding) -> list[nn.Module]:
    if encoding.space == "srgb":
        return [SrgbToLinear()]
    space, found = _explained(encoding)
    return [*_curve(space, found, backwards=False), Matrix(found.matrix.tolist())]


def _explained(encoding: ColourEncoding) -> tuple[NamedSpace, MatrixCurve]:
    space = find_space(encoding.space, encoding.ocio_config)
    found = matrix_and_curve(space)
    if found is None:
        raise ColourError(
            "The colour space of this network cannot be built into a file for Nuke.",
            expected="a space that is a matrix and a curve",
            found=f"{space.name}, which is more than that",
            where=space.config,
            remedy="Train on files in a simpler space, or export with --to torchscript and convert round it.",
        )
    return space, found


def _curve(space: NamedSpace, found: MatrixCurve, backwards: bool) -> list[nn.Module]:
    if found.curve == "linear":
        return []
    if found.curve == "sampled":
        given, wanted = _sampled(space, found)
        return [Table(wanted, given) if backwards else Table(given, wanted)]
    if found.curve == "srgb":
        made: nn.Module = LinearToSrgb() if backwards else SrgbToLinear()
    else:
        made = Power(1.0 / found.gamma if backwards else found.gamma)
    slope = _slope_below_zero(space, backwards)
    return [made if slope is None else Negatives(made, slope)]


def _slope_below_zero(space: NamedSpace, backwards: bool) -> float | None:
    """How the space goes on below 0: the slope of a straight line, or None where it is odd."""
    grey = np.repeat(np.array([[[-0.5], [-0.25], [0.5]]], np.float32), 3, axis=2)
    values = convert_back(grey, ROLE, space) if backwards else convert(grey, space, ROLE)
    far, near, mirror = values[0].astype(np.float64).mean(axis=1)
    straight = abs(far - 2 * near) < 1e-6
    return far / -0.5 if straight and abs(far + mirror) > 1e-6 else None


def _sampled(space: NamedSpace, found: MatrixCurve) -> tuple[list[float], list[float]]:
    """The curve, scaled as in ``found``, over a wider range than files hold; kept only where it rises."""
    ramp = np.linspace(*TABLE)
    grey = np.repeat(ramp[None, :, None], 3, axis=2).astype(np.float32)
    curve = convert(grey, space, ROLE)[0].astype(np.float64).mean(axis=1)
    at_one = np.interp(1.0, ramp, curve)
    curve *= found.samples_out[-1] / at_one if at_one else 1.0
    rises = np.concatenate([[True], np.diff(np.maximum.accumulate(curve.astype(np.float32))) > 0])
    return ramp[rises].tolist(), curve[rises].tolist()
