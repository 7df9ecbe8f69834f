"""Each recipe makes what it says, and its training learns, stops and goes on."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from tests.zoo.conftest import REPOSITORY, painted
from zoo.command import run
from zoo.pictures import load_pictures
from zoo.stream import Stream, make_batch
from zoo.training import CURVE, Limits, Training, held_batches, make_network, rate_at, train

from understudy.measure.image import psnr
from zoo import deblur, denoise, keying, upscale, upscale_start

RECIPES = [denoise.RECIPE, deblur.RECIPE, upscale.RECIPE, upscale_start.RECIPE, keying.RECIPE]
EACH = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
MAKERS = pytest.mark.parametrize("make", [recipe.make for recipe in RECIPES] + [upscale.make])


@MAKERS
def test_the_same_random_numbers_make_the_same_crop_and_others_another(make, pictures):
    one, same, other = (make(np.random.default_rng(seed), pictures, 48) for seed in (3, 3, 4))
    assert np.array_equal(one.input, same.input) and np.array_equal(one.truth, same.truth)
    assert not np.array_equal(one.input, other.input)
    assert one.input.dtype == np.float32 and np.isfinite(one.input).all() and np.isfinite(one.truth).all()
    assert one.input.shape == (48, 48, 3)


def test_some_crops_of_denoise_are_clean_most_are_not_and_some_are_scene_linear(pictures):
    crops = [denoise.make(np.random.default_rng(seed), pictures, 32) for seed in range(200)]
    clean = sum(np.abs(crop.input - crop.truth).mean() < 3e-3 for crop in crops)
    assert 2 <= clean <= 60
    beyond = sum(crop.truth.max() > 1.01 for crop in crops)
    assert 10 <= beyond <= 100


def test_the_noise_of_denoise_has_no_direction(pictures):
    crops = [denoise.make(np.random.default_rng(seed), pictures, 32) for seed in range(300)]
    shift = np.mean([np.mean(crop.input - crop.truth) for crop in crops])
    spread = np.mean([np.std(crop.input - crop.truth) for crop in crops])
    assert abs(shift) < 0.15 * spread


def test_what_was_enlarged_lies_where_it_was(pictures):
    crops = [upscale_start.make(np.random.default_rng(seed), pictures, 48) for seed in range(30)]
    assert np.mean([psnr(crop.input, crop.truth) for crop in crops]) > 20
    assert all(np.abs(crop.input.mean() - crop.truth.mean()) < 0.03 for crop in crops)


def test_a_plate_before_a_screen_is_its_foreground_over_the_screen():
    screen = np.full((32, 32, 3), (0.05, 0.5, 0.08), np.float32)
    foreground = np.full((32, 32, 3), (0.4, 0.2, 0.1), np.float32)
    cover = np.zeros((32, 32), np.float32)
    cover[:, 16:] = 1
    cover[:, 15] = 0.5
    kernel = np.full((1, 3), 1 / 3, np.float32)
    kernel = np.pad(kernel, ((1, 1), (0, 0)))
    alpha, straight, plate = keying.composed(kernel, cover, foreground, foreground, screen)
    assert np.allclose(straight[alpha > 0.01], foreground[0, 0], atol=1e-4)
    wanted = foreground * alpha[..., None] + screen * (1 - alpha[..., None])
    assert np.allclose(plate, wanted, atol=1e-5)
    assert 0 < alpha[5, 14] < alpha[5, 15] < alpha[5, 16] < 1


def test_crops_of_keying_are_all_foreground_all_screen_and_soft_between(pictures):
    alphas = [keying.make(np.random.default_rng(seed), pictures, 48).truth[..., 3] for seed in range(60)]
    assert any(alpha.max() == 0 for alpha in alphas) and any(alpha.min() > 0.99 for alpha in alphas)
    soft = [np.mean((alpha > 0.05) & (alpha < 0.95)) for alpha in alphas]
    assert 0.03 < np.mean(soft) < 0.5
    assert all(alpha.min() >= 0 and alpha.max() <= 1 for alpha in alphas)


def test_most_foregrounds_have_no_more_of_the_screens_colour_than_of_others(pictures):
    crops = [keying.make(np.random.default_rng(seed), pictures, 48).truth for seed in range(60)]
    solid = np.concatenate([crop[crop[..., 3] > 0.99, :3] for crop in crops])
    more = solid[:, 1:].max(1) > solid[:, 0] * 1.35 + 0.03
    assert more.mean() < 0.5


def test_the_loss_of_keying_asks_for_no_colour_where_nothing_is():
    truth = torch.zeros(1, 4, 8, 8)
    right, other = torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 8, 8)
    other[:, :3] = 0.7
    weight = torch.ones(1, 1, 8, 8)
    assert keying.loss(right, truth, weight) == keying.loss(other, truth, weight) == 0
    truth[:, 3] = 1
    assert keying.loss(truth, truth, weight) == 0
    assert keying.loss(right, truth, weight) > 0.9


def test_keying_begins_as_a_keyer(pictures):
    network, alphas, flat = make_network(keying.RECIPE), [], []
    for batch in held_batches(keying.RECIPE, pictures, 8):
        with torch.no_grad():
            found = network(batch.input)[:, 3]
        alphas.append(float((found - batch.truth[:, 3]).abs().mean()))
        flat.append(float((batch.truth[:, 3].mean() - batch.truth[:, 3]).abs().mean()))
    assert np.mean(alphas) < 0.4 * np.mean(flat)


def test_the_curve_of_keying_is_drawn_of_its_alpha(pictures):
    training = Training(keying.RECIPE)
    held = held_batches(keying.RECIPE, pictures, 4)
    training.judge(held)
    with torch.no_grad():
        found = training.average(held[0].input)[:, 3:]
    pairs = zip(found.numpy(), held[0].truth[:, 3:].numpy(), strict=True)
    scores = [min(psnr(one, two), 50) for one, two in pairs]
    assert training.at.score == pytest.approx(np.mean(scores), abs=0.6)


def test_upscale_is_twice_as_large_and_bicubic_is_near(pictures):
    crop = upscale.make(np.random.default_rng(1), pictures, 48)
    assert crop.truth.shape == (96, 96, 3)
    assert psnr(cv2.resize(crop.input, (96, 96), interpolation=cv2.INTER_CUBIC), crop.truth) > 20


@EACH
def test_a_few_steps_lower_the_loss(recipe, pictures):
    training = Training(replace(recipe, side=48, crops=2, rate=0.012), precision="float32")
    batch = make_batch(training.recipe, pictures, 0, 1)
    losses = [training.step(batch, 0.0) for _ in range(60)]
    assert min(losses[-5:]) < 0.85 * losses[0]


def test_a_stream_gives_the_batches_of_its_steps_in_order(pictures):
    small = replace(denoise.RECIPE, side=32, crops=2)
    stream = Stream(small, pictures, 5, 7, workers=2)
    for step in (7, 8, 9):
        assert torch.equal(next(stream).input, make_batch(small, pictures, 5, step).input)
    stream.close()


def test_a_training_that_stopped_and_went_on_is_the_same_as_one_that_did_not(pictures, tmp_path):
    small = replace(denoise.RECIPE, side=32, crops=2)
    held = held_batches(small, pictures, 2)
    whole = Training(small, seed=3)
    train(whole, pictures, held, Limits(steps=8), tmp_path / "whole")
    first = Training(small, seed=3)
    for step in range(1, 5):
        first.step(make_batch(small, pictures, 3, step), (step - 1) / 8)
    first.save(tmp_path)
    second = Training(small, seed=3)
    second.resume(tmp_path)
    train(second, pictures, held, Limits(steps=8), tmp_path / "second")
    assert second.at.step == 8
    state = second.state()
    assert all(torch.equal(tensor, state[name]) for name, tensor in whole.state().items())
    lines = [json.loads(line) for line in (tmp_path / "whole" / CURVE).read_text().splitlines()]
    assert lines[-1]["step"] == 8 and lines[-1]["db"] > 0


def test_the_rate_rises_is_held_and_ends_at_nothing():
    rates = [rate_at(0.01, step, step / 1000) for step in (1, 40, 500, 750, 1000)]
    assert rates == pytest.approx([0.00025, 0.01, 0.01, 0.005, 0.0])


def _data(folder):
    (folder / "photographs").mkdir(parents=True)
    names = {"training": ["a.png"], "validation": ["b.png"]}
    for number, (name,) in enumerate(names.values()):
        cv2.imwrite(str(folder / "photographs" / name), painted(number, 300, 320))
    (folder / "split.json").write_text(json.dumps(names))
    return folder


def test_only_pictures_of_the_training_part_are_learned_from(tmp_path):
    folder = _data(tmp_path / "data")
    assert load_pictures(folder, "training").names == ("a.png",)
    assert load_pictures(folder, "validation").names == ("b.png",)


def test_a_recipe_refuses_a_folder_without_photographs_in_one_sentence_and_writes_nothing(tmp_path):
    command = [
        sys.executable,
        "-m",
        "zoo.denoise",
        "--data",
        str(tmp_path),
        "--folder",
        str(tmp_path / "run"),
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 2
    assert "split.json" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_training_is_not_begun_twice_in_one_folder(tmp_path):
    folder = _data(tmp_path / "data")
    small = replace(denoise.RECIPE, side=32, crops=1)
    flags = argparse.Namespace(
        data=folder,
        folder=tmp_path / "run",
        output=None,
        time_limit="2h",
        side=32,
        rate=0.004,
        steps=1,
        seed=0,
        workers=1,
        resume=False,
        begin=None,
    )
    run(small, flags)
    with pytest.raises(Exception, match="already"):
        run(small, flags)


def test_a_training_goes_on_with_larger_pictures(tmp_path, monkeypatch):
    folder, sides = _data(tmp_path / "data"), []

    def make(random, pictures, side):
        sides.append(side)
        return denoise.make(random, pictures, side)

    small = replace(denoise.RECIPE, crops=1, make=make)
    flags = argparse.Namespace(data=folder, folder=tmp_path / "run", output=None, time_limit="2h", seed=0)
    vars(flags).update(side=32, rate=0.004, steps=1, workers=1, resume=False, begin=None)
    run(small, flags)
    vars(flags).update(side=48, steps=2, resume=True)
    run(small, flags)
    assert {32, 48} <= set(sides)
    steps = [json.loads(line)["step"] for line in (tmp_path / "run" / CURVE).read_text().splitlines()]
    assert steps == [1, 2]


def test_a_training_learns_at_the_rate_that_it_is_told(tmp_path):
    """At none, it stays as it was."""
    small = replace(denoise.RECIPE, crops=1)
    folder, new = _data(tmp_path / "data"), Training(small)
    for rate, stays in ((0.0, True), (0.01, False)):
        place = tmp_path / str(rate)
        flags = argparse.Namespace(data=folder, folder=place, output=None, time_limit="2h", seed=0)
        vars(flags).update(side=32, rate=rate, steps=1, workers=1, resume=False, begin=None)
        run(small, flags)
        made = Training(small)
        made.resume(place)
        pairs = zip(made.network.parameters(), new.network.parameters(), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs) == stays
