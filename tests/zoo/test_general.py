"""Made shots are what they say, and a start that is made of them leads further in a few steps."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from zoo.general import RECIPE
from zoo.kinds import training_of
from zoo.meta_training import LAST, MetaTraining, learner_of, material_of, score
from zoo.recipe import Crop
from zoo.ship import ship
from zoo.stream import make_batch, to_batch
from zoo.tasks.all import TASKS, draw_shot, shot_of
from zoo.tasks.clean_ups import dust
from zoo.tasks.shots import by_look, by_place, draw_path, seen

from understudy.network.build import build_effect
from understudy.training.initial_weights import begin_from
from zoo import meta_training

EACH = pytest.mark.parametrize("task", TASKS)
MATTES = ("range", "thing", "place", "detail", "textures", "figure")
SIDE = 48


def shots_of(task, pictures, count=5):
    return [shot_of(np.random.default_rng(seed), pictures, SIDE, TASKS[task][0]) for seed in range(count)]


@EACH
def test_a_shot_has_three_to_five_pairs_and_a_frame_to_judge_by_and_can_be_made_again(task, pictures):
    shots, again = shots_of(task, pictures), shots_of(task, pictures)
    assert {len(shot) for shot in shots} <= {4, 5, 6}
    for shot, same in zip(shots, again, strict=True):
        for crop, other in zip(shot, same, strict=True):
            assert np.array_equal(crop.input, other.input) and np.array_equal(crop.truth, other.truth)
            assert crop.input.shape == (SIDE, SIDE, 3) and crop.input.dtype == crop.truth.dtype == np.float32
            assert crop.truth.shape == (SIDE, SIDE, 1 if task in MATTES else 3)
            assert all(planes.min() >= 0 and planes.max() <= 1 for planes in crop)


@EACH
def test_there_is_something_to_learn_in_most_shots(task, pictures):
    if task in MATTES:
        told = [0.02 < np.mean([crop.truth.mean() for crop in s]) < 0.95 for s in shots_of(task, pictures)]
    else:
        told = [np.abs(s[0].input - s[0].truth).max() > 0.03 for s in shots_of(task, pictures)]
    assert np.mean(told) >= 0.5


def test_all_tasks_come_in_a_row_of_shots(pictures):
    channels = [draw_shot(np.random.default_rng(n), pictures, 32)[0].truth.shape[2] for n in range(40)]
    assert 10 <= channels.count(1) <= 30


def test_paint_on_a_scene_moves_with_it(pictures):
    """What is painted over the upper half of a scene lies there on every frame, and nowhere else."""

    def paint(random, scene):
        painted = scene.copy()
        painted[:36] = (1, 0, 1)
        return Crop(scene, painted)

    shares = []
    for crop in by_place(paint)(np.random.default_rng(2), pictures, SIDE):
        mark = np.abs(crop.truth - (1, 0, 1)).max(2) < 0.02
        assert np.array_equal(crop.input[_far(mark)], crop.truth[_far(mark)])
        shares.append(mark.mean())
    assert max(shares) > min(shares) + 0.02


def _far(mark):
    """Pixels that no mark is within two pixels of."""
    return cv2.dilate(mark.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0


def test_frames_of_a_shot_show_the_same_from_other_places():
    scene = np.zeros((72, 72, 1), np.float32)
    scene[30:40, 30:40] = 1
    frames = [seen(scene, place, SIDE) for place in draw_path(np.random.default_rng(1), SIDE)]
    assert all(60 < frame.sum() < 160 for frame in frames)
    middles = [np.argwhere(frame[..., 0] > 0.5).mean(0) for frame in frames]
    assert np.ptp(middles, 0).max() > 2


@pytest.fixture
def small(monkeypatch):
    """A recipe of little shots that are learned in few steps."""
    monkeypatch.setattr(meta_training, "STEPS", {"image": (3, 5), "matte": (3, 5)})
    monkeypatch.setattr(meta_training, "JUDGED_STEPS", {"image": 4, "matte": 4})
    return replace(RECIPE, side=SIDE)


def shot_with(pictures, channels):
    """A batch of a shot whose truth has so many channels."""
    name = "figure" if channels == 1 else "style"
    return to_batch(shot_of(np.random.default_rng(4), pictures, SIDE, TASKS[name][0]))


def weights_of(training):
    return {name: tensor.clone() for name, tensor in training.network.state_dict().items()}


def test_a_step_goes_a_part_of_the_way_to_what_the_shot_has_taught(small, pictures):
    batch, ends = shot_with(pictures, 3), {}
    for share in (0.25, 1.0):
        training = MetaTraining(small, precision="float32")
        training.rate_at = lambda _, share=share: share / meta_training.PART["image"]
        before = weights_of(training)
        training.step(batch, 0.0)
        ends[share] = weights_of(training)
    moved = 0.0
    for name, start in before.items():
        way, part = ends[1.0][name] - start, ends[0.25][name] - start
        assert torch.allclose(part, way * 0.25, atol=1e-6), name
        moved += float(way.abs().sum())
    assert moved > 1


def test_a_matte_is_learned_with_a_last_layer_of_its_own_and_leaves_that_of_images_alone(small, pictures):
    training = MetaTraining(small, precision="float32")
    training.step(shot_with(pictures, 3), 0.0)
    learner = learner_of(small, training.network, "matte")
    assert learner.architecture.kind == "matte" and not learner.unet.head.weight.any()
    assert torch.equal(learner.unet.stem.weight, training.network.unet.stem.weight)
    before = weights_of(training)
    training.step(shot_with(pictures, 1), 0.0)
    after = weights_of(training)
    assert all(torch.equal(after[name], before[name]) for name in after if name.startswith(LAST))
    assert not torch.equal(after["unet.encoder.0.0.first.weight"], before["unet.encoder.0.0.first.weight"])


def test_what_is_learned_is_what_the_colour_fit_leaves_over(pictures):
    """A shot that is nothing but a grade is as good as learned before the first step."""

    def look(_, values):
        return Crop(values, values * np.float32([0.9, 0.7, 0.5]) + np.float32(0.05))

    shot = by_look(lambda random: look)(np.random.default_rng(5), pictures, SIDE)
    material = material_of(to_batch(shot))
    assert (material.base - material.truth).abs().mean() < 1e-3
    assert (material.plate - material.truth).abs().mean() > 0.05


def test_a_start_that_stopped_and_went_on_is_the_same_as_one_that_did_not(small, pictures, tmp_path):
    batches = [make_batch(small, pictures, 1, step) for step in (1, 2, 3)]
    whole, first, second = (training_of(small, 1, "float32") for _ in range(3))
    assert isinstance(whole, MetaTraining)
    for batch in batches:
        whole.step(batch, 0.0)
    for batch in batches[:2]:
        first.step(batch, 0.0)
    first.save(tmp_path)
    second.resume(tmp_path)
    second.step(batches[2], 0.0)
    state = second.state()
    assert all(torch.equal(tensor, state[name]) for name, tensor in whole.state().items())


def test_a_start_that_has_learned_to_take_off_dust_does_so_sooner(small, pictures, monkeypatch):
    """Dust of all kinds and colours, thirty shots; on others, six steps from it reach more than from
    nothing."""
    monkeypatch.setattr(meta_training, "STEPS", {"image": (8, 13)})
    monkeypatch.setattr(meta_training, "JUDGED_STEPS", {"image": 6})
    recipe = replace(small, shot=by_look(dust))
    training = MetaTraining(recipe, precision="float32")
    training.rate_at = lambda _: 0.7 / meta_training.PART["image"]
    for step in range(1, 31):
        training.step(make_batch(recipe, pictures, 2, step), 0.0)
    training.judge([make_batch(recipe, pictures, 9, step) for step in range(1, 7)])
    told = training.told()
    assert set(told) == {"gain_db", "gain_db_from_nothing"}
    assert told["gain_db"] > 1.4 * told["gain_db_from_nothing"] > 0


def test_a_matte_is_judged_by_its_iou(small, pictures):
    material = material_of(shot_with(pictures, 1))
    learner = learner_of(small, training_of(small).network, "matte")
    with torch.no_grad():
        learner.unet.head.bias.fill_(9.0)  # all of the frame
    wanted = float((material.truth[-1] > 0.5).float().mean())
    assert score(learner, material, "float32") == pytest.approx(wanted, abs=1e-6)


def test_trainings_of_images_and_of_mattes_begin_from_the_file(small, pictures, tmp_path):
    training = training_of(small, precision="float32")
    training.step(shot_with(pictures, 3), 0.0)
    (tmp_path / "split.json").write_text('{"training": [], "validation": []}')
    (tmp_path / "SOURCES.md").write_text("")
    recipe = training.recipe
    training.recipe = replace(recipe, shot=lambda random, _, side: recipe.shot(random, pictures, side))
    ship(training, tmp_path / "general.cat", tmp_path, [])
    image, matte = (
        build_effect(each).lay_out(torch.device("cpu"))
        for each in (
            training.network.architecture,
            learner_of(small, training.network, "matte").architecture,
        )
    )
    assert begin_from(image, str(tmp_path / "general.cat")) == ()
    assert torch.allclose(image.unet.head.weight, training.average.unet.head.weight, atol=1e-3)
    assert "all of their layers are taken but the last" in begin_from(matte, str(tmp_path / "general.cat"))[0]
    assert not matte.unet.head.weight.any()
    grow = training.average.unet.grow[0].weight
    assert torch.allclose(matte.unet.grow[0].weight, grow, atol=1e-3)
