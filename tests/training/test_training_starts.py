"""A training that begins from a network knows from its first step what that one knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from understudy.colour import SRGB
from understudy.network.card import ModelCard
from understudy.network.colour_fit import Scaling
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.model_file import ModelHeader, save_model
from understudy.training.distributed.shard import Shard
from understudy.training.initial_weights import ROOM
from understudy.training.prepare import make_job


def start(folder: Path, low: float, high: float) -> tuple[Path, EffectNetwork]:
    """A network that sees a range of its own, and says something of every pixel."""
    torch.manual_seed(3)
    network = EffectNetwork(Architecture(inputs=3, outputs=3, size="small", fit_inputs=3, plate=3))
    network.set_range(Scaling(torch.full((3,), low), torch.full((3,), high)))
    torch.nn.init.normal_(network.unet.head.weight, std=0.02)
    header = ModelHeader(
        kind="image",
        input_channels=["R", "G", "B"],
        output_channels=["R", "G", "B"],
        colour_in=SRGB,
        colour_out=SRGB,
        architecture=network.architecture.to_dict(),
        stride=network.stride,
        reach=network.reach,
        card=ModelCard(name="start", title="Start", purpose="A start.", licence="none", kind=["start"]),
    )
    save_model(folder / "start.cat", header, network)
    return folder / "start.cat", network


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.5), (-0.3, 0.8)])
def test_a_start_says_the_same_of_a_plate_though_the_pairs_have_another_range(
    bench: Any, tmp_path: Path, low: float, high: float
) -> None:
    file, theirs = start(tmp_path, low, high)
    ours = make_job(bench.settings(initial_weights=str(file)), Shard()).learner.network
    assert not torch.allclose(ours.high, theirs.high)
    x = torch.rand(1, 3, 192, 192) * 0.5 + 0.2
    with torch.no_grad():
        said, wanted = (each.remainder(x)[..., 80:112, 80:112] for each in (ours, theirs))
    assert wanted.std() > 1e-3
    assert torch.allclose(said, wanted, atol=1e-4)


def test_frames_before_and_after_are_looked_at_beside_a_start_that_has_seen_none(
    bench: Any, tmp_path: Path
) -> None:
    file, theirs = start(tmp_path, 0.0, 1.0)
    ours = make_job(bench.settings(initial_weights=str(file), neighbours=1), Shard()).learner.network
    assert ours.architecture.inputs == 9
    assert ours.unet.stem.weight[:, 12:].any()
    assert torch.allclose(ours.unet.head.weight, theirs.unet.head.weight * (1 - ROOM))
