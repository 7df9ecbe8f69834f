"""The network for keying that comes trained, before a screen of no training."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import understudy
from understudy.colour import LINEAR, decode, encode
from understudy.colour.scene_linear import linear_to_srgb, srgb_to_linear
from understudy.models.zoo import zoo_names
from zoo import rivals

pytestmark = pytest.mark.skipif("keying" not in zoo_names(), reason="this version brings no keying")
SIZE = 192, 256
PAINT = np.float32([0.08, 0.45, 0.12])


@pytest.fixture(scope="module")
def parts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A figure of rings, bars and hair: its alpha and its light, and the light of a shaded screen with
    markers."""
    height, width = SIZE
    canvas = np.zeros((height * 4, width * 4), np.uint8)
    for radius in (120, 220):
        cv2.circle(canvas, (520, 420), radius, 255, 60, cv2.LINE_AA)
    for number in range(40):
        end = (int(520 + 480 * np.cos(number / 6.0)), int(420 - 400 * abs(np.sin(number / 5.0))))
        cv2.line(canvas, (520, 420), end, 255, 4 + number % 5, cv2.LINE_AA)
    alpha = canvas.reshape(height, 4, width, 4).mean((1, 3)).astype(np.float32) / 255
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = 0.1 * np.sin(x / 17), 0.04 * np.cos(y / 13), 0.05 * np.sin(y / 9)
    light = np.stack([base + wave for base, wave in zip((0.3, 0.17, 0.16), waves, strict=True)], -1)
    screen = PAINT * (0.75 + 0.4 * x / width + 0.1 * np.sin(y / 40))[..., None]
    for column in range(30, width, 70):
        screen[20:32, column : column + 3] = screen[25:28, column - 5 : column + 8] = 0.03
    return alpha, light.astype(np.float32), screen.astype(np.float32)


def test_it_keys_better_than_a_keyer_that_was_told_the_truth(
    parts: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    alpha, light, screen = parts
    noise = np.random.default_rng(0).normal(0, 0.006, light.shape)
    plate = alpha[..., None] * light + (1 - alpha[..., None]) * screen + noise
    values = np.rint(np.clip(linear_to_srgb(np.float32(plate)), 0, 1) * 255).astype(np.float32) / 255
    seen = srgb_to_linear(values)
    best = rivals.best_key(seen, np.median(seen[alpha < 0.01], 0), 1, alpha)
    made = understudy.load("keying")(values)
    off, others = (np.abs(np.clip(each, 0, 1) - alpha) for each in (made[..., 3], best))
    edges = (alpha > 0.01) & (alpha < 0.99)
    assert off.mean() < others.mean() and off[edges].mean() < 0.75 * others[edges].mean()
    straight, spilt = (np.abs(each - linear_to_srgb(light)).mean(2) for each in (made[..., :3], values))
    assert straight[edges].mean() < 0.9 * spilt[edges].mean()


def test_scene_linear_values_above_1_stay(parts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    alpha, light, screen = parts
    bright = light.copy()
    core = alpha > 0.999
    bright[core] *= 12
    plate = np.float32(alpha[..., None] * bright + (1 - alpha[..., None]) * screen)
    made = understudy.load("keying", scene_linear=True)(plate)
    inner = cv2.erode(core.astype(np.uint8), np.ones((5, 5))) > 0
    assert inner.sum() > 500
    off = np.abs(made[inner][:, :3] / bright[inner] - 1)
    assert np.quantile(off, 0.95) < 0.1 and np.median(off) < 0.02
    assert np.abs(made[inner][:, 3] - 1).mean() < 0.02
    assert np.allclose(decode(encode(plate, LINEAR), LINEAR), plate, rtol=1e-3)


def test_without_a_screen_alpha_is_1() -> None:
    grey = np.random.default_rng(1).random((64, 80, 1)).astype(np.float32) * np.float32([1, 0.9, 0.7])
    made = understudy.load("keying")(grey)
    assert (made[..., 3] == 1).all() and np.allclose(made[..., :3], grey, atol=1e-6)
