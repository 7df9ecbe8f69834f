"""Thinning keeps the peaks; smoothing does not lag."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from understudy.monitor.runs.downsampling import downsample, four_digits, smooth


def test_a_single_peak_among_a_hundred_thousand_steps_stays():
    values = np.full(100_000, 0.5)
    values[61_803], values[27_182] = 9.0, 0.001
    kept = downsample(values, 300)
    assert len(kept) <= 300
    assert {61_803, 27_182, 0, 99_999} <= set(kept.tolist())


@given(
    hnp.arrays(np.float64, st.integers(0, 3000), elements=st.floats(-1e6, 1e6) | st.just(float("nan"))),
    st.integers(4, 500),
)
def test_thinned_curves_have_the_same_extremes_in_order_and_few_points(values, points):
    kept = downsample(values, points)
    assert len(kept) <= max(points, 4) + 2
    assert np.all(np.diff(kept) > 0)
    known = values[np.isfinite(values)]
    if len(known):
        shown = values[kept][np.isfinite(values[kept])]
        assert shown.min() == known.min() and shown.max() == known.max()


def test_no_smoothness_changes_nothing_and_full_smoothness_flattens_noise():
    values = 1 + np.random.default_rng(1).normal(0, 0.3, 5000)
    assert smooth(values, 0.0) is values
    assert smooth(values, 1.0).std() < values.std() / 10


def test_smoothing_does_not_lag_behind_a_straight_line():
    line = np.linspace(0, 1, 1001)
    smoothed = smooth(line, 0.8)
    assert np.allclose(smoothed[150:-150], line[150:-150], atol=1e-9)
    assert np.allclose(smoothed, line, atol=0.03)


def test_the_last_step_does_not_pull_the_smoothed_curve_after_it():
    values = np.ones(10_000)
    values[-1] = 100.0
    assert smooth(values, 0.7)[-1] < 3.0


def test_a_nan_leaves_no_hole_in_the_smoothed_curve():
    values = np.ones(500)
    values[100:110] = np.nan
    assert np.allclose(smooth(values, 0.7), 1.0)


def test_figures_are_sent_with_four_digits_and_nan_as_nothing():
    assert four_digits(np.array([0.123456, 12345.678, np.nan, np.inf])) == [0.1235, 12350.0, None, None]
