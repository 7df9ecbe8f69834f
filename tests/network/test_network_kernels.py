"""A network that weighs the light of a render gives means of it, and nothing that a path found by chance."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.network.render_header import header_of
from torch import Tensor

from understudy.errors import ModelFileError
from understudy.export.flat import flatten
from understudy.network.cores import KERNELS
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.irradiance import light_of, values_of
from understudy.network.kernels import LEVELS, SEEN, TAPS, KernelUNet
from understudy.network.model_file import load_model, save_model

SHAPE = Architecture(inputs=9, outputs=3, size="kernels", fit_inputs=3, plate=3, albedo=3)


def core() -> KernelUNet:
    torch.manual_seed(5)
    return KernelUNet(9, 3, KERNELS["kernels"]).eval()


def planes(light: Tensor) -> Tensor:
    """What a core sees of light (1, 3, H, W)."""
    return torch.cat([values_of(light) * (2 / SEEN) - 1, torch.zeros_like(light), torch.zeros_like(light)], 1)


def made_of(core: KernelUNet, light: Tensor) -> Tensor:
    """What it makes of light."""
    with torch.no_grad():
        return light_of(values_of(light) + core(planes(light)))


def say(core: KernelUNet, part: int, values: list[float]) -> None:
    """Let it tell the same everywhere, of one part of what it has to tell."""
    first = sum(core.told[:part])
    with torch.no_grad():
        each = torch.tensor(values).repeat_interleave(4)
        core.unet.head.bias[4 * first : 4 * (first + len(values))] = each


def test_even_light_stays_as_it_is_whatever_the_weights() -> None:
    weights = core()
    torch.nn.init.normal_(weights.unet.head.weight[12:], std=0.3)
    even = torch.full((1, 3, 64, 64), 2.5)
    assert torch.allclose(made_of(weights, even), even, rtol=1e-3)


def test_what_it_makes_is_neither_brighter_nor_darker_than_all_that_it_sees() -> None:
    weights = core()
    torch.nn.init.normal_(weights.unet.head.weight[12:], std=0.3)
    light = torch.rand(1, 3, 64, 64) * 5 + 0.5
    made = made_of(weights, light)
    assert made.min() > 0.499 and made.max() < 5.51
    assert made.std() < 0.7 * light.std()


def test_a_pixel_that_is_worth_nothing_leaves_no_trace_in_any_size() -> None:
    weights = core()
    light = torch.full((1, 3, 64, 64), 0.5)
    light[..., 30, 33] = 900.0
    assert made_of(weights, light).max() > 5  # a new network takes the mean of all
    first, hidden = weights.told[0], weights.unet.forward

    def told(x: Tensor) -> Tensor:
        answer = hidden(x)
        answer[:, first] = torch.where(x[:, 0] > 0, -40.0, 40.0)
        return answer

    weights.unet.forward = told  # type: ignore[method-assign,assignment]
    assert made_of(weights, light).max() < 0.6


def test_the_middle_of_the_finest_kernel_alone_gives_the_light_itself() -> None:
    weights = core()
    say(weights, 2, [-40.0] * (TAPS // 2) + [40.0] + [-40.0] * (TAPS // 2))
    say(weights, 2 + LEVELS, [-20.0] * (LEVELS - 1))
    light = torch.rand(1, 3, 32, 48) * 3
    assert torch.allclose(made_of(weights, light), light, atol=2e-3)


def test_tiles_are_what_the_whole_frame_is() -> None:
    network = EffectNetwork(SHAPE).eval()
    torch.nn.init.normal_(network.unet.unet.head.weight, std=0.05)
    x, reach = torch.rand(1, 9, 592, 64), network.reach
    with torch.no_grad():
        whole, part = network(x), network(x[:, :, 256 - reach : 320 + reach])
        inner = network.remainder(x, None, network.crops((slice(256, 320), slice(0, 64)), (592, 64)))
    assert torch.allclose(part[:, :, reach : reach + 64], whole[:, :, 256:320], atol=1e-5)
    assert inner.shape == (1, 3, 64, 64)


def test_hosts_get_it_at_every_size() -> None:
    network = EffectNetwork(SHAPE).eval()
    torch.nn.init.normal_(network.unet.unet.head.weight, std=0.05)
    network.portable = True
    flat = flatten(network, EffectNetwork.forward, (9,))
    network.portable = False
    x = torch.rand(1, 9, 64, 112)
    with torch.no_grad():
        assert torch.allclose(flat(x), network(x), atol=1e-4)


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    network = EffectNetwork(SHAPE).eval()
    torch.nn.init.normal_(network.unet.unet.head.weight, std=0.05)
    save_model(tmp_path / "a.cat", header_of(SHAPE, network), network)
    back = load_model(tmp_path / "a.cat")[1]
    x = torch.rand(1, 9, 32, 32)
    with torch.no_grad():
        assert back.architecture == SHAPE and torch.equal(back(x), network(x))


@pytest.mark.parametrize("wrong", [{"albedo": 0}, {"coarse": 4}, {"scale": 2}, {"whole": 320}])
def test_a_header_of_one_that_cannot_be_is_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    network = EffectNetwork(SHAPE)
    header = header_of(SHAPE, network)
    header.architecture.update(wrong)
    save_model(tmp_path / "a.cat", header, network)
    with pytest.raises(ModelFileError, match="no sense"):
        load_model(tmp_path / "a.cat")
