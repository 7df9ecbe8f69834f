"""A plate that is taken apart: alpha, foreground and background, which together are the plate again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch

from understudy.colour import LINEAR, SRGB, to_scene_linear
from understudy.dataset.pairs import load_data_set
from understudy.dataset.unmix import OUTPUTS, unmixed
from understudy.errors import ChannelError, SettingError
from understudy.network.losses import make_loss
from understudy.settings import TrainSettings

SIZE = (24, 32)


def parts(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Alpha with soft and hard places, foreground and background, scene-linear."""
    draw = np.random.default_rng(seed)
    alpha = np.clip(draw.random((*SIZE, 1)) * 2 - 0.5, 0, 1).astype(np.float32)
    foreground, background = draw.random((2, *SIZE, 3)).astype(np.float32) * 2
    return alpha, foreground, background


def over(alpha: np.ndarray, foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
    return alpha * foreground + (1 - alpha) * background


@pytest.mark.parametrize("premultiplied", [False, True])
def test_the_parts_lie_over_each_other_as_the_plate_and_are_the_ones_that_were_painted(
    premultiplied: bool,
) -> None:
    alpha, foreground, background = parts()
    plate = over(alpha, foreground, background)
    colours = foreground * alpha if premultiplied else foreground
    values, counts = unmixed(plate, np.concatenate([alpha, colours], 2), premultiplied, LINEAR)
    assert values.shape == (*SIZE, 7) == counts.shape
    found = values[..., :1], values[..., 1:4], values[..., 4:]
    sure = (counts[..., 1:] > 0).all(2)
    np.testing.assert_allclose(over(*found)[sure], plate[sure], atol=1e-4)
    np.testing.assert_allclose(found[1][counts[..., 1] > 0], foreground[counts[..., 1] > 0], atol=1e-3)
    np.testing.assert_allclose(found[2][counts[..., 4] > 0], background[counts[..., 4] > 0], atol=1e-3)
    nothing = alpha[..., 0] == 0
    assert np.array_equal(found[2][nothing], plate[nothing]) and not counts[nothing][:, 1:4].any()
    assert not counts[alpha[..., 0] == 1][:, 4:].any()


def test_what_is_behind_is_found_in_light_not_in_code_values() -> None:
    alpha = np.full((1, 1, 1), 0.5, np.float32)
    white, black = np.ones((1, 1, 3), np.float32), np.zeros((1, 1, 3), np.float32)
    plate = np.full((1, 1, 3), 0.735357, np.float32)  # half the light of white, in sRGB
    values, _ = unmixed(plate, np.concatenate([alpha, white], 2), False, SRGB)
    np.testing.assert_allclose(values[..., 4:], black, atol=1e-3)
    assert to_scene_linear(plate, SRGB)[0, 0, 0] == pytest.approx(0.5, abs=1e-4)


def write(path: Path, planes: np.ndarray, names: tuple[str, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    spec = oiio.ImageSpec(planes.shape[1], planes.shape[0], planes.shape[2], "float")
    spec.channelnames = names
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec) and output.write_image(np.ascontiguousarray(planes, np.float32))
    output.close()


@pytest.fixture
def shot(tmp_path: Path) -> dict[str, Any]:
    for number in (1, 2, 3):
        alpha, foreground, background = parts(number)
        plate = over(alpha, foreground, background)
        write(tmp_path / f"plate.{number:04d}.exr", plate, ("R", "G", "B"))
        truth = np.concatenate([foreground, alpha], 2)
        write(tmp_path / f"truth.{number:04d}.exr", truth, ("R", "G", "B", "A"))
    return {
        "input": (str(tmp_path / "plate.####.exr"),),
        "ground_truth": (str(tmp_path / "truth.####.exr"),),
        "data_directory": str(tmp_path / "runs"),
    }


def test_a_data_set_has_seven_outputs_each_with_its_own_weight(shot: dict[str, Any]) -> None:
    settings = TrainSettings(**shot, unmix="straight")
    data = load_data_set(settings.data, settings.colour)
    assert data.output_channels == OUTPUTS and data.kind == "image" and not data.same_channels
    pair = data.pairs[0]
    assert pair.truth.shape == pair.weight.shape == (*SIZE, 7)
    said = " ".join(data.notes)
    assert "alpha, foreground and background out" in said and "NaN" not in said
    plain = TrainSettings(**shot)
    assert load_data_set(plain.data, plain.colour).output_channels == ("R", "G", "B")


def test_a_truth_without_alpha_is_refused_in_words(shot: dict[str, Any]) -> None:
    settings = TrainSettings(**{**shot, "ground_truth": shot["input"]}, unmix="straight")
    with pytest.raises(ChannelError, match=r"needs an alpha and three colours|alpha"):
        load_data_set(settings.data, settings.colour)


def test_its_loss_is_nothing_for_the_truth_and_grows_with_what_does_not_lie_over_each_other() -> None:
    truth = torch.rand(2, 7, 8, 8)
    weight = torch.ones(2, 7, 8, 8)
    loss = make_loss("auto", "image", unmixes=True)
    assert float(loss(truth, truth, weight)) == 0
    swapped = torch.cat([1 - truth[:, :1], truth[:, 4:], truth[:, 1:4]], 1)  # the same picture, otherwise
    term = make_loss("composite", "image", unmixes=True)
    other = truth + 0.1 * torch.ones(1, 7, 1, 1)
    assert float(term(swapped, truth, weight)) > 0 and float(term(other, truth, weight)) > 0
    with pytest.raises(SettingError, match="There is no such loss"):
        make_loss("composite", "image")


@pytest.mark.slow
def test_it_is_learned_and_applied_as_layers_of_an_exr(shot: dict[str, Any], tmp_path: Path) -> None:
    from understudy.frames import read_image_file
    from understudy.inference.apply import apply
    from understudy.settings import ApplySettings
    from understudy.training.train import train

    run = train(TrainSettings(**shot, unmix="straight", max_steps=3, model_size="small", crop_size=32)).run
    output = str(tmp_path / "out" / "o.####.exr")
    given: dict[str, Any] = {"model": str(run.path), "plate": shot["input"][0]}
    result = apply(ApplySettings(**given, output=output, painted="network"))
    assert result.written == (1, 2, 3)
    as_painted = str(tmp_path / "as_painted" / "o.####.exr")
    assert not apply(ApplySettings(**given, output=as_painted)).failed
    painted = read_image_file(tmp_path / "as_painted" / "o.0002.exr").planes(OUTPUTS)
    np.testing.assert_allclose(painted[..., :1], parts(2)[0], atol=1e-4)
    np.testing.assert_allclose(painted[..., 1:4], parts(2)[1], atol=1e-3)
    made = read_image_file(tmp_path / "out" / "o.0002.exr")
    assert {*OUTPUTS, "R", "G", "B"} <= set(made.channels)
    assert np.isfinite(made.planes(OUTPUTS)).all()
    with pytest.raises(Exception, match="EXR"):
        png = str(tmp_path / "png" / "o.####.png")
        apply(ApplySettings(**given, output=png))
