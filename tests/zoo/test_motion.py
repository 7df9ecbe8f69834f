"""Made motion is true, its edges are where it changes, and a training learns it."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from tests.zoo.conftest import painted
from zoo.degrade.moving import (
    FIRST,
    MARGIN,
    SECOND,
    Layer,
    Motion,
    draw_scene,
    frame,
    near_edges,
    true_motion,
)
from zoo.kinds import training_of
from zoo.measure import motion_rows
from zoo.motion_training import MotionTraining
from zoo.pictures import LIGHT, Pictures
from zoo.rivals import dense_inverse_search
from zoo.ship import ship
from zoo.stream import make_batch
from zoo.training import CURVE, Limits, Training, held_batches, train
from zoo.unseen_motion import SIDE, draw_pair, flying, hanging
from zoo.widen import begin_from

from understudy.errors import UnderstudyError
from understudy.inference.vectors import load_vectors, search
from understudy.network.model_file import load_model
from understudy.network.unet import SIZES, Size
from zoo import motion_vectors, upscale

SMALL = replace(motion_vectors.RECIPE, side=64, crops=2)


def _light(seed: int, side: int) -> np.ndarray:
    return LIGHT[painted(seed, side, side)]


def _read(values: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """The second frame, as the first one would see it."""
    side = len(values)
    grid = np.dstack(np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32)))
    return cv2.remap(values, grid + motion, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


MOTIONS = [
    Motion(np.array([40.0, 30.0]), np.array([5.3, -2.6])),
    Motion(np.array([48.0, 48.0]), np.array([1.0, 2.0]), turn=0.08, zoom=0.06),
    Motion(np.array([20.0, 60.0]), np.array([-3.0, 0.5]), tilt=(6e-4, -4e-4)),
    Motion(
        np.array([48.0, 48.0]),
        np.array([2.0, 1.0]),
        bend=cv2.resize(np.random.default_rng(3).normal(0, 2, (5, 5, 2)).astype(np.float32), (160, 160)),
    ),
]


@pytest.mark.parametrize("motion", MOTIONS, ids=["shift", "turn and zoom", "tilt", "bend"])
def test_the_second_frame_along_the_true_motion_is_the_first_one(motion: Motion) -> None:
    light = cv2.GaussianBlur(_light(1, 96 + 2 * MARGIN), (0, 0), 2)
    layers = [Layer(light, motion)]
    first, second = (frame(layers, time, 96) for time in (FIRST, SECOND))
    vectors = true_motion(layers, 96)
    inner = slice(16, -16)
    apart = np.abs(_read(second, vectors) - first)[inner, inner].mean()
    still = np.abs(second - first)[inner, inner].mean()
    assert apart < 0.06 * still


def test_a_layer_in_front_has_its_own_motion_and_covers_what_is_behind() -> None:
    cover = np.zeros((160, 160), np.float32)
    cover[70:90, 70:90] = 1
    still, moving = (Motion(np.zeros(2), np.array(shift)) for shift in ([0.0, 0.0], [7.0, 0.0]))
    layers = [Layer(_light(1, 160), still), Layer(_light(2, 160), moving, cover)]
    vectors = true_motion(layers, 96)
    assert set(map(tuple, vectors.round(3).reshape(-1, 2))) == {(0.0, 0.0), (7.0, 0.0)}
    assert (vectors[..., 0] > 1).sum() == pytest.approx(400, abs=25)
    near = near_edges(vectors, 5)
    assert near.any() and not near[:20].any() and 0.05 < near.mean() < 0.12
    assert not near_edges(np.full((20, 20, 2), 3, np.float32)).any()


def test_an_open_shutter_blurs_what_moves_and_nothing_else() -> None:
    light = _light(1, 160)
    for shift, changes in ((8.0, True), (0.0, False)):
        layers = [Layer(light, Motion(np.zeros(2), np.array([shift, 0.0])))]
        sharp, soft = frame(layers, FIRST, 96), frame(layers, FIRST, 96, shutter=0.5)
        assert (np.abs(sharp - soft).mean() > 1e-3) == changes


def test_scenes_stand_still_and_move_fast_alone_and_before_each_other(pictures: Pictures) -> None:
    scenes = [draw_scene(np.random.default_rng(seed), pictures, 64) for seed in range(80)]
    assert {len(layers) for layers in scenes} == {1, 2, 3, 4, 5}
    longest = [float(np.linalg.norm(true_motion(layers, 64), axis=2).max()) for layers in scenes]
    assert min(longest) < 1 and max(longest) > 20


def test_the_same_random_numbers_make_the_same_pair_with_its_motion_and_edges(pictures: Pictures) -> None:
    one, same = (motion_vectors.make(np.random.default_rng(4), pictures, 64) for _ in range(2))
    assert one.input.shape == (64, 64, 9) and one.truth.shape == (64, 64, 3)
    assert np.array_equal(one.input, same.input) and np.array_equal(one.truth, same.truth)
    assert set(np.unique(one.truth[..., 2])) <= {0, 1} and np.isfinite(one.input).all()


def test_the_loss_is_what_the_motion_is_off_by_and_counts_more_near_edges() -> None:
    truth = torch.zeros(1, 3, 32, 32)
    truth[:, 0] = 4
    right = [torch.zeros(1, 2, size, size) for size in (2, 4, 8, 16, 32)]
    for each, size in zip(right, (2, 4, 8, 16, 32), strict=True):
        each[:, 0] = 4 * size / 32
    assert motion_vectors.loss(right, truth) < 0.02
    off = [*right[:-1], right[-1] + 1]
    away = motion_vectors.loss(off, truth)
    truth[:, 2] = 1
    assert motion_vectors.loss(off, truth) > 2 * away > 0.5


def test_a_training_stops_goes_on_and_says_how_far_off_it_and_the_rival_are(
    pictures: Pictures, tmp_path
) -> None:
    held = held_batches(SMALL, pictures, 2)
    whole = training_of(SMALL, 3)
    assert isinstance(whole, MotionTraining)
    train(whole, pictures, held, Limits(steps=4), tmp_path / "whole")
    first = training_of(SMALL, 3)
    for step in (1, 2):
        first.step(make_batch(SMALL, pictures, 3, step), (step - 1) / 4)
    first.save(tmp_path)
    second = training_of(SMALL, 3)
    second.resume(tmp_path)
    train(second, pictures, held, Limits(steps=4), tmp_path / "second")
    state = second.state()
    assert all(torch.equal(tensor, state[name]) for name, tensor in whole.state().items())
    line = json.loads((tmp_path / "whole" / CURVE).read_text().splitlines()[-1])
    assert line["step"] == 4 and line["pixels"] > 0 and line["dis_pixels"] > 0


def test_some_steps_on_one_batch_lower_the_loss(pictures: Pictures) -> None:
    training = training_of(replace(SMALL, rate=0.01), precision="float32")
    batch = make_batch(SMALL, pictures, 0, 2)
    losses = [training.step(batch, 0.0) for _ in range(60)]
    assert min(losses[-5:]) < 0.85 * losses[0]


def test_what_ships_finds_what_was_trained(pictures: Pictures, tmp_path) -> None:
    (tmp_path / "split.json").write_text(json.dumps({"training": ["a.jpg"], "validation": []}))
    row = "| a.jpg | A | o/n | 12 | Ann | [CC BY 4.0](https://c) | LICENSE | 1 | 1 |\n"
    (tmp_path / "SOURCES.md").write_text(row)
    training = training_of(SMALL)
    training.step(make_batch(SMALL, pictures, 0, 1), 0.0)
    ship(training, tmp_path / "motion.cat", tmp_path, [{"what": "stars", "score": "1 pixel"}])
    assert (tmp_path / "motion.cat").stat().st_size < 4_000_000
    header, network = load_model(tmp_path / "motion.cat")
    assert header.kind == "motion" and header.card.sources[0].author == "Ann" and header.adapts
    frames = torch.rand(2, 1, 3, 64, 64).unbind()
    pixels = [each[0].permute(1, 2, 0).numpy() for each in frames]
    searched = torch.from_numpy(search(*pixels)).permute(2, 0, 1)[None]
    with torch.no_grad():
        wanted = training.average(*frames, searched)
        assert torch.allclose(network(*frames, searched), wanted, atol=0.05)
    made = load_vectors(tmp_path / "motion.cat", torch.device("cpu"))(*pixels)
    assert np.allclose(made, wanted[0].permute(1, 2, 0).numpy(), atol=0.05)


# -- measuring -------------------------------------------------------------------------------------------


def test_the_search_is_off_by_as_much_as_the_search_and_nothing_by_more(pictures: Pictures, tmp_path) -> None:
    (tmp_path / "photographs").mkdir()
    cv2.imwrite(str(tmp_path / "photographs" / "b.png"), painted(2, 520, 520))
    (tmp_path / "split.json").write_text(json.dumps({"training": [], "validation": ["b.png"]}))
    rows = list(motion_rows(dense_inverse_search, tmp_path, 1))
    assert len(rows) == 4
    for row in rows:
        assert row.score.split()[0] == row.beside.split(": ")[1].split()[0] and "1.00 of it" in row.beside
    worse = list(motion_rows(lambda first, second: np.zeros((*first.shape[:2], 2)), tmp_path, 1))
    assert float(worse[0].score.split()[0]) > float(rows[0].score.split()[0])


@pytest.mark.parametrize("make", [flying, hanging])
def test_unseen_motion_is_true_and_has_edges(make, pictures: Pictures) -> None:
    random = np.random.default_rng(5)
    pair = draw_pair(random, make(random, pictures), blurred=False)
    assert pair.first.shape == (SIDE, SIDE, 3) and 0.005 < pair.near.mean() < 0.4
    away = ~pair.near
    apart = np.abs(_read(pair.second, pair.motion) - pair.first)[away]
    assert np.median(apart) < 0.7 * np.median(np.abs(pair.second - pair.first)[away])


# -- a wider network of a narrower one -------------------------------------------------------------------


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch, pictures: Pictures, tmp_path):
    """The recipe for upscale, and the folder of a training of a smaller network of it."""
    monkeypatch.setitem(SIZES, "narrow", Size((8, 8), (1, 1), (1,)))
    monkeypatch.setitem(SIZES, "wide", Size((12, 16), (2, 1), (2,)))
    sizes = [
        replace(
            upscale.RECIPE, architecture=replace(upscale.RECIPE.architecture, size=size), side=32, crops=2
        )
        for size in ("narrow", "wide")
    ]
    training = Training(sizes[0], precision="float32")
    for step in range(1, 6):
        training.step(make_batch(sizes[0], pictures, 0, step), 0.0)
    training.save(tmp_path)
    return training, sizes[1], tmp_path


def test_a_wider_and_deeper_network_begins_as_the_one_it_is_made_of(narrow) -> None:
    training, wide, folder = narrow
    begun = Training(wide, precision="float32")
    begin_from(begun, folder)
    x = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        wanted = training.average(x)
        assert torch.allclose(begun.average(x), wanted, atol=1e-5)
        assert torch.allclose(begun.network(x), wanted, atol=1e-5)


def test_a_network_does_not_go_into_a_smaller_one(narrow, tmp_path) -> None:
    training, wide, _ = narrow
    begun = Training(wide)
    (tmp_path / "wide").mkdir()
    begun.save(tmp_path / "wide")
    with pytest.raises(UnderstudyError, match="does not go into"):
        begin_from(Training(training.recipe), tmp_path / "wide")
