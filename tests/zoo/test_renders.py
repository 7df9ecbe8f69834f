"""Renders as what is learned from and measured by: crops, their truths and normals, the noise of both."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.zoo.conftest import REPOSITORY
from zoo.denoise_renders import RECIPE, loss, make
from zoo.measure_renders import psnr_beside, render_rows, toned
from zoo.render_scenes import COUNTS
from zoo.renders import shapes
from zoo.renders.environments import environments_of
from zoo.renders.store import Rendered, as_half, load, save
from zoo.ship import header_of
from zoo.stream import make_batch
from zoo.training import Training, make_network
from zoo.widen import begin_from

from understudy.colour import LINEAR, decode, encode, encode_tensor
from understudy.errors import UnderstudyError
from zoo import denoise

SIDE = 64


def rendered(seed: int, counts: tuple[int, ...] = COUNTS["training"]) -> Rendered:
    """Light on a texture, with noise as of so many samples; normals of length one."""
    random = np.random.default_rng(seed)
    albedo = np.kron(random.uniform(0.2, 0.9, (8, 8, 3)), np.ones((12, 12, 1)))
    normal = random.standard_normal((96, 96, 3))
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    light = albedo * np.linspace(0.5, 2, 96)[:, None, None]
    noisy = [
        light * random.gamma(2 * count, 1 / (2 * count), (96, 96, 1)).astype(np.float32) for count in counts
    ]
    made = [np.concatenate([each, albedo, normal], 2) for each in noisy]
    return Rendered(as_half(np.stack(made)), np.array(counts))


@pytest.fixture(scope="module")
def renders() -> tuple[Rendered, ...]:
    return tuple(map(rendered, range(3)))


def test_what_goes_in_is_one_render_and_the_truth_all_the_others(renders):
    crops = [make(np.random.default_rng(seed), renders, SIDE) for seed in range(60)]
    assert all(crop.input.shape == (SIDE, SIDE, 9) and crop.truth.shape == (SIDE, SIDE, 7) for crop in crops)
    light = [(decode(crop.input[..., :3], LINEAR), decode(crop.truth[..., :3], LINEAR)) for crop in crops]
    ratio = [float(np.mean(seen) / np.mean(truth)) for seen, truth in light]
    assert abs(np.mean(ratio) - 1) < 0.1
    noise = [float(np.std(seen / truth)) for seen, truth in light]
    assert max(noise) > 0.5 and min(noise) < 0.25


def test_the_same_random_numbers_make_the_same_crop(renders):
    one, same, other = (make(np.random.default_rng(seed), renders, SIDE) for seed in (5, 5, 6))
    assert np.array_equal(one.input, same.input) and np.array_equal(one.truth, same.truth)
    assert not np.array_equal(one.input, other.input)


def test_normals_of_another_world_keep_their_length_and_what_is_between_them(renders):
    for seed in range(12):
        crop = make(np.random.default_rng(seed), renders, SIDE)
        normals = crop.input[..., 6:].reshape(-1, 3)
        assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=2e-3)
        albedo = crop.input[..., 3:6]
        assert albedo.min() >= 0 and albedo.max() <= 1


def test_crops_are_of_many_exposures(renders):
    middles = [
        float(np.median(make(np.random.default_rng(s), renders, SIDE).truth[..., :3])) for s in range(60)
    ]
    assert max(middles) > 2.5 * min(middles)


def test_a_bright_dot_in_one_render_does_not_stay_in_the_truth():
    scene = rendered(1)
    scene.renders[5, 10, 10, :3] = 30_000
    scene.renders[:, 50, 50, :3] = 500
    whole = scene.others[0].whole.astype(np.float32)
    assert whole[10, 10].max() < 30 * np.median(whole[8:13, 8:13]) + 1
    assert whole[50, 50].min() > 400


def test_the_truth_is_not_darker_for_its_noise():
    random = np.random.default_rng(3)
    light = random.gamma(0.05 * np.array([16, 32])[:, None, None, None], 1, (2, 160, 160, 3))
    light /= 0.05 * np.array([16, 32])[:, None, None, None]
    scene = Rendered(as_half(np.concatenate([light, light, light], 3)), np.array([16, 32]))
    curve = lambda values: np.asarray(encode(values, LINEAR))  # noqa: E731
    truth = scene.together([0, 1])
    wanted = float(curve(np.float32([1.0]))[0])
    plain = abs(float(curve(truth.whole.astype(np.float32)).mean()) - wanted)
    assert abs(float(truth.curved(curve).mean()) - wanted) < 0.6 * plain


def test_renders_come_back_from_disk_and_damaged_or_missing_ones_are_refused(tmp_path):
    with pytest.raises(UnderstudyError, match=r"zoo\.render_scenes"):
        load(tmp_path, "training")
    save(tmp_path / "training_0000.npz", rendered(1))
    (back,) = load(tmp_path, "training")
    assert np.array_equal(back.renders, rendered(1).renders) and not list(tmp_path.glob("*.part"))
    (tmp_path / "training_0001.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(UnderstudyError, match="training_0001"):
        load(tmp_path, "training")


def told(light: torch.Tensor, sure: float) -> torch.Tensor:
    """A truth of one colour (1, 7, H, W) that is all as sure, as the loss takes it."""
    colours = light.expand(1, 3, -1, -1)
    return torch.cat([colours, colours, torch.full_like(colours[:, :1], sure)], 1)


def best_guess(truth: torch.Tensor, guesses: tuple[float, ...]) -> float:
    """The even light that the loss likes best."""
    weight = torch.ones_like(truth[:, :1])
    losses = {each: float(loss(torch.full_like(truth[:, :3], each), truth, weight)) for each in guesses}
    return min(losses, key=losses.__getitem__)


def test_the_loss_pulls_to_the_mean_of_noisy_truths_and_not_to_their_middle():
    noisy = torch.zeros(16, 16)
    noisy[::2, ::2] = 0.08
    assert best_guess(told(noisy, 1.0), (0.0, 0.02, 0.04)) == 0.02


def test_where_the_truth_is_all_noise_the_light_of_many_pixels_is_what_counts():
    """One pixel in sixteen has all of the light: through the curve their mean is far darker than that."""
    noisy = torch.zeros(1, 1, 32, 32)
    noisy[..., ::4, ::4] = encode_tensor(torch.tensor(16 * 0.5), LINEAR)
    even = float(encode_tensor(torch.tensor(0.5), LINEAR))
    guesses = (float(noisy.mean()), even / 2, even)
    assert best_guess(told(noisy, 0.0), guesses) == even
    assert best_guess(told(noisy, 9.0), guesses) != even


def test_a_pixel_counts_for_less_the_further_two_halves_of_its_samples_are_apart():
    random = np.random.default_rng(3)
    light = np.ones((2, 64, 64, 9))
    light[:, :, 32:] = random.gamma(0.1, 10, (2, 64, 32, 9))
    scene = Rendered(as_half(light), np.array([8, 8]))
    noise = scene.together([0, 1]).noise(lambda values: np.asarray(encode(values, LINEAR)))
    assert noise.shape == (64, 64, 1)
    assert noise[:, :28].max() < 1e-3 and np.median(noise[:, 36:]) > 0.2


def test_a_training_learns_and_its_network_says_what_it_takes(renders, tmp_path):
    small = replace(RECIPE, side=SIDE)
    training = Training(small)
    batch = make_batch(small, renders, 0, 1)
    losses = [training.step(batch, 0.0) for _ in range(20)]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.99 * losses[0]
    header = header_of(RECIPE, make_network(RECIPE), None, 0.0)  # type: ignore[arg-type]
    assert [each.name for each in header.extra] == ["albedo", "normal"]
    assert header.colour_in == header.colour_out == LINEAR and not header.adapts
    assert header.architecture["albedo"] == 3


def test_it_begins_with_what_denoise_makes_of_light_whatever_range_each_sees(tmp_path):
    like_it = replace(
        RECIPE, architecture=replace(RECIPE.architecture, size=denoise.RECIPE.architecture.size)
    )
    old, new = Training(denoise.RECIPE), Training(like_it)
    old.save(tmp_path)
    begin_from(new, tmp_path)
    assert bool(new.network.unet.stem.weight.detach()[:, 12:].any())
    light = torch.rand(1, 3, 16, 16) * 1.4
    x = torch.cat([light, torch.zeros(1, 6, 16, 16)], 1)
    with torch.no_grad():
        new.network.unet.stem.weight[:, 12:] = 0
        both = (old.average, light), (new.network, x)
        seen = [net.unet.stem(torch.pixel_unshuffle(net.seen(values), 2)) for net, values in both]
    assert torch.allclose(seen[0][..., 1:-1, 1:-1], seen[1][..., 1:-1, 1:-1], atol=1e-4)


def test_the_noise_of_clean_renders_counts_as_no_error():
    random = np.random.default_rng(1)
    truth = np.full((128, 128, 3), 0.5, np.float32)
    first, second = (truth + 0.05 * random.standard_normal(truth.shape) for _ in range(2))
    made = truth + 0.01 * random.standard_normal(truth.shape)
    assert abs(psnr_beside(made, first, second) - 40) < 1.5


def test_toned_light_lies_between_black_and_white():
    made = toned(np.float32([-1, 0, 1, 1e6]))
    assert made[0] == made[1] == 0 and 0.7 < made[2] < 0.75 and 0.99 < made[3] <= 1


def test_renders_are_measured_or_it_is_said_how_they_are_made(tmp_path):
    kept = lambda light, layers: light  # noqa: E731
    (row,) = render_rows(kept, tmp_path, 4)
    assert row.score == "not measured" and "zoo.render_scenes" in row.beside
    save(tmp_path / "validation_0000.npz", rendered(2, COUNTS["validation"]))
    rows = list(render_rows(kept, tmp_path, 4))
    assert [row.what.split(",")[1].strip() for row in rows] == ["1 samples", "4 samples", "16 samples"]
    scores = [float(row.score.removesuffix(" dB")) for row in rows]
    assert scores == sorted(scores) and all("Open Image Denoise" in row.beside for row in rows)


@pytest.mark.parametrize("make_shape", [*shapes.TRAINING, *shapes.VALIDATION])
def test_meshes_are_whole(make_shape):
    made = make_shape(np.random.default_rng(4))
    assert len(made.corners) == len(made.places) and made.triangles.max() < len(made.corners)
    assert np.isfinite(made.corners).all() and np.abs(made.corners).max() < 4


def test_no_kind_of_geometry_and_no_environment_is_seen_in_training_and_judged_by(photographs_folder):
    assert not set(shapes.TRAINING) & set(shapes.VALIDATION)
    ours, theirs = (set(environments_of(photographs_folder, part)) for part in ("training", "validation"))
    assert len(ours) > 10 and len(theirs) >= 3 and not ours & theirs


def test_without_mitsuba_rendering_says_what_to_install(tmp_path: Path):
    blocked = "import sys; sys.modules['mitsuba'] = None; from zoo.render_scenes import main; main()"
    words = [sys.executable, "-c", blocked, "--data", str(tmp_path), "--renders", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 2 and "pip install mitsuba" in done.stderr and "Traceback" not in done.stderr
