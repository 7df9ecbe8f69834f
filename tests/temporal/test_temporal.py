"""Motion from frame to frame: found, checked, carried along, and not looked for across a cut."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from understudy.temporal import Flow, exposure_change, flow_between, grey, is_cut, warp


def texture(height: int = 180, width: int = 320, seed: int = 0) -> np.ndarray:
    """Something with detail in several sizes, float32 0.1 to 0.9."""
    noise = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    plane = sum(cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (1.5, 4, 10))
    low, high = plane.min(), plane.max()
    return np.asarray(0.1 + 0.8 * (plane - low) / (high - low), np.float32)


def moved(plane: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """``plane`` with (x, y) taken to matrix @ (x, y, 1)."""
    size = plane.shape[1], plane.shape[0]
    return cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def shift(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x], [0, 1, y]], np.float32)


def test_a_shift_is_found_to_a_fifth_of_a_pixel_and_most_of_the_frame_is_sure() -> None:
    a = texture()
    flow = flow_between(a, moved(a, shift(5.0, -3.5)))
    inside = np.s_[10:-10, 10:-10]
    assert flow.sure[inside].mean() > 0.97
    missed = np.abs(flow.vectors[inside] - np.float32([5.0, -3.5]))[flow.sure[inside]]
    assert missed.mean() < 0.2


def test_a_rotation_is_found_and_taken_back() -> None:
    a = texture()
    b = moved(a, cv2.getRotationMatrix2D((160, 90), 4, 1.0).astype(np.float32))
    flow = flow_between(a, b)
    back = warp(b, flow)
    assert flow.sure.mean() > 0.85
    assert np.abs(back - a)[flow.sure].mean() < 0.3 * np.abs(b - a)[flow.sure].mean()


def test_what_a_moving_square_covers_is_not_sure() -> None:
    ground, square = texture(), texture(60, 60, seed=1)
    a, b = ground.copy(), ground.copy()
    a[60:120, 100:160] = square
    b[60:120, 114:174] = square  # 14 pixels to the right
    flow = flow_between(a, b)
    covered = flow.sure[65:115, 161:173]  # of the first frame: the ground that the square goes over
    assert covered.mean() < 0.4
    assert flow.sure[65:115, 105:155].mean() > 0.9
    assert flow.sure[:, 220:310].mean() > 0.97


def test_what_leaves_the_frame_is_not_sure() -> None:
    a = texture()
    flow = flow_between(a, moved(a, shift(-20.0, 0.0)))
    assert not flow.sure[:, :15].any()


def test_a_large_frame_is_searched_smaller_and_its_vectors_are_its_own_pixels() -> None:
    a = texture(540, 960)
    b = moved(a, shift(8.0, 4.0))
    flow = flow_between(a, b, longest=320)
    assert flow.vectors.shape == (540, 960, 2) and flow.sure.shape == (540, 960)
    inside = np.s_[40:-40, 40:-40]
    assert np.abs(flow.vectors[inside] - np.float32([8.0, 4.0]))[flow.sure[inside]].mean() < 0.8
    assert flow.sure[inside].mean() > 0.9


def test_a_change_of_exposure_is_no_motion() -> None:
    a = texture()
    flow = flow_between(a, a * 0.5)
    assert np.abs(flow.vectors).mean() < 0.1
    assert flow.sure.mean() > 0.97


def test_values_above_one_and_below_zero_are_carried_along_unchanged() -> None:
    planes = np.dstack(
        [texture() * 30.0, -texture(seed=2), texture(seed=3), texture(seed=4), texture(seed=5)]
    )
    flow = Flow(np.full((180, 320, 2), 3.0, np.float32), np.ones((180, 320), bool))
    carried = warp(planes, flow)
    assert carried.dtype == np.float32 and carried.shape == planes.shape
    assert np.array_equal(carried[:-3, :-3], planes[3:, 3:])


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (16, 3)])
def test_tiny_frames_have_a_flow_too(shape: tuple[int, int]) -> None:
    plane = texture(*shape) if min(shape) > 1 else np.ones(shape, np.float32)
    flow = flow_between(plane, plane)
    assert flow.vectors.shape == (*shape, 2) and np.isfinite(flow.vectors).all()


def test_planes_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        flow_between(texture(), texture(90, 160))
    with pytest.raises(ValueError, match="along the flow"):
        warp(texture(90, 160), flow_between(texture(), texture()))


def test_another_picture_is_a_cut_and_fast_motion_or_a_flash_is_none() -> None:
    a = texture()
    assert is_cut(a, texture(seed=9))
    assert is_cut(a, texture(90, 160))
    assert is_cut(a, np.zeros_like(a))
    assert not is_cut(a, moved(a, shift(24.0, 6.0)))
    assert not is_cut(a, np.clip(a * 1.8, 0, 1))
    assert not is_cut(np.zeros_like(a), np.zeros_like(a))


def test_a_jump_of_exposure_is_told_in_stops() -> None:
    a = texture() * 0.5
    brighter = a * 2 ** (1 / 2.2)
    assert exposure_change(a, brighter) == pytest.approx(1.0, abs=0.05)
    assert exposure_change(a, moved(a, shift(9.0, 0.0))) == pytest.approx(0.0, abs=0.1)
    assert exposure_change(a, np.zeros_like(a)) == 0.0


def test_grey_is_the_luma_within_the_display_and_what_is_no_number_is_black() -> None:
    pixels = np.array(
        [[[1.0, 1.0, 1.0, 0.0], [5.0, 5.0, 5.0, 1.0], [np.nan, 0.5, 0.5, 1.0], [0.0, 1.0, 0.0, 1.0]]]
    )
    assert grey(pixels.astype(np.float32)) == pytest.approx(np.array([[1.0, 1.0, 0.0, 0.7152]]))
    assert grey(np.full((2, 2, 1), 0.25, np.float32)) == pytest.approx(np.full((2, 2), 0.25))
