"""Keying: without a word of the network it is a keyer, and what it learns are corrections of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.network.test_network_effect import randomised
from torch import Tensor

from understudy.colour import LINEAR, decode, encode
from understudy.colour.scene_linear import linear_to_srgb, srgb_to_linear
from understudy.errors import ModelFileError
from understudy.export.remainder import Remainder
from understudy.inference.tiles import run_tiled
from understudy.inference.torch_engine import TorchEngine
from understudy.network.build import build_effect
from understudy.network.effect import Architecture
from understudy.network.keying import KeyingNetwork, can_key
from understudy.network.model_file import build_network, read_header
from understudy.network.screens import CELL, MOST, find_screen, light_of, read_screen, value_of
from understudy.training.optimizer import Optimizer

SHAPE = Architecture(3, 4, "small", same_channels=False, plate=3, screen=True)
GREEN = np.float32([0.06, 0.5, 0.09])
SKIN = np.float32([0.36, 0.35, 0.3])


def network() -> KeyingNetwork:
    """One that has learned nothing."""
    made = build_effect(SHAPE)
    assert isinstance(made, KeyingNetwork)
    return made.eval()


def light(height: int = 128, width: int = 160, screen: np.ndarray = GREEN) -> np.ndarray:
    """A body of one colour before a screen, with an edge of half an alpha."""
    alpha = cover(height, width)[..., None]
    return alpha * SKIN + (1 - alpha) * np.broadcast_to(screen, (height, width, 3))


def cover(height: int = 128, width: int = 160) -> np.ndarray:
    alpha = np.zeros((height, width), np.float32)
    alpha[40:, 60:110] = 1
    alpha[40:, 56:60] = 0.5
    return alpha


def planes(of_light: np.ndarray) -> Tensor:
    return torch.from_numpy(linear_to_srgb(of_light).transpose(2, 0, 1).copy())[None]


def keyed(of_light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The foreground's light and the alpha."""
    with torch.no_grad():
        made = network()(planes(of_light))[0].numpy()
    return srgb_to_linear(made[:3].transpose(1, 2, 0)), made[3]


def test_before_it_learns_it_is_a_keyer_whose_core_is_1_and_whose_screen_is_0() -> None:
    plate = light()
    foreground, alpha = keyed(plate)
    assert (alpha[cover() == 0] == 0).all() and (alpha[cover() == 1] == 1).all()
    assert np.allclose(foreground[cover() == 1], SKIN, atol=1e-3)
    edge = cover() == 0.5
    assert np.allclose(alpha[edge], 0.5, atol=0.1)
    assert np.abs(foreground[edge] - SKIN).max() < 0.5 * np.abs(plate[edge] - SKIN).max()


def test_a_blue_screen_is_keyed_as_a_green_one() -> None:
    green, blue = planes(light()), planes(light(screen=GREEN[[0, 2, 1]]))
    body = planes(light())[:, [0, 2, 1]]  # the same picture with green and blue changed over
    with torch.no_grad():
        one, other = network()(green), network()(body)
        third = network()(blue)
    assert torch.allclose(one[:, [0, 2, 1, 3]], other, atol=1e-6)
    assert float((third[:, 3] - torch.from_numpy(cover())).abs().mean()) < 0.02


def test_where_there_is_no_screen_the_alpha_is_1_and_the_foreground_is_the_plate() -> None:
    x = torch.rand(1, 1, 64, 80).repeat(1, 3, 1, 1) * torch.tensor([1.0, 0.8, 0.6]).view(1, 3, 1, 1)
    made = randomised(network())(x)
    assert bool((made[:, 3] == 1).all())
    assert torch.equal(made[:, :3], x)


def test_an_uneven_screen_with_markers_is_known_also_behind_what_stands_before_it() -> None:
    across = np.linspace(0.6, 1.2, 320, dtype=np.float32)[None, :, None]
    screen = np.broadcast_to(GREEN * across, (256, 320, 3)).copy()
    marked = screen.copy()
    for row in range(20, 256, 60):
        for column in range(30, 320, 60):
            marked[row - 1 : row + 2, column - 7 : column + 8] = 0.02
            marked[row - 7 : row + 8, column - 1 : column + 2] = 0.3
    marked[60:, 120:180] = SKIN
    with torch.no_grad():
        found = read_screen(find_screen(planes(marked)))
    clean = torch.nn.functional.interpolate(found.light, scale_factor=CELL)[0].numpy()
    wanted = screen.transpose(2, 0, 1)[[1, 0, 2]]
    assert np.abs(clean - wanted).max() < 0.15 * wanted.max()
    assert np.abs(clean - wanted).mean() < 0.02 * wanted.max()
    assert float(found.there) == 1 and float(found.green) == 1
    sure = found.sure[0, 0]
    assert float(sure[-1, 18]) < 0.1 < float(sure[2, 5])


