"""What spoils a picture does so by as much as it says."""

from __future__ import annotations

import numpy as np
import pytest
from zoo.degrade.blur import (
    POINTS,
    blurred,
    defocus_kernel,
    draw_shape,
    layered,
    path_kernel,
    shake_path,
)
from zoo.degrade.compression import compressed
from zoo.degrade.light import Film
from zoo.degrade.noise import CameraNoise, at_iso, demosaiced, draw_grain
from zoo.degrade.shrink import FILTERS, box, cubic, halved

from understudy.colour import LINEAR, decode

FLAT = np.full((400, 400, 3), 0.2, np.float32)


def test_sensor_noise_has_the_variance_of_light_and_read_noise_times_the_white_balance():
    camera = CameraNoise(shot=4e-3, read=1e-4, gains=(2.0, 1.0, 1.5), mosaic=False)
    noise = camera.sample(np.random.default_rng(1), FLAT)
    wanted = 0.2 * 4e-3 * np.float64([2, 1, 1.5]) + 1e-4 * np.float64([4, 1, 2.25])
    assert noise.var((0, 1)) == pytest.approx(wanted, rel=0.03)
    assert abs(noise.mean()) < 3e-4


def test_brighter_light_has_more_noise_and_a_higher_iso_too():
    random = np.random.default_rng(2)
    low, high = (at_iso(iso).sample(random, FLAT).std() for iso in (400, 3200))
    assert high > 2 * low
    assert at_iso(400).sample(random, 4 * FLAT).std() > 1.5 * low


def test_demosaicing_makes_neighbours_alike_most_of_all_in_red_and_blue():
    noise = np.random.default_rng(3).standard_normal((400, 400, 3)).astype(np.float32)
    coarse = demosaiced(noise, np.array([0, 1]))
    beside = [
        float(np.corrcoef(c[:, 1:].ravel(), c[:, :-1].ravel())[0, 1]) for c in coarse.transpose(2, 0, 1)
    ]
    assert min(beside[0], beside[2]) > beside[1] > 0.2
    assert abs(np.corrcoef(noise[:, 1:, 0].ravel(), noise[:, :-1, 0].ravel())[0, 1]) < 0.01
    kept = coarse[0::2, 1::2, 0]
    assert np.allclose(kept, noise[0::2, 1::2, 0], atol=1e-6)  # what the sensor saw stays what it is


def test_demosaiced_noise_keeps_the_mean_of_a_flat_field():
    ones = np.ones((40, 40, 3), np.float32)
    assert np.allclose(demosaiced(ones, np.array([1, 0]))[4:-4, 4:-4], 1, atol=1e-5)


def test_grain_is_strongest_in_the_middle_tones():
    random = np.random.default_rng(4)
    spread = {
        tone: np.mean([draw_grain(random, np.full((64, 64, 3), tone, np.float32)).std() for _ in range(60)])
        for tone in (0.02, 0.5)
    }
    assert spread[0.5] > 1.5 * spread[0.02]


@pytest.mark.parametrize("length", [4.0, 12.0, 30.0])
def test_a_shaken_path_is_as_long_as_it_says_and_leaves_the_picture_where_it_is(length):
    path = shake_path(np.random.default_rng(5), length)
    assert path.shape == (POINTS, 2)
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).sum() == pytest.approx(length, rel=0.03)
    kernel = path_kernel(path)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    rows, columns = np.mgrid[: len(kernel), : len(kernel)] - len(kernel) // 2
    assert (kernel * rows).sum() == pytest.approx(0, abs=1e-3)
    assert (kernel * columns).sum() == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("blades", [0, 6])
def test_a_defocused_point_becomes_an_even_disc(blades):
    kernel = defocus_kernel(5.0, blades)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert np.count_nonzero(kernel > 1e-4) == pytest.approx(np.pi * 25, rel=0.25)
    middle = len(kernel) // 2
    assert kernel[middle, middle] == pytest.approx(kernel.max(), rel=0.01)


def test_blur_moves_a_point_along_the_kernel_and_not_against_it():
    point = np.zeros((15, 15), np.float32)
    point[7, 7] = 1
    kernel = np.zeros((5, 5), np.float32)
    kernel[2, 4] = 1
    assert blurred(point, kernel)[7, 9] == 1


def test_layers_that_stand_still_are_as_sharp_as_the_truth(pictures):
    random = np.random.default_rng(6)
    front, behind = (pictures.crop(random, 64) for _ in range(2))
    still = np.ones((1, 1), np.float32)
    soft, sharp = layered(front, draw_shape(random, 64), behind, (still, still))
    assert np.allclose(soft, sharp, atol=1e-5)


def test_a_moving_layer_blurs_itself_and_its_edge_but_not_what_stands_behind():
    front, behind = np.ones((60, 60, 3), np.float32), np.zeros((60, 60, 3), np.float32)
    behind[:, ::2] = 0.5
    coverage = np.zeros((60, 60), np.float32)
    coverage[:, :20] = 1
    kernel = np.full((1, 9), 1 / 9, np.float32)
    soft, _ = layered(
        front, coverage, behind, (np.pad(kernel, ((4, 4), (0, 0))), np.ones((1, 1), np.float32))
    )
    assert np.allclose(soft[:, 30:], behind[:, 30:], atol=1e-5)
    assert 0.4 < soft[30, 20, 0] < 0.8


@pytest.mark.parametrize("filter_of", [cubic, *FILTERS])
def test_half_the_size_keeps_what_is_flat_and_where_things_are(filter_of):
    ramp = np.broadcast_to(np.linspace(0, 1, 64, dtype=np.float32)[None, :, None], (32, 64, 3)).copy()
    small = halved(ramp, filter_of)
    assert small.shape == (16, 32, 3)
    assert np.allclose(small[:, 4:-4], ramp[::2, :].reshape(16, 32, 2, 3).mean(2)[:, 4:-4], atol=1e-4)


def test_bicubic_half_size_is_that_of_other_programs():
    torch = pytest.importorskip("torch")
    picture = np.random.default_rng(8).random((40, 48, 3)).astype(np.float32)
    planes = torch.from_numpy(picture).permute(2, 0, 1)[None]
    theirs = torch.nn.functional.interpolate(planes, scale_factor=0.5, mode="bicubic", antialias=True)
    assert np.allclose(halved(picture)[4:-4, 4:-4], theirs[0].permute(1, 2, 0).numpy()[4:-4, 4:-4], atol=1e-5)
    assert np.allclose(halved(picture, box), picture.reshape(20, 2, 24, 2, 3).mean((1, 3)), atol=1e-5)


def test_stronger_compression_is_further_from_the_picture(pictures):
    values = pictures.pixels[0].astype(np.float32) / 255
    errors = [np.abs(compressed(values, quality, True) - values).mean() for quality in (95, 60, 20)]
    assert errors == sorted(errors)
    assert 0 < errors[0] < 0.02


def test_scene_linear_values_come_back_as_light_and_go_beyond_white():
    light = np.float32([[[-0.01, 0.18, 7.0]]])
    assert np.allclose(decode(Film(True).values(light), LINEAR), light, rtol=1e-4, atol=1e-6)
    assert Film(False).values(light).max() == 1
