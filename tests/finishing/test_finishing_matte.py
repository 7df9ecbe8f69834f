"""The last touch on a matte: each thing does what a compositor expects of its name, in the expected order."""

from __future__ import annotations

import math

import numpy as np
import pytest

from understudy.finishing import despeckle, edge_only, finish_matte, grow, matte_reach
from understudy.settings import FinishingSettings

SIZE = 96


def half_plane(angle: float, softness: float, offset: float = 0.0) -> np.ndarray:
    """A matte that is white on one side of a line through the middle; its edge a ramp ``softness`` wide."""
    row, column = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    along = column * math.cos(angle) + row * math.sin(angle) + offset
    return np.clip(along / softness + 0.5, 0, 1).astype(np.float32)


def moved_by(before: np.ndarray, after: np.ndarray, angle: float) -> float:
    """How far the edge moved: what the middle rows, or columns, have gained, along the normal."""
    middle = slice(SIZE // 4, -SIZE // 4)
    steep = abs(math.cos(angle)) >= abs(math.sin(angle))
    gained = (after - before)[middle] if steep else (after - before)[:, middle]
    rows = gained.sum(axis=1 if steep else 0)
    return float(rows.mean()) * max(abs(math.cos(angle)), abs(math.sin(angle)))


def disc(radius: float, at: tuple[float, float], size: int = SIZE) -> np.ndarray:
    row, column = np.mgrid[:size, :size]
    return np.clip(radius + 0.5 - np.hypot(row - at[0], column - at[1]), 0, 1).astype(np.float32)


@pytest.mark.parametrize("softness", [1.0, 2.0, 6.0])
@pytest.mark.parametrize("angle", [0.0, 0.3, math.pi / 4, 1.1, math.pi / 2, 4.0])
@pytest.mark.parametrize("radius", [0.25, 0.5, -0.5, 1.0, 1.7, -3.5, 7.3])
def test_an_edge_moves_by_parts_of_a_pixel(radius: float, angle: float, softness: float) -> None:
    before = half_plane(angle, softness)
    assert moved_by(before, grow(before, radius), angle) == pytest.approx(radius, abs=0.05)


@pytest.mark.parametrize("radius", [0.5, -0.5, 2.3])
def test_an_edge_that_moves_is_as_soft_as_it_was(radius: float) -> None:
    before = half_plane(0.0, 8.0)
    after, wanted = grow(before, radius), half_plane(0.0, 8.0, radius)
    assert np.abs(after - wanted).max() < 0.04  # linear steps cut its corners


def test_growing_and_shrinking_are_each_others_mirror_and_leave_what_is_even() -> None:
    matte = disc(20, (40, 50))
    assert np.allclose(grow(matte, -1.3), 1 - grow(1 - matte, 1.3), atol=1e-6)
    assert grow(matte, 0.0) is matte
    for value in (0, 1):
        even = np.full((9, 11), value, np.float32)
        assert np.array_equal(grow(even, 2.5), even) and np.array_equal(grow(even, -2.5), even)


def test_a_hair_grows_on_both_sides_and_what_is_thinner_than_the_radius_goes_when_it_shrinks() -> None:
    hair = np.zeros((SIZE, SIZE), np.float32)
    hair[:, 40] = 0.4
    wide = grow(hair, 2.0)
    assert np.allclose(wide[50, 38:43], 0.4) and wide[50].sum() == pytest.approx(5 * 0.4, abs=1e-5)
    assert grow(hair, -0.5)[50].max() <= 0.21 and grow(hair, -1.0).max() < 1e-6


def test_a_dot_grows_to_a_round_disc_without_gaps() -> None:
    dot = np.zeros((SIZE, SIZE), np.float32)
    dot[48, 48] = 1
    grown = grow(dot, 10.0)
    row, column = np.mgrid[:SIZE, :SIZE] - 48
    assert grown[np.hypot(row, column) <= 10].min() == 1
    assert grown[np.hypot(row, column) >= 11.5].max() == 0


def test_islands_and_holes_below_the_size_go_and_larger_ones_stay_bit_for_bit() -> None:
    matte = disc(25, (50, 50))
    matte[10:14, 10:14] = 0.8  # 16 pixels
    matte[10:15, 80:85] = 0.3  # 25 pixels
    matte[48:50, 48:51] = 0.1  # a hole of 6
    matte[60:65, 48:53] = 0.2  # a hole of 25
    wanted = matte.copy()
    wanted[10:14, 10:14] = 0
    wanted[48:50, 48:51] = 1
    assert np.array_equal(despeckle(matte, 20), wanted)
    assert np.array_equal(despeckle(matte, 16)[10:14, 10:14], matte[10:14, 10:14])
    assert despeckle(matte, 0) is matte


def test_a_hair_that_hangs_on_the_subject_stays_and_a_loose_one_goes() -> None:
    matte = disc(20, (60, 40))
    for step in range(30):
        matte[40 - step, 40 + step // 2] = max(
            matte[40 - step, 40 + step // 2], 0.5 - step / 62
        )  # at corners
    connected = matte.copy()
    matte[5:20, 80] = 0.4  # 15 loose pixels
    assert np.array_equal(despeckle(matte, 100), connected)


def test_a_speck_goes_with_its_faint_rim_and_the_last_thousandths_join_nothing() -> None:
    matte = np.full((SIZE, SIZE), 0.003, np.float32)
    speck = np.exp(-(((np.mgrid[:SIZE, :SIZE] - 30) ** 2).sum(axis=0)) / 4).astype(np.float32)
    cleaned = despeckle(np.maximum(matte, speck), 60)
    assert cleaned.max() <= 0.003


def test_a_hole_with_a_speck_in_it_is_filled_whole() -> None:
    matte = disc(30, (48, 48))
    matte[44:50, 44:50] = 0
    matte[46, 46] = 1
    assert np.array_equal(despeckle(matte, 60), disc(30, (48, 48)))


def test_black_and_white_are_clipped_and_what_is_between_is_spread() -> None:
    matte = np.array([[0.05, 0.1, 0.3, 0.5, 0.9]], np.float32)
    found = finish_matte(matte, FinishingSettings(clip_black=0.1, clip_white=0.5))
    assert np.allclose(found, [[0, 0, 0.5, 1, 1]])


def test_softening_is_a_gaussian_that_keeps_the_amount_and_the_border_of_the_frame() -> None:
    dot = np.zeros((SIZE, SIZE), np.float32)
    dot[48, 48] = 1
    soft = finish_matte(dot, FinishingSettings(soften=2.5))
    square = (np.arange(SIZE) - 48) ** 2
    assert soft.sum() == pytest.approx(1, abs=1e-4)
    assert (soft.sum(axis=0) * square).sum() == pytest.approx(2.5**2, rel=0.02)
    white = np.ones((20, 30), np.float32)
    assert np.allclose(finish_matte(white, FinishingSettings(soften=9)), 1)


def test_gamma_brightens_greys_above_1_and_leaves_black_and_white() -> None:
    matte = np.array([[0, 0.25, 1]], np.float32)
    assert np.allclose(finish_matte(matte, FinishingSettings(gamma=2)), [[0, 0.5, 1]])


@pytest.mark.parametrize("width", [1.0, 2.5, 6.0])
def test_the_edge_alone_is_a_band_of_its_width_in_the_middle_of_the_edge(width: float) -> None:
    band = edge_only(half_plane(0.0, 1.0), width)[48]
    assert band.sum() == pytest.approx(width, abs=0.05)
    assert (band * np.arange(SIZE)).sum() / band.sum() == pytest.approx((SIZE - 1) / 2, abs=0.05)
    assert band[:40].max() == band[56:].max() == 0


def test_inverting_is_done_last_so_that_it_is_the_subject_that_grows() -> None:
    matte = disc(20, (48, 48))
    found = finish_matte(matte, FinishingSettings(grow=1.5, invert=True))
    assert np.allclose(found, 1 - grow(matte, 1.5))


def test_specks_are_taken_before_they_grow_and_after_the_black_is_clipped() -> None:
    matte = np.maximum(disc(20, (60, 60)), np.float32(0.05))
    matte[10:13, 10:13] = 0.6
    asked = {"clip_black": 0.1, "despeckle": 12}
    found = finish_matte(matte, FinishingSettings(**asked, grow=2))
    assert found[:30, :30].max() == 0
    assert finish_matte(matte, FinishingSettings(clip_black=0.1, grow=2))[:30, :30].max() > 0.5
    assert np.array_equal(despeckle(matte, 12), matte)  # everything hangs together through the grey


def test_nothing_is_done_by_default() -> None:
    matte = disc(20, (48, 48))
    assert finish_matte(matte, FinishingSettings()) is matte
    assert matte_reach(FinishingSettings()) == 0


@pytest.mark.parametrize(
    "asked",
    [
        {"clip_black": 0.2, "gamma": 0.5, "invert": True},
        {"grow": 2.3},
        {"grow": -1.5, "soften": 1.2},
        {"edge": 3.0},
        {"despeckle": 12},
        {"clip_black": 0.3, "despeckle": 9, "grow": 0.7, "soften": 0.8, "gamma": 1.4, "edge": 2.0},
    ],
    ids=str,
)
def test_a_part_with_the_reach_around_it_is_the_part_of_the_whole(asked: dict[str, float]) -> None:
    settings = FinishingSettings(**asked)
    noise = np.random.default_rng(3)
    matte = noise.random((160, 170), np.float32) ** 2 * (noise.random((160, 170)) < 0.3)
    matte = matte.astype(np.float32)
    whole, reach = finish_matte(matte, settings), matte_reach(settings)
    top, left = 70, 80
    part = matte[top - reach : top + 12 + reach, left - reach : left + 9 + reach]
    found = finish_matte(part, settings)[reach : reach + 12, reach : reach + 9]
    assert reach > 0 or not asked.keys() & {"grow", "soften", "edge", "despeckle"}
    assert np.abs(found - whole[top : top + 12, left : left + 9]).max() <= 2e-6
