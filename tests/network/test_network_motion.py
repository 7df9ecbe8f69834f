"""The network that finds motion: it knows which way is which, is stored safely, and refuses what makes no
sense."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.conftest import motion_network

from understudy.errors import ModelFileError
from understudy.network.model_file import ModelHeader, load_model, save_model
from understudy.network.motion import MotionArchitecture, MotionNetwork, architecture_from
from understudy.network.motion_parts import (
    RING_OFFSETS,
    anchored,
    correlation,
    likeliest,
    mixed,
    on_rings,
    warped,
    window,
)


def test_what_is_warped_by_its_motion_lies_where_it_was() -> None:
    first = torch.rand(1, 2, 12, 16)
    second = torch.zeros_like(first)
    second[:, :, 2:, 3:] = first[:, :, :-2, :-3]
    motion = torch.tensor([3.0, 2.0]).view(1, 2, 1, 1).expand(1, 2, 12, 16)
    back = warped(second, motion)
    assert torch.allclose(back[:, :, :-2, :-3], first[:, :, :-2, :-3], atol=1e-5)
    assert not back[:, :, -2:].any() and not back[..., -3:].any()


def test_what_fits_best_is_how_far_it_has_moved() -> None:
    first = torch.nn.functional.normalize(torch.randn(1, 16, 10, 12), dim=1)
    second = torch.roll(first, (1, -2), (2, 3))
    best = likeliest(correlation(first, second, window(3)), torch.tensor(60.0), 3)[:, :, 3:-3, 3:-3]
    assert torch.allclose(best[:, 0], torch.tensor(-2.0), atol=0.1)
    assert torch.allclose(best[:, 1], torch.tensor(1.0), atol=0.1)


def test_what_lies_on_rings_is_what_lies_at_their_offsets() -> None:
    planes = torch.rand(1, 2, 12, 13)
    found = on_rings(planes)
    for place, (down, across) in enumerate(RING_OFFSETS):
        wanted = torch.roll(planes, (-down, -across), (2, 3))
        assert torch.equal(found[:, :, place, 4:-4, 4:-4], wanted[:, :, 4:-4, 4:-4])


def test_motion_spreads_from_where_it_is_sure_among_what_looks_alike() -> None:
    spread = motion_network().spread
    first = torch.zeros(1, 8, 16, 16)
    first[:, 0, :, :8], first[:, 1, :, 8:] = 1, 1  # two halves that look unlike
    flow, sure = torch.full((1, 2, 16, 16), 9.0), torch.zeros(1, 1, 16, 16)
    for half, motion in ((slice(0, 8), 2.0), (slice(8, 16), -3.0)):
        flow[:, :, 6:10, half], sure[:, :, 6:10, half] = motion, 1
    with torch.no_grad():
        made = spread(torch.cat([first, first]), flow, torch.zeros(1, 8, 16, 16), sure)
    assert (made[:, :, 4:12, :8] - 2).abs().max() < 0.5 and (made[:, :, 4:12, 8:] + 3).abs().max() < 0.5


def test_where_the_search_is_sure_all_around_it_is_the_answer_and_nowhere_else() -> None:
    searched = torch.full((1, 3, 64, 64), 4.0)
    searched[:, 2] = 1
    searched[:, 2, :, 32:] = 0
    made = anchored(torch.zeros(1, 2, 64, 64), searched)
    assert (made[..., :10] == 4).all() and (made[..., 22:] == 0).all()
    assert (made[..., 16:21] > 0).all() and (made[..., 17:21] < 4).all()


def test_the_gradients_of_the_correlation_are_those_of_what_it_computes() -> None:
    first, second = (torch.randn(1, 3, 4, 5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda a, b: correlation(a, b, window(1)), (first, second))


def test_each_pixel_is_a_mix_of_the_cells_about_it() -> None:
    flow = torch.arange(12.0).view(1, 1, 3, 4).expand(1, 2, 3, 4)
    large = flow.repeat_interleave(2, 2).repeat_interleave(2, 3)
    middle, left = torch.zeros(2, 1, 9, 4, 3, 4).unbind()
    middle[:, 4] = left[:, 3] = 50.0
    assert torch.allclose(mixed(flow, middle.flatten(1, 2)), large)
    assert torch.allclose(mixed(flow, left.flatten(1, 2))[..., 2:], large[..., :-2])


def test_the_levels_grow_to_the_size_of_the_frame_and_the_last_is_the_answer() -> None:
    network = motion_network()
    given = torch.rand(3, 2, 3, 32, 48).unbind()
    with torch.no_grad():
        found = network.levels(*given)
        assert network(*given).shape == found[-1].shape
    assert [each.shape[-1] for each in found] == [6, 6, 6, 12, 12, 12, 24, 48]
    assert found[-1].shape == (2, 2, 32, 48) and found[-1].dtype == torch.float32


def test_a_change_of_exposure_is_no_motion() -> None:
    network = motion_network()
    first, second, searched = torch.rand(3, 1, 3, 32, 32).unbind()
    with torch.no_grad():
        darker = network(first, second * 0.5 + 0.2, searched)
        assert torch.allclose(network(first, second, searched), darker, atol=0.1)


def test_before_it_has_learned_anything_it_mostly_believes_the_search() -> None:
    first, second, searched = torch.rand(3, 1, 3, 32, 32).unbind()
    searched = searched * 0 + torch.tensor([5.0, -3.0, 1.0]).view(1, 3, 1, 1)
    with torch.no_grad():
        found = motion_network()(first, second, searched)
    assert torch.allclose(found.mean((0, 2, 3)), torch.tensor([5.0, -3.0]), atol=1.0)


def test_a_few_steps_on_one_pair_bring_it_nearer() -> None:
    torch.manual_seed(0)
    shape = MotionArchitecture(widths=(8, 8, 8), matched=8, hidden=16, state=8, edge=8, turns=(2, 1))
    network = MotionNetwork(shape)
    texture = torch.nn.functional.interpolate(torch.rand(1, 3, 24, 24), (72, 72), mode="bicubic")
    first, second = texture[..., 4:68, 4:68], texture[..., 2:66, 1:65]
    truth, nothing = torch.tensor([3.0, 2.0]).view(1, 2, 1, 1), torch.zeros(1, 3, 64, 64)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    apart = []
    for _ in range(60):
        optimizer.zero_grad()
        off = (network(first, second, nothing) - truth).abs().mean()
        off.backward()
        optimizer.step()
        apart.append(off.item())
    assert apart[-1] < 0.4 * apart[0]


# -- as a file -------------------------------------------------------------------------------------------


def test_it_comes_back_from_its_file_as_it_was(motion_file: Path) -> None:
    header, network = load_model(motion_file)
    assert header.kind == "motion" and header.offsets == (1,)
    given = torch.rand(3, 1, 3, 32, 32).unbind()
    with torch.no_grad():
        assert torch.allclose(network(*given), motion_network()(*given), atol=0.1)


WRONG: list[dict[str, Any]] = [
    {"widths": [8]},
    {"widths": [8, 8, 100_000], "turns": [1, 1]},
    {"widths": "eight"},
    {"turns": [1]},
    {"turns": [1, 10_000]},
    {"radius": 0},
    {"radius": 2.5},
    {"hidden": True},
    {"further": 1},
]


@pytest.fixture
def stored(tmp_path: Path, motion_header: ModelHeader) -> Callable[..., Path]:
    """A function that stores the small network with some of its architecture told otherwise."""

    def store(**change: Any) -> Path:
        header = motion_header.model_copy(update={"architecture": {**motion_header.architecture, **change}})
        save_model(tmp_path / "odd.cat", header, motion_network())
        return tmp_path / "odd.cat"

    return store


@pytest.mark.parametrize("change", WRONG, ids=str)
def test_an_architecture_that_makes_no_sense_is_refused(
    change: dict[str, Any], stored: Callable[..., Path]
) -> None:
    with pytest.raises(ModelFileError, match="not a model file"):
        load_model(stored(**change))


def test_tensors_of_another_architecture_are_refused(stored: Callable[..., Path]) -> None:
    with pytest.raises(ModelFileError, match="not a model file") as caught:
        load_model(stored(hidden=24))
    assert "tensors that do not fit" in caught.value.found


def test_an_architecture_goes_through_its_header() -> None:
    shape = MotionArchitecture(widths=(8, 16, 24), turns=(2, 1))
    assert architecture_from(shape.to_dict()) == shape and shape.stride == 8
