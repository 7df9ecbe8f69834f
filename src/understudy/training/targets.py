"""From pairs to the network, and what it is to learn from each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from understudy.dataset.packing import Material, shares_of_mattes
from understudy.dataset.pairs import DataSet, Pair
from understudy.network.build import build_effect
from understudy.network.colour_fit import (
    ColourFit,
    Scaling,
    fit_colours,
    measure_scaling,
    predict,
    thinned,
)
from understudy.network.drift import Drift, fit_drifts, steady
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.places import PLACES, place_planes
from understudy.settings import NO_WEIGHTS, NetworkSettings
from understudy.training.drifting import Drifting
from understudy.training.evaluation import middle_of
from understudy.training.initial_weights import begin_from

COARSE_EFFECT = 0.3
"""The share of an effect that has to be seen in the coarse view to make it worth while."""
FEATURES = 8
"""Channels that the coarse view tells the fine one beside its own answer."""

MakeMaterial = Callable[[int | None, Pair], Material]
"""Makes the material of the pair of an index; of one that is not among the pairs, None."""


@dataclass(frozen=True)
class Targets:
    """The network, what makes the material of a pair, sentences for the artist, and, where the pairs differ
    in overall colour from frame to frame, what tells that of a frame that is painted later."""

    network: EffectNetwork
    make_material: MakeMaterial
    notes: list[str]
    drifting: Drifting | None = None


def make_network(data: DataSet, settings: NetworkSettings, coarse: int, sure: bool = True) -> Targets:
    """The network, and what it is to learn. ``coarse``: how many times smaller its view of the whole frame
    is; where that is not ``sure``, an effect that lives at the pixel has none. Empty pairs have no say in the
    fit of the colours, which is what the painted ones agree on, nor in what it is scaled by: the network
    learns on top of it where there is nothing to change."""
    data = replace(data, pairs=data.painted)
    looked_at = [_looked_at(pair) for pair in data.pairs]
    inputs = [_flat(pair.input)[rows] for pair, rows in zip(data.pairs, looked_at, strict=True)]
    whole = measure_scaling(torch.cat(inputs))
    if data.kind == "matte":
        network = build_effect(_architecture(data, settings, "identity", 0, coarse))
        network.set_range(whole)
        return Targets(network, _matte_material, _begin(network, settings.initial_weights))
    count = len(data.output_channels) if data.same_channels else len(data.input_channels)
    seen = [pixels[:, :count] for pixels in inputs]
    truths = [_flat(pair.truth)[rows] for pair, rows in zip(data.pairs, looked_at, strict=True)]
    places = [_places(pair)[rows] for pair, rows in zip(data.pairs, looked_at, strict=True)]
    fit, scaling = fit_colours(seen, truths, data.same_channels, places)
    same_channels = data.same_channels
    if coarse > 1 and not sure and _share_in_coarse_view(data, fit, scaling, coarse) < COARSE_EFFECT:
        coarse = 1
    network = build_effect(_architecture(data, settings, fit.kind, count, coarse))
    low, high = whole.low.clone(), whole.high.clone()
    low[:count], high[:count] = scaling.low, scaling.high
    network.set_fit(fit, Scaling(low, high))
    bases = [
        predict(rows, fit, scaling, data.same_channels, where)
        for rows, where in zip(seen, places, strict=True)
    ]
    drifts = None if data.is_many else fit_drifts(seen, truths, bases, scaling)
    drifting = None
    notes = [_say_fit(fit)]
    if data.is_many:
        notes.append("Of so many pairs it is not looked for what each has of a grade of its own.")
    if drifts is not None:
        drifting = Drifting(fit, scaling, drifts.common, same_channels)
        notes.append("The pairs differ in overall colour from frame to frame: learning what they agree on.")

    def make(index: int | None, pair: Pair) -> Material:
        drift = drifts.each[index] if drifts and index is not None and not pair.empty else None
        return _image_material(pair, fit, scaling, same_channels, drift)

    return Targets(network, make, [*notes, *_begin(network, settings.initial_weights)], drifting)


def _begin(network: EffectNetwork, initial_weights: str) -> list[str]:
    """Let it begin as it is, or from what another has learned; sentences for the artist."""
    network.lay_out(torch.device("cpu"))
    return [] if initial_weights == NO_WEIGHTS else list(begin_from(network, initial_weights))


def _share_in_coarse_view(data: DataSet, fit: ColourFit, scaling: Scaling, coarse: int) -> float:
    """How much of what the fit leaves over can be seen in a view so many times smaller, 0..1: next to nothing
    of grain or sharpness, nearly all of paint on a face."""
    all_of_it = seen = 0.0
    for pair in data.pairs[:: max(1, len(data.pairs) // 5)]:
        part = middle_of(pair, compared=False)
        base = _image_material(part, fit, scaling, data.same_channels, None).base
        error = (torch.from_numpy(part.truth) - base) * torch.from_numpy(part.weight)
        smaller = torch.nn.functional.avg_pool2d(error.permute(2, 0, 1)[None], coarse, ceil_mode=True)
        all_of_it += float(error.square().mean())
        seen += float(smaller.square().mean())
    return seen / max(all_of_it, 1e-12)


def _looked_at(pair: Pair) -> Tensor:
    """The indices of the pixels that a colour fit is made of: every so many of those that count."""
    return thinned(torch.from_numpy(np.flatnonzero(pair.weight.any(2))))


def _flat(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels).reshape(-1, pixels.shape[2])


def _places(pair: Pair) -> Tensor:
    """(pixels, 2)"""
    height, width = pair.input.shape[:2]
    return place_planes(height, width).permute(1, 2, 0).reshape(-1, PLACES)


def _matte_material(index: int | None, pair: Pair) -> Material:
    nothing = torch.zeros((*pair.input.shape[:2], 0))
    plate, truth, weight = (torch.from_numpy(part) for part in (pair.input, pair.truth, pair.weight))
    return Material(plate, truth, nothing, weight, shares_of_mattes(truth, weight))


def _image_material(
    pair: Pair, fit: ColourFit, scaling: Scaling, same_channels: bool, drift: Drift | None
) -> Material:
    """What is learned from a pair: its plate, with the places where the fit needs them, its truth without
    its ``drift``, and what the fit makes of the plate."""
    plate, truth = torch.from_numpy(pair.input), torch.from_numpy(pair.truth)
    places = _places(pair) if fit.kind == "placed" else None
    pixels = _flat(pair.input)[:, : len(scaling.low)]
    base = predict(pixels, fit, scaling, same_channels, places).reshape(truth.shape)
    if drift is not None:
        truth = steady(pixels, _flat(pair.truth), drift, scaling).reshape(truth.shape)
    if places is not None:
        plate = torch.cat([plate, places.reshape(*plate.shape[:2], PLACES)], 2)
    return Material(plate, truth, base, torch.from_numpy(pair.weight))


def _say_fit(fit: ColourFit) -> str:
    words = {
        "identity": "Starting from the plate as it is.",
        "linear": "Starting from a linear colour match of plate and ground truth.",
        "cubic": "Starting from a cubic colour match of plate and ground truth.",
        "placed": "Starting from a colour match of plate and ground truth that changes over the frame.",
    }
    return words[fit.kind]


def _architecture(
    data: DataSet, settings: NetworkSettings, fit: str, fit_inputs: int, coarse: int
) -> Architecture:
    return Architecture(
        inputs=data.pairs[0].input.shape[2] + len(data.layers.offsets) * len(data.input_channels),
        outputs=data.pairs[0].truth.shape[2],
        size=settings.size,
        kind=data.kind,
        fit=fit,
        same_channels=data.same_channels,
        fit_inputs=fit_inputs,
        plate=len(data.input_channels),
        beside=len(data.layers.offsets),
        coarse=coarse,
        features=FEATURES if coarse > 1 else 0,
        whole=settings.whole_for(data.kind),
    )
