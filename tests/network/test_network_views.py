"""A network with a coarse view of the whole frame and a fine one of the pixels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from understudy.inference.tiles import run_tiled
from understudy.inference.torch_engine import TorchEngine
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.resampling import enlarge, sample
from understudy.training.optimizer import TURNS, Optimizer


def network(coarse: int = 4, kind: str = "image") -> EffectNetwork:
    """One in which every part has an effect."""
    outputs = 1 if kind == "matte" else 3
    same = kind == "image"
    shape = Architecture(3, outputs, "small", kind, same_channels=same, plate=3, coarse=coarse, features=4)
    torch.manual_seed(3)
    made = EffectNetwork(shape)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    return made.eval()


def frame(made: EffectNetwork, rows: int = 3, columns: int = 4) -> Tensor:
    return torch.rand(1, 3, rows * made.stride, columns * made.stride)


@pytest.mark.parametrize("coarse", [2, 4, 8])
@pytest.mark.parametrize("kind", ["image", "matte"])
def test_tiles_see_the_same_coarse_view_and_have_no_seams(coarse: int, kind: str) -> None:
    made = network(coarse, kind)
    engine = TorchEngine(made, torch.device("cpu"))
    x = frame(made, 4, 5)
    g = engine.globals(x)
    assert g.shape[2:] == (x.shape[2] // coarse, x.shape[3] // coarse)
    whole = run_tiled(engine, x, g)
    tiled = run_tiled(engine, x, g, (2 * made.stride, 3 * made.stride))
    assert torch.allclose(whole, tiled, atol=1e-5)


def test_what_is_far_away_tells_the_network_something() -> None:
    """A pixel depends on one 400 pixels away, which no fine view of that size sees."""
    made = network(4)
    x = frame(made, 4, 8)
    changed = x.clone()
    changed[:, :, :, -64:] += 0.3
    difference = (made(x) - made(changed)).abs()
    assert float(difference[..., : 2 * made.unet.reach].detach().max()) > 0


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_enlarging_is_the_same_in_a_file_for_a_host(factor: int) -> None:
    planes = torch.rand(1, 3, 5, 7)
    assert torch.allclose(enlarge(planes, factor), enlarge(planes, factor, portable=True), atol=1e-5)


def test_a_part_is_enlarged_as_the_whole_is() -> None:
    planes = torch.rand(2, 3, 12, 16)
    whole = enlarge(planes, 4)
    part = sample(planes, torch.tensor([[2.0, 3.0], [4.0, 1.0]]), 4, (24, 16))
    assert torch.allclose(part[0], whole[0, :, 8:32, 12:28], atol=1e-5)
    assert torch.allclose(part[1], whole[1, :, 16:40, 4:20], atol=1e-5)


def test_details_are_learned_as_they_are_applied() -> None:
    """A crop with the window around it gives what the whole frame gives there."""
    made = network(4)
    x = frame(made)
    window = torch.nn.functional.avg_pool2d(x, 4)
    reach = -(-made.unet.reach // 16) * 16
    detail = x[:, :, 32 : 32 + 128, 64 : 64 + 128]
    learned = made.answer(detail, window, torch.tensor([[8.0, 16.0]]))
    applied = made.remainder(x)[:, :, 32 : 32 + 128, 64 : 64 + 128]
    inner = slice(reach, 128 - reach)
    assert inner.stop - inner.start <= 0 or torch.allclose(
        learned[:, :, inner, inner], applied[:, :, inner, inner], atol=1e-5
    )
    alone = made.answer(x, window, torch.tensor([[0.0, 0.0]]))
    assert torch.allclose(alone, made.remainder(x), atol=1e-5)


def test_the_fine_view_has_no_say_where_the_coarse_one_is_sure_of_a_matte() -> None:
    made = network(4, "matte")
    sure = torch.tensor([[[[-30.0, 0.0, 30.0]]]])
    refined = made._refined(sure, torch.full_like(sure, 5.0))
    assert torch.allclose(refined, torch.tensor([[[[-30.0, 5.0, 30.0]]]]), atol=1e-4)


def test_the_view_that_does_not_learn_stays_as_it_is() -> None:
    """Neither by momentum nor by decay: one view has no gradients while the other learns."""
    made = network(2).train()
    optimizer = Optimizer(made, torch.float32, TURNS)
    x, window = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)

    def steps(first: int, details: bool) -> None:
        for count in range(first, first + TURNS):
            made.zero_grad(set_to_none=True)
            crop, offset = (x, torch.zeros(1, 2)) if details else (None, None)
            made.answer(crop, window, offset).square().mean().backward()
            optimizer.step(0.01, count)

    def weights(view: str) -> list[Tensor]:
        return [p.detach().clone() for n, p in made.named_parameters() if n.startswith(view)]

    def is_same(view: str, before: list[Tensor]) -> bool:
        return all(torch.equal(*pair) for pair in zip(weights(view), before, strict=True))

    coarse, fine = weights("coarse."), weights("unet.")
    steps(1, details=False)
    assert is_same("unet.", fine)
    assert not is_same("coarse.", coarse)
    coarse = weights("coarse.")
    steps(1 + TURNS, details=True)
    assert is_same("coarse.", coarse)
    assert not is_same("unet.", fine)


def test_a_fine_view_that_has_learned_nothing_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the first looks at a large frame cost next to nothing."""
    made = network(4)
    with torch.no_grad():
        for parameter in made.unet.head.parameters():
            parameter.zero_()
    x = frame(made)
    asked = made.train().remainder(x)
    monkeypatch.setattr(made.unet, "forward", lambda *given: pytest.fail("asked"))
    assert torch.allclose(made.eval().remainder(x), asked, atol=1e-6)
