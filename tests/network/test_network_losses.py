"""What counts as close: nothing where nothing differs, and parts of a batch add up to the whole."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from understudy.errors import SettingError
from understudy.network.losses import TERMS, make_loss

NAMES = sorted({*TERMS} - {"composite", "alpha", "keyed"})  # which are of a plate that is taken apart


def random(count: int, channels: int, seed: int) -> Tensor:
    return torch.rand(count, channels, 24, 32, generator=torch.Generator().manual_seed(seed))


def answer_for(name: str, matte: Tensor) -> Tensor:
    """What the network answers so that the result is ``matte``: before the sigmoid."""
    return torch.logit(matte, eps=1e-4)


def parts(seed: int, count: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """An answer, a matte as truth and weights."""
    return (
        random(count, 1, seed) * 4 - 2,
        (random(count, 1, seed + 1) > 0.6).float(),
        torch.ones(count, 1, 24, 32),
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_term_is_least_where_nothing_differs(name: str) -> None:
    answer, truth, weight = parts(1)
    loss = make_loss(name, "matte")
    at_truth = loss(answer_for(name, truth), truth, weight)
    assert -1e-5 <= at_truth < 0.01 < loss(answer, truth, weight)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"bce", "edges"}))
def test_a_soft_edge_is_learned_as_it_is(name: str) -> None:
    """Half transparent hair stays half transparent: no term is less for a harder matte than for the truth.
    (Cross entropy too is least there, though not 0.)"""
    truth, weight = random(2, 1, 8) * 0.6 + 0.2, torch.ones(2, 1, 24, 32)
    loss = make_loss(name, "matte")
    harder, softer = ((truth - 0.5) * factor + 0.5 for factor in (1.5, 0.5))
    at_truth = loss(answer_for(name, truth), truth, weight)
    assert -1e-5 <= at_truth < 2e-3
    assert all(loss(answer_for(name, other), truth, weight) > 1.5 * at_truth for other in (harder, softer))


@pytest.mark.parametrize("name", NAMES)
def test_a_term_pulls_towards_the_truth(name: str) -> None:
    answer, truth, weight = parts(2)
    loss, before = make_loss(name, "matte"), None
    for _ in range(20):
        answer = answer.detach().requires_grad_()
        value = loss(answer, truth, weight)
        before = before if before is not None else value.item()
        value.backward()
        assert answer.grad is not None and answer.grad.isfinite().all()
        answer = answer - answer.grad / answer.grad.norm() * 3
    assert loss(answer, truth, weight).item() < 0.95 * before


@pytest.mark.parametrize("name", NAMES)
def test_parts_of_a_batch_add_up_to_the_whole(name: str) -> None:
    """Two of five samples here and three there: what processes that share a batch rely on."""
    answer, truth, weight = parts(3, 5)
    weight[0, :, :9] = 0
    loss = make_loss(name, "matte")
    whole = loss(answer, truth, weight)
    shared = sum(
        loss(answer[s], truth[s], weight[s]) * (s.stop - s.start) / 5 for s in (slice(0, 2), slice(2, 5))
    )
    assert torch.allclose(whole, torch.as_tensor(shared), rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_what_has_no_weight_does_not_count(name: str) -> None:
    """Pixels without weight, as odd ones and those outside a region have, may be anything."""
    answer, truth, weight = parts(4)
    weight[:, :, 8:16] = 0
    other = answer.clone()
    other[:, :, 8:16] += 3
    loss = make_loss(name, "matte")
    assert float(loss(other, truth, weight)) == pytest.approx(float(loss(answer, truth, weight)), rel=1e-5)


@pytest.mark.parametrize("name", ["l1", "l2", "charbonnier", "bce", "dice", "jaccard"])
@pytest.mark.parametrize("soft", [1.0, 0.3])
def test_a_crop_of_which_a_part_counts_is_as_strong_as_that_part_alone(name: str, soft: float) -> None:
    answer, truth, weight = parts(5)
    weight[:, :, 6:] = 0
    loss = make_loss(name, "matte")
    part = loss(answer[:, :, :6], truth[:, :, :6], weight[:, :, :6])
    assert float(loss(answer, truth, weight * soft)) == pytest.approx(float(part), rel=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_a_crop_of_which_nothing_counts_teaches_nothing(name: str) -> None:
    answer, truth, weight = parts(6)
    answer.requires_grad_()
    loss = make_loss(name, "matte")(answer, truth, weight * 0)
    loss.backward()
    assert loss == 0 and answer.grad is not None and not answer.grad.any()


def test_extremes_stay_finite() -> None:
    truth = torch.zeros(1, 1, 8, 8)
    for name in NAMES:
        for value in (-1e4, 0.0, 1e4):
            answer = torch.full((1, 1, 8, 8), value, requires_grad=True)
            loss = make_loss(name, "matte")(answer, truth, torch.ones(1, 1, 8, 8))
            loss.backward()
            assert loss.isfinite() and answer.grad is not None and answer.grad.isfinite().all(), (name, value)


def test_terms_are_weighted_and_added() -> None:
    result, truth, weight = random(2, 3, 5), random(2, 3, 6), torch.ones(2, 1, 24, 32)
    both = make_loss("l1:2+l2:0.5", "image")(result, truth, weight)
    alone = [make_loss(name, "image")(result, truth, weight) for name in ("l1", "l2")]
    assert torch.allclose(both, 2 * alone[0] + 0.5 * alone[1])


def test_automatic_is_chosen_by_the_kind_of_truth() -> None:
    image = random(2, 3, 5), random(2, 3, 6), torch.ones(2, 1, 24, 32)
    assert make_loss("auto", "image")(*image) == make_loss("l1", "image")(*image)
    matte = parts(7)
    assert make_loss("auto", "matte")(*matte) == make_loss("edges+jaccard", "matte")(*matte)


@pytest.mark.parametrize(
    "text", ["", "l7", "l1+", "l1:x", "l1:-1", "l1:0", "l1:nan", "l1:inf", "l1:1e9", "__class__", "l1 l2"]
)
def test_what_is_no_loss_is_refused(text: str) -> None:
    with pytest.raises(SettingError) as caught:
        make_loss(text, "image")
    assert caught.value.where == "--loss" and "l1" in caught.value.expected


@pytest.mark.parametrize("name", ["bce", "edges"])
def test_the_loss_of_a_matte_is_refused_for_an_image(name: str) -> None:
    with pytest.raises(SettingError):
        make_loss(name, "image")


def test_edges_and_what_is_thin_count_more_than_what_is_plain() -> None:
    truth, weight = torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64)
    truth[..., 32:] = 1
    truth[..., 8] = 1
    answer = torch.logit(truth, eps=1e-3).requires_grad_()
    make_loss("edges", "matte")(answer, 1 - truth, weight).backward()
    assert answer.grad is not None
    pull = answer.grad.abs()[0, 0, 32]
    assert pull[32] > 3 * pull[60] and pull[8] > 5 * pull[60]
    assert float(pull[60]) == pytest.approx(float(pull[52]), rel=0.01)


def test_jaccard_is_one_less_the_intersection_over_the_union() -> None:
    truth, result = torch.zeros(1, 1, 40, 40), torch.zeros(1, 1, 40, 40)
    truth[..., :30], result[..., 10:] = 1, 1
    loss = make_loss("jaccard", "image")(result, truth, torch.ones(1, 1, 40, 40))
    assert float(loss) == pytest.approx(1 - 20 / 40, abs=1e-3)


@pytest.mark.parametrize("name", ["dice", "jaccard"])
def test_an_overlap_is_never_below_zero_though_values_of_an_image_are(name: str) -> None:
    below = torch.full((1, 3, 8, 8), -0.5)
    loss = make_loss(name, "image")
    assert float(loss(below + 0.1, below, torch.ones(1, 1, 8, 8))) > 0
    assert float(loss(below, below, torch.ones(1, 1, 8, 8))) == 0


@pytest.mark.parametrize(("kind", "channels"), [("matte", 1), ("image", 4)])
def test_what_is_keyed_is_least_where_nothing_differs_and_asks_for_no_colour_that_is_not_known(
    kind: str, channels: int
) -> None:
    truth, weight = random(2, channels, 3), torch.ones(2, channels, 24, 32)
    loss = make_loss("auto", kind, unmixes=kind == "image", keys=True)
    assert loss(truth, truth, weight) == 0 < loss(truth * 0.9, truth, weight)
    if channels == 4:
        other, truth, weight = truth.clone(), truth.clone(), weight.clone()
        truth[:, 3], other[:, 3], weight[:, :3] = 0, 0, 0
        other[:, :3] = 1 - other[:, :3]
        assert loss(other, truth, weight) == 0


@pytest.mark.parametrize(
    ("name", "kind", "keys"),
    [("alpha", "matte", False), ("keyed", "image", False), ("keyed", "matte", True), ("bce", "matte", True)],
)
def test_a_term_of_another_kind_of_network_is_refused(name: str, kind: str, keys: bool) -> None:
    with pytest.raises(SettingError, match="There is no such loss"):
        make_loss(name, kind, keys=keys)
