"""Mattes of anything: one subject is the truth, whatever else stands about; solids from code are exact."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from tests.zoo.conftest import painted
from zoo.kinds import training_of
from zoo.people.cutouts import Scenery, cutout_of
from zoo.pictures import Pictures
from zoo.subjects import draw_outline, draw_subject
from zoo.training import make_network
from zoo.widen import begin_from

from understudy.models.zoo import zoo_starts
from understudy.training.initial_weights import begin_from as begin_weights
from zoo import human_matting, matting


def cut_out(colour, height=96, width=48):
    alpha = np.zeros((height, width), np.uint8)
    middle, axes = (width // 2, height // 2), (width // 3, height * 5 // 12)
    cv2.ellipse(alpha, middle, axes, 0, 0, 360, 255, -1)
    return cutout_of(np.dstack([np.full((height, width, 3), colour, np.uint8), alpha]))


@pytest.fixture
def scenery():
    panorama = painted(5, 64, 128).astype(np.float32) / 255
    pictures = Pictures(("a", "b"), (painted(1), painted(2)))
    person, thing = cut_out((200, 120, 90)), cut_out((90, 200, 120), 48, 96)
    return Scenery((person,), pictures, (panorama,), (thing,))


def test_a_solid_from_code_hangs_together_and_fills_a_part_of_its_layer(pictures):
    shares = []
    for seed in range(60):
        cover = draw_outline(np.random.default_rng(seed), 64)
        assert cover.shape == (64, 64) and cover.min() >= 0 and cover.max() <= 1.0001
        sizes = cv2.connectedComponentsWithStats((cover > 0.5).astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]
        assert sizes.max() > 0.7 * sizes.sum()
        shares.append((cover > 0.5).mean())
    assert 0.05 < np.median(shares) < 0.5 and max(shares) < 0.85


def test_a_solid_has_no_light_where_there_is_nothing_of_it(pictures):
    for seed in range(20):
        layer = draw_subject(np.random.default_rng(seed), pictures, 48)
        assert layer.dtype == np.float32 and np.isfinite(layer).all()
        assert (layer[..., :3][layer[..., 3] == 0] == 0).all() and layer[..., :3].max() > 0.01


def test_the_truth_is_the_main_subject_and_no_lesser_one(scenery, monkeypatch):
    layers = []

    def noted(random, scenery, side, lengths, behind):
        layers.append((lengths, drawn(random, scenery, side, lengths, behind)))
        return layers[-1][1]

    drawn = matting._subject
    monkeypatch.setattr(matting, "_subject", noted)
    monkeypatch.setattr(matting, "HIDDEN", 0.0)
    lesser = 0
    for seed in range(40):
        layers.clear()
        scene = matting.draw_scene(np.random.default_rng(seed), scenery, 48)
        if layers:
            assert [lengths for lengths, _ in layers[:-1]] == [matting.LESSER] * (len(layers) - 1)
            assert layers[-1][0] == matting.MAIN and np.array_equal(scene.people, layers[-1][1][..., 3])
            lesser += len(layers) - 1
        else:
            assert not scene.people.any()
    assert lesser > 10


def test_the_main_subject_is_where_the_matte_says(scenery, monkeypatch):
    """The same scene with a subject of another colour differs where the matte is, and nowhere else."""
    monkeypatch.setattr(matting, "BESIDE_SHARES", (1, 0, 0, 0))
    monkeypatch.setattr(matting, "MADE", 0.0)
    subjects = (cut_out(colour) for colour in ((255, 0, 0), (0, 0, 255)))
    red, blue = (replace(scenery, people=(each,), things=(each,)) for each in subjects)
    apart = 0
    for seed in range(30):
        one, other = (matting.draw_scene(np.random.default_rng(seed), each, 64) for each in (red, blue))
        assert np.allclose(one.people, other.people)
        differs = np.abs(one.light - other.light).max(2) > 0.02
        assert not (differs & (one.people < 1e-3)).any()
        apart += int(differs.sum())
    assert apart > 3000


def test_somebody_on_a_thing_belongs_to_it(scenery, monkeypatch):
    monkeypatch.setattr(matting, "MADE", 0.0)
    monkeypatch.setattr(matting, "THINGS", 1.0)
    more = 0
    for seed in range(20):
        alone, ridden = (_covered(scenery, seed, share, monkeypatch) for share in (0.0, 1.0))
        assert ridden > alone * 0.999
        more += int(ridden > alone * 1.02)
    assert more > 5


def _covered(scenery, seed, ridden, monkeypatch):
    """Of a thing, ridden or not."""
    monkeypatch.setattr(matting, "RIDDEN", ridden)
    behind = np.ones((64, 64, 3), np.float32)
    layer = matting._subject(np.random.default_rng(seed), scenery, 64, (0.4, 0.5), behind)
    assert layer.shape == (64, 64, 4) and layer[..., 3].max() <= 1.0001
    return float(layer[..., 3].sum())


def test_the_same_random_numbers_make_the_same_crop(scenery):
    one, same, other = (matting.make(np.random.default_rng(seed), scenery, 64) for seed in (3, 3, 5))
    assert np.array_equal(one.input, same.input) and np.array_equal(one.truth, same.truth)
    assert not np.array_equal(one.input, other.input)
    assert one.input.shape == (64, 64, 3) and one.truth.shape == (64, 64, 1)


def test_it_goes_on_from_what_human_matting_has_learned_and_sees_frames_as_they_are(scenery, tmp_path):
    earlier = training_of(human_matting.RECIPE, precision="float32")
    with torch.no_grad():
        earlier.average.unet.stem.weight.fill_(0.25)
    earlier.save(tmp_path)
    training = training_of(matting.RECIPE, precision="float32")
    begin_from(training, tmp_path)
    assert torch.equal(training.network.unet.stem.weight, earlier.average.unet.stem.weight)
    assert training.network.architecture.whole == 0 and matting.RECIPE.kinds == ("start",)


def test_the_start_that_comes_with_the_program_fits_a_training_of_a_matte():
    found = zoo_starts()["matting"]
    network, header = make_network(replace(matting.RECIPE, renders=None)), found.header
    assert header.kind == "matte" and not found.is_network and found.bytes < 4e6
    assert begin_weights(network, str(found.path)) == ()
    assert any("makehuman-assets" in source.address for source in found.card.sources)
