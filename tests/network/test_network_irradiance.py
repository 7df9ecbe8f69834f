"""A network that sees albedo gets the light that falls, and gives back what surfaces throw back of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.network.render_header import header_of

from understudy.colour import LINEAR, encode_tensor
from understudy.errors import ModelFileError
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.irradiance import divided, light_of, multiplied, values_of
from understudy.network.model_file import load_model, save_model

SHAPE = Architecture(inputs=9, outputs=3, size="small", fit_inputs=3, plate=3, albedo=3)


def given(light: float, albedo: torch.Tensor) -> torch.Tensor:
    """What a renderer finds where so much light falls on (1, 3, H, W)."""
    colours = encode_tensor(light * albedo, LINEAR)
    return torch.cat([colours, albedo, torch.zeros_like(albedo)], 1)


def test_even_light_on_a_texture_is_even_again_and_the_texture_comes_back_exactly() -> None:
    albedo = torch.rand(1, 3, 16, 16) * 0.7 + 0.2
    x = given(2.5, albedo)
    seen = divided(x, 3)
    assert torch.allclose(seen[:, :3], encode_tensor(torch.tensor(2.5), LINEAR), atol=2e-3)
    assert torch.equal(seen[:, 3:], x[:, 3:])
    assert torch.allclose(multiplied(seen[:, :3], x, 3), x[:, :3], atol=1e-5)


def test_the_curve_is_that_of_scene_linear_plates() -> None:
    light = torch.tensor([0.0, 1e-4, 0.18, 1.0, 700.0, 65504.0, -0.3])
    assert torch.allclose(values_of(light), encode_tensor(light, LINEAR), rtol=1e-5)
    assert torch.allclose(light_of(values_of(light)), light, rtol=1e-4)


def test_where_there_is_no_albedo_the_colours_stay_as_they_are() -> None:
    x = torch.cat([torch.rand(1, 3, 8, 8) * 2, torch.zeros(1, 6, 8, 8)], 1)
    assert torch.allclose(divided(x, 3), x, atol=1e-5)


def test_no_light_however_bright_or_dark_and_no_albedo_makes_what_is_no_number() -> None:
    x = torch.full((1, 9, 4, 4), -3.0)
    x[..., 2:] = 12.0
    x = x.requires_grad_()
    made = multiplied(torch.full((1, 3, 4, 4), 900.0), divided(x, 3), 3)
    made.sum().backward()
    assert made.isfinite().all() and x.grad is not None and x.grad.isfinite().all()


def test_tiles_of_such_a_network_are_what_the_whole_frame_is(tmp_path: Path) -> None:
    network = EffectNetwork(SHAPE).eval()
    torch.nn.init.normal_(network.unet.head.weight, std=0.05)
    x = torch.rand(1, 9, 256, 96)
    with torch.no_grad():
        whole = network(x)
        remainder = network.remainder(x)
        part = network.finish(x, remainder[:, :, 32:64], (slice(32, 64), slice(0, 96)))
    assert torch.allclose(part, whole[:, :, 32:64], atol=1e-5)


def test_such_a_network_comes_back_from_its_file(tmp_path: Path) -> None:
    network = EffectNetwork(SHAPE).eval()
    save_model(tmp_path / "a.cat", header_of(SHAPE, network), network)
    back = load_model(tmp_path / "a.cat")[1]
    x = torch.rand(1, 9, 32, 32)
    with torch.no_grad():
        assert back.architecture == SHAPE and torch.equal(back(x), network(x))


@pytest.mark.parametrize("albedo", [1, 7, -3, True, "3", 2.5])
def test_an_albedo_that_is_none_of_the_layers_is_refused(tmp_path: Path, albedo: object) -> None:
    network = EffectNetwork(SHAPE)
    header = header_of(SHAPE, network)
    header.architecture["albedo"] = albedo
    save_model(tmp_path / "a.cat", header, network)
    with pytest.raises(ModelFileError, match="makes no sense"):
        load_model(tmp_path / "a.cat")


def test_networks_without_one_say_nothing_of_it_so_that_earlier_versions_load_them() -> None:
    assert "albedo" not in replace(SHAPE, albedo=0).to_dict()
