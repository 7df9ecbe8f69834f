"""Holes in a frame are filled from what is nearest."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.frames import fill_nonfinite, keep_plate


def test_finite_pixels_are_returned_as_they_are() -> None:
    pixels = np.random.default_rng(0).normal(size=(6, 7, 3)).astype(np.float32)
    filled, mask = fill_nonfinite(pixels)
    assert filled is pixels
    assert mask.shape == pixels.shape and not mask.any()


def nearest_distance(good: np.ndarray, y: int, x: int) -> float:
    rows, columns = np.nonzero(good)
    return float(np.hypot(rows - y, columns - x).min())


@given(st.integers(0, 10_000), st.floats(0.05, 0.9), st.integers(1, 14), st.integers(1, 14))
def test_a_hole_takes_the_value_of_one_of_its_nearest_finite_pixels(
    seed: int, share: float, height: int, width: int
) -> None:
    rng = np.random.default_rng(seed)
    plane = np.arange(height * width, dtype=np.float32).reshape(height, width)  # each value names its place
    holes = rng.random((height, width)) < share
    if holes.all():
        return
    broken = np.where(holes, rng.choice([np.nan, np.inf, -np.inf], (height, width)), plane).astype(np.float32)
    filled, mask = fill_nonfinite(broken[..., None])
    assert np.array_equal(mask[..., 0], holes)
    assert np.array_equal(filled[..., 0][~holes], plane[~holes])
    for y, x in zip(*np.nonzero(holes), strict=True):
        row, column = divmod(int(filled[y, x, 0]), width)
        best = nearest_distance(~holes, y, x)
        assert not holes[row, column]
        assert best > 8 or np.hypot(row - y, column - x) == pytest.approx(best)


def test_channels_are_filled_apart() -> None:
    pixels = np.ones((4, 4, 2), np.float32)
    pixels[1, 1, 0] = np.nan
    pixels[2, 2, 1] = 5
    filled, mask = fill_nonfinite(pixels)
    assert filled[1, 1, 0] == 1 and filled[2, 2, 1] == 5 and mask.sum() == 1


def test_the_pixels_given_are_not_changed() -> None:
    pixels = np.full((3, 3, 1), np.nan, np.float32)
    pixels[0, 0] = 2
    filled, _ = fill_nonfinite(pixels)
    assert np.isnan(pixels[1, 1, 0]) and (filled == 2).all()


def test_a_frame_without_one_finite_value_becomes_zero() -> None:
    filled, mask = fill_nonfinite(np.full((5, 4, 3), np.inf, np.float32))
    assert not filled.any() and mask.all()


@pytest.mark.parametrize("axis", [0, 1])
def test_half_a_large_frame_is_filled_in_bounded_time(axis: int) -> None:
    pixels = np.full((1080, 1920, 1), 3.0, np.float32)
    hole = [slice(None), slice(None)]
    hole[axis] = slice(0, pixels.shape[axis] // 2)
    pixels[tuple(hole)] = np.nan
    start = time.process_time()
    filled, _ = fill_nonfinite(pixels)
    assert time.process_time() - start < 5
    assert (filled == 3).all()


def test_one_finite_pixel_fills_a_large_frame() -> None:
    pixels = np.full((300, 400, 1), np.nan, np.float32)
    pixels[123, 45] = 7
    assert (fill_nonfinite(pixels)[0] == 7).all()


def test_a_wide_hole_is_filled_from_its_own_edges() -> None:
    pixels = np.tile(np.linspace(0, 1, 60, dtype=np.float32), (60, 1))[..., None].copy()
    pixels[15:45, 15:45] = np.nan
    filled, _ = fill_nonfinite(pixels)
    assert np.isfinite(filled).all()
    assert np.abs(filled - np.linspace(0, 1, 60, dtype=np.float32)[None, :, None]).max() < 0.3


def test_keeping_the_plate_returns_the_values_themselves_when_nothing_is_to_be_kept() -> None:
    values = np.ones((3, 3), np.float32)
    assert keep_plate(values, np.zeros((3, 3), np.float16)) is values


def test_the_plate_is_kept_where_either_is_not_finite() -> None:
    plate = np.float32([1, np.nan, np.inf, 4])
    values = np.float32([np.nan, 2, 3, 8])
    assert np.array_equal(keep_plate(values, plate), np.float32([1, np.nan, np.inf, 8]), equal_nan=True)


@pytest.mark.parametrize("value", [3e38, -3e38, 1e30])
def test_what_no_picture_holds_is_filled_like_infinity(value: float) -> None:
    pixels = np.full((5, 6, 2), 0.25, np.float32)
    pixels[2, 3, 1] = value
    filled, bad = fill_nonfinite(pixels)
    assert np.array_equal(filled, np.full_like(pixels, 0.25))
    assert np.argwhere(bad).tolist() == [[2, 3, 1]]
    assert not fill_nonfinite(np.full((2, 2, 1), 1e29, np.float32))[1].any()
