"""Pairs that do not lie on each other, or do not belong to each other, are noticed; good ones are not."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.monitor.pairs.alignment import mismatched_pairs, shift_between


def frame(seed: int, shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    """Something with structure at several sizes, float32 (H, W, 3)."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    rng = np.random.default_rng(seed)
    waves = sum(
        a * np.sin(u * x + v * y + p)
        for a, u, v, p in rng.uniform((0.1, -0.5, -0.5, 0), (0.3, 0.5, 0.5, 6), (12, 4))
    )
    pixels = np.repeat(0.5 + 0.15 * waves[..., None], 3, 2)
    for _ in range(12):
        top, left = rng.integers(0, shape[0] - 20), rng.integers(0, shape[1] - 20)
        pixels[top : top + 16, left : left + 12] = rng.random(3)
    return pixels.astype(np.float32)


@pytest.mark.parametrize(("right", "down"), [(5, 0), (0, -3), (7, 4), (-2, 9)])
def test_a_shifted_ground_truth_is_noticed_with_its_shift(right, down):
    plate = frame(1)
    truth = np.roll(plate, (down, right), (0, 1)) * np.float32([1.2, 1.0, 0.8])
    assert shift_between(plate, truth) == (right, down)


def test_a_grade_and_a_painted_spot_are_no_shift():
    plate = frame(2)
    truth = plate * np.float32([1.3, 1.0, 0.7]) + 0.05
    truth[40:70, 60:90] = 0.4
    assert shift_between(plate, truth) in (None, (0, 0))


def test_a_matte_of_another_content_claims_nothing():
    matte = np.zeros((120, 160, 3), np.float32)
    matte[30:80, 50:100] = 1.0
    assert shift_between(frame(3), matte) in (None, (0, 0))


def test_shifts_in_large_frames_are_found_to_the_block():
    plate = frame(4, (1200, 1600))
    right, down = shift_between(plate, np.roll(plate, (40, -24), (0, 1)))
    assert abs(right + 24) <= 4 and abs(down - 40) <= 4


def test_ground_truths_in_the_wrong_order_are_noticed():
    plates = [frame(seed) for seed in range(5)]
    truths = [plate * 0.8 for plate in plates]
    assert mismatched_pairs(plates, truths) == []
    swapped = [truths[1], truths[0], *truths[2:]]
    assert mismatched_pairs(plates, swapped) == [(0, 1), (1, 0)]
    assert mismatched_pairs(plates, [*truths[1:], truths[0]]) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)]


def test_pairs_that_are_not_comparable_claim_nothing():
    assert mismatched_pairs([frame(1)], [frame(1)]) == []
    assert mismatched_pairs([frame(1), frame(2)], [frame(1), frame(2, (60, 80))]) == []
    assert shift_between(frame(1), frame(1, (60, 80))) is None
    assert shift_between(np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 3), np.float32)) is None


def test_frames_that_are_not_numbers_do_not_raise():
    plate = frame(1)
    plate[10:20] = np.nan
    shift_between(plate, np.full_like(plate, np.inf))
    mismatched_pairs([plate, plate], [plate, np.full_like(plate, np.inf)])
