"""A training that begins from a keyer: it goes on as a keyer, on what an artist put right.

A crop tells little of the screen that a frame has. So each pair is laid down with the clean plate of the
whole frame behind its channels, and a crop has that of its place.
"""

from __future__ import annotations

from functools import partial

import torch

from understudy.dataset.packing import Material
from understudy.dataset.pair import Pair
from understudy.dataset.pairs import DataSet
from understudy.errors import SettingError
from understudy.network.effect import Architecture
from understudy.network.keying import COLOURS, KeyingNetwork
from understudy.settings import NO_WEIGHTS, TrainSettings
from understudy.training.initial_weights import begin_from
from understudy.training.targets import Targets


def check_colours(data: DataSet) -> None:
    """SettingError where the plate's values are not what a keyer takes for light."""
    if data.colour_in.space == "raw":
        raise SettingError(
            "A keyer works on light, and takes a plate for display-referred or scene-linear.",
            expected="--colour auto, srgb, linear or the name of a space",
            found="raw",
            where="--colour, with the Initial Weights of a keyer",
        )


def make_keyer(data: DataSet, settings: TrainSettings) -> Targets:
    """The network, with all that the initial weights know, and what it is to learn of each pair."""
    matte = data.kind == "matte"
    network = KeyingNetwork(
        Architecture(
            inputs=COLOURS,
            outputs=len(data.output_channels),
            size=settings.network.size,
            kind=data.kind,
            same_channels=False,
            fit_inputs=0 if matte else COLOURS,
            plate=COLOURS,
            screen=True,
        )
    )
    network.lay_out(torch.device("cpu"))
    notes = ["Starting from a key by the screen's colour, and from what the initial weights know."]
    if settings.network.initial_weights != NO_WEIGHTS:
        notes += begin_from(network, settings.network.initial_weights)
    if matte:
        notes.append(
            "The ground truth has an alpha alone: that is what comes out. For a foreground without spill as "
            "well, paint colours and alpha, and say --unmix."
        )
    return Targets(network, partial(_material, network), notes)


@torch.no_grad()
def _material(network: KeyingNetwork, index: int | None, pair: Pair) -> Material:
    """Crops are drawn where the key alone is wrong; the weights have no say, as a run that goes on has
    others."""
    plate, truth, weight = (torch.from_numpy(part) for part in (pair.input, pair.truth, pair.weight))
    x = plate.permute(2, 0, 1)[None]
    x = torch.cat([x, network.clean_plate(x)], 1)
    wrong = (network.first_alpha(x)[0, 0] - truth[..., -1]).abs() * weight[..., -1]
    nothing = torch.zeros((*plate.shape[:2], 0))
    base = nothing if network.architecture.kind == "matte" else network.base(x)[0].permute(1, 2, 0)
    return Material(x[0].permute(1, 2, 0), truth, base, weight, change=wrong)
