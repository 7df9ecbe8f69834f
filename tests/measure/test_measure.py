"""What the scores promise: known answers, honest ends, and nothing hidden by broken pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from understudy.measure import (
    PERFECT_PSNR,
    fit_colour,
    flicker,
    iou,
    mean_absolute_error,
    mean_along_motion,
    nearest_number,
    psnr,
    steadiness,
)

SCORES = (psnr, iou, mean_absolute_error)


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def test_an_error_of_a_tenth_everywhere_is_twenty_decibels() -> None:
    assert psnr(np.full((4, 5, 3), 0.6), np.full((4, 5, 3), 0.5)) == pytest.approx(20.0)


def test_equal_images_get_the_best_finite_score() -> None:
    image = noise(0, 4, 5, 3)
    assert psnr(image, image) == PERFECT_PSNR
    assert mean_absolute_error(image, image) == 0
    assert iou(image, image) == 1


def test_what_a_screen_cannot_show_does_not_count_unless_asked() -> None:
    over, white = np.full((2, 2), 3.0), np.ones((2, 2))
    assert psnr(over, white) == PERFECT_PSNR
    assert psnr(over, white, clip=False) == pytest.approx(-10 * math.log10(4))


def test_psnr_is_relative_to_the_value_of_white() -> None:
    a, b = noise(1, 6, 6), noise(2, 6, 6)
    assert psnr(a * 255, b * 255, peak=255) == pytest.approx(psnr(a, b), abs=1e-5)


def test_iou_counts_shared_pixels_over_all_pixels_of_either() -> None:
    ours, theirs = np.zeros((1, 4)), np.zeros((1, 4))
    ours[0, :2], theirs[0, 1:3] = 1, 1
    assert iou(ours, theirs) == pytest.approx(1 / 3)


def test_two_empty_mattes_agree_and_an_empty_one_misses_a_full_one() -> None:
    assert iou(np.zeros((3, 3)), np.zeros((3, 3))) == 1
    assert iou(np.zeros((3, 3)), np.ones((3, 3))) == 0


@pytest.mark.parametrize("score", SCORES)
def test_pixels_without_a_finite_truth_are_left_out(score) -> None:
    result, truth = noise(3, 8, 8), noise(4, 8, 8)
    clean = score(result[1:], truth[1:])
    truth[0, :4], truth[0, 4:] = np.nan, np.inf
    assert score(result, truth) == pytest.approx(clean)


@pytest.mark.parametrize("score", SCORES)
def test_a_broken_result_has_no_score(score) -> None:
    result = noise(5, 8, 8)
    result[2, 2] = np.nan
    assert math.isnan(score(result, noise(6, 8, 8)))


@pytest.mark.parametrize("score", SCORES)
def test_images_of_different_shape_are_not_compared_by_broadcasting(score) -> None:
    with pytest.raises(ValueError, match="shape"):
        score(np.zeros((4, 4, 1)), np.zeros((4, 4, 3)))


def test_a_steady_error_does_not_flicker() -> None:
    truths = [noise(i, 4, 4, 3) for i in range(5)]
    assert flicker([t + 0.2 for t in truths], truths) == pytest.approx(0, abs=1e-4)


def test_an_error_that_jumps_by_one_code_value_flickers_by_one() -> None:
    truths = [noise(i, 4, 4, 3) for i in range(6)]
    results = [t + (i % 2) / 255 for i, t in enumerate(truths)]
    assert flicker(results, truths) == pytest.approx(1.0, abs=1e-3)


def test_frames_on_either_side_of_a_gap_are_not_compared() -> None:
    truths = [np.zeros((2, 2))] * 4
    results = [np.full((2, 2), v) for v in (0.0, 0.0, 0.5, 0.5)]
    assert flicker(results, truths, [1, 2, 10, 11]) == 0
    assert flicker(results, truths, [1, 2, 3, 4]) > 0


def test_flicker_of_a_single_frame_is_not_a_number_rather_than_zero() -> None:
    assert math.isnan(flicker([np.zeros((2, 2))], [np.zeros((2, 2))]))


def test_flicker_takes_one_frame_at_a_time() -> None:
    held: list[int] = []

    def frames(step: float):
        for index in range(50):
            held.append(index)
            yield np.full((2, 2), step * index)

    assert flicker(frames(0.0), frames(0.1)) == pytest.approx(25.5, rel=1e-4)


def test_the_colour_fit_finds_any_change_of_colour_of_the_third_degree() -> None:
    def change(x: np.ndarray) -> np.ndarray:
        r, g, b = np.moveaxis(x, -1, 0)
        return np.stack([0.1 + r * g, b**3 - 0.2 * r, g - r * g * b], -1)

    plates = [noise(i, 9, 7, 3) for i in range(3)]
    fit = fit_colour((p, change(p)) for p in plates)
    unseen = noise(99, 5, 5, 3)
    assert np.abs(fit(unseen) - change(unseen)).max() < 1e-4


def test_the_colour_fit_of_a_grey_plate_is_determined() -> None:
    grey = np.repeat(noise(7, 8, 8, 1), 3, axis=-1)
    assert np.abs(fit_colour([(grey, grey * 0.5)])(grey) - grey * 0.5).max() < 1e-3


def test_the_colour_fit_leaves_out_what_is_not_finite() -> None:
    plate = noise(8, 8, 8, 3)
    truth = plate * 0.5
    plate[0, 0, 1], truth[1, 1, 2] = np.nan, np.inf
    assert np.isfinite(fit_colour([(plate, truth)]).weights).all()


def test_a_colour_fit_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no pixels"):
        fit_colour([])


def test_the_nearest_of_two_equally_near_frames_is_the_earlier() -> None:
    assert nearest_number(5, [8, 7, 3]) == 3
    assert nearest_number(9, [8, 7, 3]) == 8


def pan(frames: int = 4, step: int = 3) -> list[np.ndarray]:
    """A camera that goes over a soft pattern, ``step`` pixels a frame: (96, 160, 3)."""
    y, x = np.mgrid[0:96, 0 : 160 + frames * step].astype(np.float32)
    plane = 0.5 + 0.2 * np.sin(x / 5 + np.sin(y / 9)) + 0.2 * np.sin(y / 4 + np.cos(x / 7))
    return [np.repeat(plane[:, i * step : i * step + 160, None], 3, axis=2) for i in range(frames)]


def test_what_moves_with_the_camera_stands_still_along_the_motion() -> None:
    frames = pan()
    assert mean_along_motion(steadiness(frames, {"result": frames}))["result"] < 0.6
    assert np.abs(frames[1] - frames[0]).mean() * 255 > 10  # without the motion


def test_what_boils_counts_by_as_much_as_it_changes() -> None:
    frames = pan()
    boiling = [frame + (i % 2) * 5 / 255 for i, frame in enumerate(frames)]
    found = mean_along_motion(steadiness(frames, {"result": boiling, "truth": frames}))
    assert found["result"] == pytest.approx(5.0, abs=0.3)
    assert found["truth"] < 0.6


def test_steadiness_says_nothing_across_a_cut_or_a_gap() -> None:
    frames = [*pan(3), *(noise(seed, 96, 160, 3) for seed in (7, 7))]
    told = [step.number for step in steadiness(frames, {"result": frames}, [1, 2, 3, 4, 5])]
    assert told == [2, 3, 5]
    assert [step.number for step in steadiness(pan(), {}, [1, 2, 9, 10])] == [2, 10]


def test_a_shot_of_one_frame_has_no_steadiness() -> None:
    assert mean_along_motion(steadiness(pan(1), {"result": pan(1)})) == {}
