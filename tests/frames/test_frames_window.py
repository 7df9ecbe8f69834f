"""Rectangles of pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from understudy.frames import Window, union_of

windows = st.builds(
    Window,
    st.integers(-20, 20),
    st.integers(-20, 20),
    st.integers(1, 15),
    st.integers(1, 15),
)


def mask(window: Window) -> np.ndarray:
    canvas = np.zeros((64, 64), dtype=bool)
    canvas[Window(-24, -24, 64, 64).slices_of(window)] = True
    return canvas


@given(windows, windows)
def test_the_intersection_has_exactly_the_pixels_of_both(one: Window, other: Window) -> None:
    assert (mask(one) & mask(other)).sum() == max(one.intersect(other).width, 0) * one.intersect(other).height


@given(windows, windows)
def test_the_union_contains_both_and_no_row_or_column_more(one: Window, other: Window) -> None:
    union = one.union(other)
    both = mask(one) | mask(other)
    assert union.contains(one) and union.contains(other)
    assert (union.height, union.width) == (span(both, 1), span(both, 0))


def span(pixels: np.ndarray, axis: int) -> int:
    found = np.flatnonzero(pixels.any(axis=axis))
    return int(found[-1] - found[0] + 1)


@given(windows)
def test_an_empty_window_adds_nothing_to_a_union(window: Window) -> None:
    assert union_of([Window(3, 3, 0, 0), window]) == window
    assert window.contains(Window(99, 99, 0, 0))
