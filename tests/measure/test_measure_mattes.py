"""Measures of mattes and images, against values worked out by hand or by another way of computing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from understudy.measure import PrecisionRecall, gradient_error, max_f, s_measure, sad, ssim


def of(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_sad_is_the_sum_of_differences_in_thousands() -> None:
    truth = np.zeros((50, 40), np.float32)
    result = np.full((50, 40), 0.25, np.float32)
    assert sad(result, truth) == pytest.approx(0.5)
    truth[:25] = np.nan
    assert sad(result, truth) == pytest.approx(0.25)
    assert math.isnan(sad(result, np.full_like(truth, np.nan)))


def test_f_is_that_of_the_best_threshold() -> None:
    # Above 0.9: 1 hit of 2, no false alarm. Above 0.6: 2 hits, 1 false alarm. Above 0.3: 2 and 2.
    truth = of([1, 1, 0, 0])
    result = of([0.9, 0.6, 0.6, 0.3])
    precision, recall = 1.0, 0.5
    first = 1.3 * precision * recall / (0.3 * precision + recall)
    precision, recall = 2 / 3, 1.0
    second = 1.3 * precision * recall / (0.3 * precision + recall)
    assert first == pytest.approx(0.8125) and second == pytest.approx(0.72222, abs=1e-5)
    assert max_f(result, truth) == pytest.approx(0.8125)
    assert max_f(truth, truth) == pytest.approx(1.0)


def test_precision_and_recall_are_means_over_mattes_before_f_is_taken() -> None:
    both = PrecisionRecall()
    both.add(of([1, 1, 0, 0]), of([1, 0, 0, 0]))  # precision 1/2, recall 1
    both.add(of([1, 0, 0, 0]), of([1, 1, 0, 0]))  # precision 1, recall 1/2
    assert both.f_measure()[128] == pytest.approx(1.3 * 0.75 * 0.75 / (0.3 * 0.75 + 0.75))
    both.add(of([0.5, 0, 0, 0]), of([0, 0, 0, 0]))
    assert both.count == 2, "an empty truth has no recall"
    assert math.isnan(PrecisionRecall().max_f())


def test_the_s_measure_of_a_matte_by_its_formula() -> None:
    truth = of([1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0])
    result = np.where(truth > 0, 0.8, 0.1).astype(np.float32)
    objects = 0.25 * (2 * 0.8 / (0.64 + 1)) + 0.75 * (2 * 0.9 / (0.81 + 1))
    # The middle of the object is row and column 0.5, rounded to 0: parts of 1, 3, 3 and 9 pixels. The first
    # and the others have each a flat truth or a result that varies with it.
    x, y = (0.8 + 0.1 * 2) / 3, 1 / 3
    both = (0.8 - x) * (1 - y) + 2 * (0.1 - x) * (0 - y)
    spread = (0.8 - x) ** 2 + 2 * (0.1 - x) ** 2 + (1 - y) ** 2 + 2 * y**2
    beside = 4 * x * y * both / ((x * x + y * y) * spread)
    x, y = (0.8 + 0.1 * 8) / 9, 1 / 9
    both = (0.8 - x) * (1 - y) + 8 * (0.1 - x) * (0 - y)
    spread = (0.8 - x) ** 2 + 8 * (0.1 - x) ** 2 + (1 - y) ** 2 + 8 * y**2
    below = 4 * x * y * both / ((x * x + y * y) * spread)
    regions = (1 * 1 + 3 * beside + 3 * beside + 9 * below) / 16
    assert s_measure(result, truth) == pytest.approx(0.5 * objects + 0.5 * regions, abs=1e-6)


def test_the_s_measure_of_equal_empty_full_and_opposite_mattes() -> None:
    truth = np.zeros((20, 30), np.float32)
    truth[5:15, 8:22] = 1
    assert s_measure(truth, truth) == pytest.approx(1.0, abs=1e-9)
    assert s_measure(1 - truth, truth) == pytest.approx(0.0, abs=1e-9)
    some = np.full((20, 30), 0.2, np.float32)
    assert s_measure(some, np.zeros_like(truth)) == pytest.approx(0.8)
    assert s_measure(some, np.ones_like(truth)) == pytest.approx(0.2)
    assert math.isnan(s_measure(np.full_like(truth, np.nan), truth))


def slow_gradient(matte: np.ndarray, row: int, column: int) -> float:
    """The gradient at one pixel, summed term by term."""
    sigma, half = 1.4, 4
    bell = lambda x: math.exp(-x * x / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))  # noqa: E731
    weights = {
        (y, x): bell(y) * -x * bell(x) / sigma**2
        for y in range(-half, half + 1)
        for x in range(-half, half + 1)
    }
    size = math.sqrt(sum(value**2 for value in weights.values()))
    across = sum(value * matte[row + y, column + x] for (y, x), value in weights.items()) / size
    down = sum(value * matte[row + x, column + y] for (y, x), value in weights.items()) / size
    return math.hypot(across, down)


def test_the_gradient_error_is_that_of_the_sums_term_by_term() -> None:
    generator = np.random.default_rng(1)
    truth = np.zeros((21, 21), np.float32)
    truth[:, 10:] = 1
    result = np.clip(truth + generator.normal(0, 0.1, truth.shape), 0, 1).astype(np.float32)
    padded = [np.pad(each.astype(np.float64), 4, mode="edge") for each in (result, truth)]
    total = sum(
        (slow_gradient(padded[0], row, column) - slow_gradient(padded[1], row, column)) ** 2
        for row in range(4, 25)
        for column in range(4, 25)
    )
    assert gradient_error(result, truth) == pytest.approx(total / 1000, rel=1e-6)
    assert gradient_error(truth, truth) == 0


def test_a_blurred_edge_is_a_gradient_error_and_what_is_not_known_is_none() -> None:
    truth = np.zeros((40, 40), np.float32)
    truth[:, 20:] = 1
    soft = np.clip((np.arange(40)[None, :] - 14.5) / 10, 0, 1).repeat(40, 0).astype(np.float32)
    assert gradient_error(soft, truth) > 1e-2
    hidden = truth.copy()
    hidden[:, 8:34] = np.nan
    assert gradient_error(soft, hidden) == pytest.approx(0, abs=1e-9)


def test_the_similarity_of_flat_images_is_that_of_their_means() -> None:
    a, b = np.full((20, 20, 3), 0.4, np.float32), np.full((20, 20, 3), 0.6, np.float32)
    assert ssim(a, b) == pytest.approx((2 * 0.4 * 0.6 + 1e-4) / (0.16 + 0.36 + 1e-4), abs=1e-6)
    assert ssim(a, a) == pytest.approx(1.0)


def test_the_similarity_of_one_window_is_that_of_its_formula() -> None:
    generator = np.random.default_rng(2)
    a, b = generator.random((11, 11)), generator.random((11, 11))
    places = np.arange(-5, 6)
    bell = np.exp(-(places**2) / (2 * 1.5**2))
    window = np.outer(bell, bell) / np.outer(bell, bell).sum()
    x, y = (window * a).sum(), (window * b).sum()
    var_a, var_b = (window * a * a).sum() - x * x, (window * b * b).sum() - y * y
    both = (window * a * b).sum() - x * y
    expected = (2 * x * y + 1e-4) * (2 * both + 9e-4) / ((x * x + y * y + 1e-4) * (var_a + var_b + 9e-4))
    assert ssim(a, b) == pytest.approx(expected, abs=1e-9)


def test_the_similarity_leaves_out_what_is_not_known_and_refuses_other_shapes() -> None:
    generator = np.random.default_rng(3)
    a = generator.random((40, 40)).astype(np.float32)
    b = a.copy()
    b[:, 30:] = np.nan
    assert ssim(a, b) == pytest.approx(1.0)
    assert math.isnan(ssim(a, np.full_like(a, np.nan)))
    with pytest.raises(ValueError, match="shape"):
        ssim(a, a[:10])
