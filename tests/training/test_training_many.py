"""Learning from many pictures: batches in parts, colours and sizes that vary, the terms of a loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from training_bench import StopAt, assert_same_course

from understudy.colour import SRGB, decode_tensor, encode_tensor, encoding_for
from understudy.dataset.crops import Augmentation, Batch, CropSource
from understudy.dataset.packing import Material, pack
from understudy.errors import ModelFileError, SettingError
from understudy.network.losses import make_loss
from understudy.training.distributed.shard import Shard
from understudy.training.features import feature_term
from understudy.training.learner import _split
from understudy.training.plan import Plan
from understudy.training.prepare import make_job
from understudy.training.resolutions import possible, steps_left, total_that_fits
from understudy.training.variation import Chance, ColourVariation, shrunk_batch

# -- batches in parts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", ["grade", "matte"])
def test_accumulated_batches_are_one_batch_so_many_times_as_large(make_bench: Any, effect: str) -> None:
    bench = make_bench(effect=effect)
    steps = []
    for batch, parts in ((8, 1), (2, 4)):
        learner = make_job(bench.settings(batch_size=batch, accumulate=parts), Shard()).learner
        learner.plan.totals.append((0, 12))
        steps.append([learner.step(step) for step in range(1, 7)])
    assert learner.plan.batch_size == 8
    assert steps[0] == pytest.approx(steps[1], rel=2e-4)


def test_the_gradients_of_parts_are_those_of_the_whole(bench: Any) -> None:
    learner = make_job(bench.settings(batch_size=6), Shard()).learner
    learner.plan.totals.append((0, 12))
    draw = learner._draw(1)
    loss = learner._learn_at_once(learner._take(draw), draw)
    whole = [each.grad.clone() for each in learner.network.parameters() if each.grad is not None]
    learner.plan.accumulate = 4
    parts = learner._learn_in_parts(draw)
    assert torch.allclose(loss, parts, atol=1e-6)
    ours = [each.grad for each in learner.network.parameters() if each.grad is not None]
    assert all(torch.allclose(one, two, atol=1e-6) for one, two in zip(whole, ours, strict=True))


def test_parts_have_all_samples_once() -> None:
    assert _split(range(3, 10), 3) == [range(3, 5), range(5, 7), range(7, 10)]
    assert _split(range(0, 2), 5) == [range(0, 1), range(1, 2)]


def test_accumulated_runs_take_the_same_course(bench: Any) -> None:
    usual = {"batch_size": 1, "accumulate": 3, "max_steps": 8}
    whole = bench.train(name="whole", **usual).run
    stopped = bench.train(name="stopped", stop=StopAt(3), **usual).run
    assert_same_course(bench.resume(stopped).run, whole)


# -- the terms of a loss --------------------------------------------------------------------------------


def test_each_term_of_the_loss_has_a_curve_of_its_own(bench: Any) -> None:
    rows = bench.train(loss="l1+l2:0.5+perceptual:0.1", max_steps=3).run.read_summary()
    for row in rows:
        assert set(row["parts"]) == {"l1", "l2", "perceptual"}
        assert sum(row["parts"].values()) == pytest.approx(row["loss"], rel=1e-4)
    assert "parts" not in bench.train(loss="l1", max_steps=1).run.read_summary()[0]


def test_the_parts_of_a_loss_are_its_terms_times_their_weights() -> None:
    answer, truth = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    weight = torch.ones(2, 1, 16, 16)
    parts = make_loss("l1:2+l2:3", "image").parts(answer, truth, weight)
    apart = answer - truth
    assert parts.tolist() == pytest.approx([2 * float(apart.abs().mean()), 3 * float((apart**2).mean())])


class Seer(torch.nn.Module):
    """Two views of a picture."""

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [x[:, :, ::2, ::2], x.mean(1, keepdim=True)]


def test_features_of_a_script_and_of_a_network_of_ours_are_learned_from(bench: Any, tmp_path: Any) -> None:
    path = tmp_path / "seer.pt"
    torch.jit.script(Seer()).save(str(path))
    first = bench.train(max_steps=2, name="first").run
    truth = torch.rand(1, 3, 64, 64)
    weight = torch.ones(1, 1, 64, 64)
    for spec in (str(path), str(first.best_path)):
        term = feature_term(spec, 3, torch.device("cpu"))
        result = (truth + 0.2).requires_grad_()
        assert float(term(truth, truth, weight).detach()) == 0
        term(result, truth, weight).backward()
        assert result.grad is not None and result.grad.any()
    run = bench.train(
        max_steps=2, name="second", loss="l1+features:0.1", perceptual_network=str(first.best_path)
    ).run
    assert set(run.read_summary()[0]["parts"]) == {"l1", "features"}


def test_features_without_a_network_and_networks_that_do_not_fit_are_refused(
    bench: Any, make_bench: Any, tmp_path: Any
) -> None:
    with pytest.raises(SettingError):
        bench.settings(loss="l1+features")
    with pytest.raises(SettingError):
        bench.settings(perceptual_network="a.pt")
    (tmp_path / "no.pt").write_bytes(b"nothing")
    for spec in ("gone.pt", str(tmp_path / "no.pt")):
        with pytest.raises(ModelFileError):
            bench.train(loss="l1+features", perceptual_network=spec)
    assert not bench.data.exists()


# -- colours --------------------------------------------------------------------------------------------

NEVER = Chance()


def a_batch(seed: int = 1) -> Batch:
    x = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) * 0.8 + 0.1
    return Batch(x, x**2, torch.zeros(4, 0, 8, 8), torch.ones(4, 1, 8, 8))


def variation(**changes: Any) -> ColourVariation:
    usual = {"gain": NEVER, "contrast": NEVER, "saturation": NEVER, "colour_in": SRGB, "colour_out": SRGB}
    return ColourVariation(**{**usual, "colours": ((0, 1, 2),), "changed": True, **changes})


def test_gain_multiplies_the_values_of_the_files_of_plate_and_truth() -> None:
    linear = encoding_for("linear", [])
    batch = a_batch()
    varied = variation(gain=Chance(1.0, 2.0, 2.0), colour_in=linear, colour_out=linear).vary(
        batch,
        None,
        0,
        1,
        range(4),  # type: ignore[arg-type]
    )
    for ours, theirs in ((varied.input, batch.input), (varied.truth, batch.truth)):
        assert torch.allclose(ours, encode_tensor(decode_tensor(theirs, linear) * 2, linear), atol=1e-5)


def test_contrast_turns_about_the_middle_and_saturation_about_grey() -> None:
    batch = a_batch()
    more = variation(contrast=Chance(1.0, 1.5, 1.5)).vary(batch, None, 0, 1, range(4))  # type: ignore[arg-type]
    assert torch.allclose(more.input - 0.5, (batch.input - 0.5) * 1.5, atol=1e-5)
    half = variation(saturation=Chance(1.0, 0.5, 0.5)).vary(batch, None, 0, 1, range(4))  # type: ignore[arg-type]
    luma = torch.tensor([0.2126, 0.7152, 0.0722]).view(1, 3, 1, 1)
    grey = (batch.input * luma).sum(1, keepdim=True)
    assert torch.allclose(half.input, grey + (batch.input - grey) / 2, atol=1e-5)


def test_a_share_of_crops_is_varied_and_which_depends_on_step_and_sample_alone() -> None:
    batch = a_batch()
    seldom = variation(gain=Chance(0.5, 0.5, 2.0), changed=False)
    varied = [seldom.vary(batch, None, 3, step, range(4)).input for step in range(1, 41)]  # type: ignore[arg-type]
    share = np.mean([bool((ours[k] != batch.input[k]).any()) for ours in varied for k in range(4)])
    assert 0.35 < share < 0.65
    again = seldom.vary(batch, None, 3, 7, range(4)).input  # type: ignore[arg-type]
    assert torch.equal(again, varied[6])
    part = Batch(batch.input[2:], batch.truth[2:], batch.base[2:], batch.weight[2:])
    assert torch.equal(seldom.vary(part, None, 3, 7, range(2, 4)).input, again[2:])  # type: ignore[arg-type]
    assert torch.equal(seldom.vary(batch, None, 3, 7, range(4)).truth, batch.truth)  # type: ignore[arg-type]


def test_the_base_of_varied_colours_is_what_the_fit_makes_of_them(bench: Any) -> None:
    job = make_job(bench.settings(gain_probability=1.0), Shard())
    learner = job.learner
    learner.plan.totals.append((0, 12))
    batch = learner._take(learner._draw(1))
    assert torch.allclose(batch.base, learner.network.base(batch.input), atol=1e-6)


def test_runs_that_vary_everything_take_the_same_course(bench: Any) -> None:
    usual = {
        "gain_probability": 0.5,
        "contrast_probability": 0.5,
        "saturation_probability": 0.5,
        "flop_probability": 0.5,
        "flip_probability": 0.3,
        "rotation_probability": 0.5,
        "scale_probability": 0.5,
        "multi_resolution": True,
        "crop_size": 64,
    }
    whole = bench.train(name="whole", **usual).run
    stopped = bench.train(name="stopped", stop=StopAt(5), **usual).run
    assert_same_course(bench.resume(stopped).run, whole)


def test_colours_are_refused_where_there_are_none_and_ranges_that_are_none(bench: Any) -> None:
    with pytest.raises(SettingError):
        bench.train(gain_probability=0.5, input_channels="R", ground_truth_channels="R")
    for wrong in ("2,0.5", "0,1", "1", "a,b", "0.5,2,3", "0.5,99"):
        with pytest.raises(SettingError):
            bench.settings(gain_range=wrong)
    assert bench.settings(gain_range="0.5, 2.0").augmentation.gain_range == "0.5,2"


# -- turns ----------------------------------------------------------------------------------------------


def a_source() -> CropSource:
    """One pair of 32 x 32 whose input tells row and column."""
    place = torch.arange(32 * 32, dtype=torch.float32).reshape(32, 32, 1) / 1024
    nothing = torch.zeros(32, 32, 0)
    material = Material(place, place.clone(), nothing, torch.ones(32, 32, 1))
    return CropSource(pack([material], [(32, 32)]), torch.device("cpu"), (32, 32), 0, 0.0)


def ways(**chances: float) -> set[str]:
    """How crops of the whole frame come out: as they are, mirrored, turned."""
    source = a_source()
    plain = source.batch(0, range(1), [0], Augmentation(mirror=False), 1).input[0, 0]
    known = {
        "as it is": plain,
        "flop": plain.flip(1),
        "flip": plain.flip(0),
        "half": plain.flip(0, 1),
        "left": plain.rot90(1),
        "right": plain.rot90(-1),
        "swapped": plain.T,
        "swapped half": plain.T.flip(0, 1),
    }
    found = set()
    for step in range(40):
        crop = source.batch(step, range(1), [0], Augmentation(mirror=False, **chances), 1).input[0, 0]
        found.add(next(name for name, each in known.items() if torch.equal(each, crop)))
    return found


def test_flop_flip_and_rotation_are_what_they_are_called() -> None:
    assert ways() == {"as it is"}
    assert ways(flop=1.0) == {"flop"}
    assert ways(flip=1.0) == {"flip"}
    assert ways(rotation=1.0) == {"left", "right"}
    assert ways(flop=0.5) == {"as it is", "flop"}
    assert ways(rotation=0.5) == {"as it is", "left", "right"}


# -- resolutions ----------------------------------------------------------------------------------------


def test_crops_are_a_quarter_of_their_size_first_then_half_then_full() -> None:
    usual = {"batch_size": 2, "crop": (64, 64), "size": "small", "precision": "float32", "threads": 1}
    plan = Plan(**usual, device="cpu", seed=0, multi_resolution=True, totals=[(0, 100)])
    assert [plan.shrinks(step) for step in (1, 50, 51, 80, 81, 100)] == [4, 4, 2, 2, 1, 1]
    assert Plan(**usual, device="cpu", seed=0, totals=[(0, 100)]).shrinks(1) == 1


def test_whole_pictures_are_made_smaller_as_crops_are() -> None:
    usual = {"batch_size": 1, "crop": (64, 64), "size": "small", "precision": "float32", "threads": 1}
    plan = Plan(
        **usual, device="cpu", seed=0, multi_resolution=True, totals=[(0, 100)], whole=320, whole_share=1.0
    )
    assert [plan.shrinks(step) for step in (1, 60, 90)] == [4, 2, 1]
    assert possible(4, (320, 320), 32) == 2, "80 is not on the stride"


def test_steps_are_planned_for_the_time_that_larger_crops_will_take() -> None:
    total = total_that_fits(100, 0.0, 160_000, (1024, 1024), 16)
    spent = (total * 0.5 - 100) / 16 + total * 0.3 / 4 + total * 0.2
    assert spent == pytest.approx(160_000 / 16, rel=0.001)
    assert total_that_fits(total * 9 // 10, 0.9, total // 10, (1024, 1024), 16) == pytest.approx(total, abs=3)
    assert steps_left(100, total, (1024, 1024), 16) == pytest.approx(160_000, rel=0.001)
    assert steps_left(total - 10, total, (1024, 1024), 16) == pytest.approx(10)
    plan = Plan(
        batch_size=1, crop=(64, 64), size="small", precision="float32", threads=1, device="cpu", seed=0
    )
    assert plan.total_that_fits(10, 90, 16) == 100, "crops of one size"


def test_a_smaller_batch_has_the_means_of_what_counts() -> None:
    batch = a_batch()
    weight = batch.weight.clone()
    weight[:, :, :, ::2] = 0
    held = Batch(batch.input, batch.truth, batch.base, weight)
    smaller = shrunk_batch(held, 2, 2)
    assert smaller.input.shape == (4, 3, 4, 4) and torch.allclose(smaller.weight, torch.tensor(0.5))
    counted = batch.truth[:, :, :, 1::2].unflatten(2, (4, 2)).mean(3)
    assert torch.allclose(smaller.truth, counted, atol=1e-6)
    assert shrunk_batch(batch, 4, 4) is batch, "crops stay large enough for the network"
    assert shrunk_batch(batch, 4, 2).input.shape[-1] == 4, "as much smaller as they can be"
    assert shrunk_batch(batch, 4, 1).input.shape[-1] == 2