def test_values_above_1_stay_in_the_core_and_come_out_of_an_edge() -> None:
    plate = light()
    plate[60:80, 70:90] = (6.0, 5.0, 4.0)
    plate[90:100, 56:60] = 0.5 * np.float32([6.0, 5.0, 4.0]) + 0.5 * GREEN
    x = torch.from_numpy(np.asarray(encode(plate, LINEAR)).transpose(2, 0, 1).copy())[None]
    with torch.no_grad():
        made = network()(x)[0].numpy()
    assert np.array_equal(made[:3, 62:78, 72:88], x[0, :, 62:78, 72:88].numpy())
    assert (made[3, 62:78, 72:88] == 1).all()
    assert decode(made[:3, 92:98, 57:59], LINEAR).max() > 3.02


def test_tiles_and_parts_give_what_the_whole_frame_gives() -> None:
    torch.manual_seed(3)
    made = network()
    with torch.no_grad():
        for weights in made.parameters():
            weights.add_(torch.randn_like(weights) * 0.02)
    engine = TorchEngine(made, torch.device("cpu"))
    x = planes(np.tile(light(), (3, 3, 1)))
    g = engine.globals(x)
    whole = engine.run(x, g)
    assert float(whole[:, 3].std()) > 0.05
    assert torch.allclose(run_tiled(engine, x, g, (2 * made.reach + 32, 300)), whole, atol=1e-3)
    part = slice(101, 203), slice(77, 301)
    assert torch.allclose(engine.run(x, g, part), whole[:, :, part[0], part[1]], atol=1e-3)


def test_a_file_for_a_host_has_all_of_it_at_any_size() -> None:
    made = randomised(network())
    made.portable = True
    flat = Remainder(made, 3)
    for size in ((64, 80), (128, 48)):
        x = planes(light(128, 160))[:, :, : size[0], : size[1]]
        assert torch.allclose(flat(x, False), made.remainder(x), atol=1e-4)


def test_it_learns_also_where_its_alpha_has_stopped_at_an_end() -> None:
    made, x = network().train(), planes(light())
    with torch.no_grad():
        made.unet.head.bias.fill_(3.0)
    alpha = made(x)[:, 3]
    assert float(alpha.detach().min()) == 1
    alpha.sum().backward()
    assert float(made.unet.head.bias.grad.abs().max()) > 0


def test_what_it_has_wrong_it_learns_from_one_picture() -> None:
    """The screen's light on the body, which a key alone takes for a hole in it."""
    spilt = light()
    spilt[40:, 60:110] += 0.35 * GREEN
    x, truth = planes(spilt), torch.from_numpy(cover())[None]
    torch.manual_seed(1)
    made = network().train()
    optimizer = Optimizer(made, torch.float32, 1)
    losses = []
    for step in range(1, 25):
        made.zero_grad()
        loss = (made(x)[:, 3] - truth).abs().mean()
        loss.backward()
        optimizer.step(0.02, step)
        losses.append(float(loss.detach()))
    assert losses[0] > 0.02 and min(losses) < 0.5 * losses[0]


def test_its_light_is_that_of_both_kinds_of_plates() -> None:
    values = np.linspace(0, 1, 200, dtype=np.float32)
    found = light_of(torch.from_numpy(values)).numpy()
    assert np.abs(found - srgb_to_linear(values)).max() < 1e-5
    beyond = np.linspace(1, MOST, 50, dtype=np.float32)
    assert np.allclose(light_of(torch.from_numpy(beyond)).numpy(), decode(beyond, LINEAR), rtol=1e-3)
    back = value_of(light_of(torch.from_numpy(np.concatenate([values, beyond])))).numpy()
    assert np.abs(back - np.concatenate([values, beyond])).max() < 1e-4


@pytest.mark.parametrize(
    "other",
    [{"outputs": 3}, {"inputs": 4}, {"kind": "matte"}, {"coarse": 4}, {"size": "u2netp"}, {"scale": 2}],
)
def test_only_what_takes_three_colours_and_makes_four_can_key(other: dict[str, object]) -> None:
    assert can_key(SHAPE) and not can_key(replace(SHAPE, **other))  # type: ignore[arg-type]


def test_a_file_that_says_it_keys_and_cannot_is_refused(zoo: Callable[..., Path]) -> None:
    names = ["foreground.R", "foreground.G", "foreground.B", "alpha"]
    path = zoo("keying", header={"output_channels": names}, outputs=4, same_channels=False, screen=True)
    header = read_header(path)
    assert isinstance(build_network(header, path), KeyingNetwork)
    for wrong in ({"screen": 1}, {"fit": "linear"}, {"coarse": 4}):
        broken = header.model_copy(update={"architecture": header.architecture | wrong})
        with pytest.raises(ModelFileError, match="makes no sense"):
            build_network(broken, path)
