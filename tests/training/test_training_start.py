"""Initial Weights by name, into trainings whose inputs and outputs differ from what they know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from understudy.errors import ModelFileError, SizeError
from understudy.network.model_file import load_model
from understudy.settings import TrainSettings
from understudy.training.distributed.shard import Shard
from understudy.training.initial_weights import ROOM, begin_from
from understudy.training.prepare import Job, make_job

Trained = Callable[..., Path]


pytestmark = pytest.mark.usefixtures("elsewhere")


def begun(settings: TrainSettings) -> Job:
    return make_job(settings, Shard())


def tensors(network: Any) -> dict[str, torch.Tensor]:
    return dict(network.unet.state_dict())


def inner(network: Any) -> dict[str, torch.Tensor]:
    """Everything but what goes in and what comes out."""
    return {name: each for name, each in tensors(network).items() if not name.startswith(("stem", "head"))}


def tells_the_same(network: Any, start: Any, view: str = "unet") -> bool:
    """Whether the stem of ``network`` tells of a plate what that of ``start`` does, though each has a range
    of its own."""
    x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.2
    whole = torch.cat([x] * (network.architecture.inputs // 3), 1)
    told = [
        getattr(each, name).stem(torch.pixel_unshuffle(each.seen(given), 2))
        for each, name, given in ((network, view, whole), (start, "unet", x))
    ]
    return torch.allclose(*(each[:, :, 1:-1, 1:-1] for each in told), atol=1e-5)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_name_gives_all_its_weights_and_its_size_which_is_said(bench: Any, zoo: Trained) -> None:
    start = load_model(zoo("denoise"))[1]
    job = begun(bench.settings(initial_weights="denoise", model_size="auto"))
    network = job.learner.network
    assert job.plan.size == "small" and same(inner(network), inner(start)) and tells_the_same(network, start)
    assert torch.equal(network.unet.head.weight, start.unet.head.weight)
    assert "Model Size is small, as that of the initial weights." in job.notes
    assert "Initial Weights: denoise." in job.notes
    result = bench.train(initial_weights="denoise", model_size="auto", max_steps=2)
    assert result.state == "finished"
    assert 'initial_weights = "denoise"' in result.run.settings_path.read_text()
    assert bench.resume(result.run, max_steps=3).step == 3


def test_a_plate_of_fewer_channels_is_refused_in_words(bench: Any, zoo: Trained) -> None:
    zoo("denoise")
    with pytest.raises(ModelFileError) as caught:
        bench.train(initial_weights="denoise", input_channels="R", ground_truth_channels="R")
    assert (caught.value.expected, caught.value.found) == (
        "1 channel of the plate",
        "3 channels of the plate",
    )


def test_pairs_of_two_sizes_are_refused_with_how_enlarging_is_learned(
    bench: Any, tmp_path: Path, make_shot: Any
) -> None:
    small, large = (make_shot(name=str(side), size=(side, side)) for side in (32, 64))
    with pytest.raises(SizeError) as caught:
        bench.train(input=small.plate, ground_truth=large.truth)
    assert "enlarge the plate 2 times first" in caught.value.remedy
    with pytest.raises(SizeError) as caught:
        bench.train(input=large.plate, ground_truth=small.truth)
    assert "enlarge" not in caught.value.remedy


def test_another_size_is_refused_with_the_one_that_it_is_for(bench: Any, zoo: Trained) -> None:
    zoo("denoise")
    with pytest.raises(ModelFileError) as caught:
        bench.train(initial_weights="denoise", model_size="large")
    assert (caught.value.expected, caught.value.found) == ("a large network", "a small network")
    assert "--model-size small (or auto)" in caught.value.remedy
    assert not bench.data.exists()


def test_a_network_of_a_size_that_no_training_has_is_refused_in_words(bench: Any, zoo: Trained) -> None:
    zoo("person", size="deep")
    with pytest.raises(ModelFileError) as caught:
        bench.train(initial_weights="person")
    assert caught.value.found == "a deep network" and "no training has (deep)" in caught.value.remedy
    assert not bench.data.exists()


def test_a_start_of_colours_gives_a_matte_all_but_its_last_layer(make_bench: Any, zoo: Trained) -> None:
    start = load_model(zoo("denoise"))[1]
    job = begun(make_bench(effect="matte").settings(initial_weights="denoise"))
    network = job.learner.network
    assert network.architecture.kind == "matte" and same(inner(network), inner(start))
    assert tells_the_same(network, start)
    assert not network.unet.head.weight.any()
    assert any("taken but the last" in note and "3 channels" in note for note in job.notes)


def test_a_network_that_enlarges_gives_all_but_its_last_layer(bench: Any, zoo: Trained) -> None:
    start = load_model(zoo("upscale", scale=2))[1]
    job = begun(bench.settings(initial_weights="upscale"))
    assert same(inner(job.learner.network), inner(start)) and not job.learner.network.unet.head.weight.any()
    assert any("2 times the size" in note for note in job.notes)


def test_frames_before_and_after_find_room_beside_what_is_known(bench: Any, zoo: Trained) -> None:
    start = load_model(zoo("denoise"))[1].unet
    job = begun(bench.settings(initial_weights="denoise", neighbours=1))
    unet = job.learner.network.unet
    assert unet.stem.weight.shape[1] == 3 * start.stem.weight.shape[1]
    assert 0 < unet.stem.weight[:, 12:].abs().max() < start.stem.weight.abs().max()
    assert torch.allclose(unet.head.weight, start.head.weight * (1 - ROOM))
    first, known = unet.encoder[0][0].first.weight, start.encoder[0][0].first.weight
    new = (first - known * (1 - ROOM)) / ROOM
    assert 0 < new.abs().max() <= (9 * new.shape[1]) ** -0.5 + 1e-5  # as convolutions begin
    assert torch.equal(unet.encoder[0][0].first.bias, start.encoder[0][0].first.bias)
    assert any("of the 9 here" in note and "begins anew" in note for note in job.notes)


def test_further_inputs_that_are_not_here_are_left_out(bench: Any, zoo: Trained) -> None:
    extra = [{"name": "albedo", "channels": ["R", "G", "B"], "colour": {"space": "linear"}}]
    start = load_model(zoo("denoise", inputs=6, header={"extra": extra}))[1]
    network = begun(bench.settings(initial_weights="denoise")).learner.network
    known = start.unet.stem.weight[:, :12]
    times = network.unet.stem.weight / known  # as much as the range of the pairs is another one
    assert times.shape == known.shape and torch.allclose(times, times[:1, :, :1, :1], atol=1e-4)


def test_a_plate_of_fewer_channels_than_are_known_is_refused(bench: Any, zoo: Trained) -> None:
    zoo("denoise")
    settings = bench.settings(initial_weights="denoise", input_channels="R,G", ground_truth_channels="R,G")
    with pytest.raises(ModelFileError) as caught:
        begun(settings)
    assert caught.value.expected == "2 channels of the plate"


def test_a_coarse_view_begins_from_a_start_that_has_none(bench: Any, zoo: Trained) -> None:
    start = load_model(zoo("denoise"))[1]
    network = begun(bench.settings(initial_weights="denoise", coarse_view=2)).learner.network
    assert tells_the_same(network, start, "coarse")
    rows = len(start.unet.head.weight)
    assert torch.equal(network.coarse.head.weight[:rows], start.unet.head.weight)


def test_a_file_of_that_name_goes_first_and_that_is_said(bench: Any, zoo: Trained, elsewhere: Path) -> None:
    own = zoo("denoise")
    (elsewhere / "denoise.cat").write_bytes(own.read_bytes())
    job = begun(bench.settings(initial_weights="denoise"))
    assert any("not the network that comes trained" in note for note in job.notes)


def test_what_is_no_start_is_refused_and_none_is_the_default(bench: Any, zoo: Trained) -> None:
    zoo("keying", kind=["network"])
    with pytest.raises(ModelFileError, match="no training can begin from it"):
        begun(bench.settings(initial_weights="keying"))
    network = begun(bench.settings()).learner.network
    assert not network.unet.head.weight.any()
    with pytest.raises(ModelFileError, match="no training can begin from it"):
        begin_from(network, "keying")
