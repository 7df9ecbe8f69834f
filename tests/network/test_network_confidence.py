"""The table of confidence: true where it was measured, never more sure with more doubt."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from understudy.network.confidence import ConfidenceTable, fit_table


def pixels(count: int = 200_000) -> tuple[np.ndarray, np.ndarray]:
    """Doubts from 0 to 10, and whether they are right: with a likelihood of 1 - doubt / 10."""
    draw = np.random.default_rng(3)
    doubt = draw.uniform(0, 10, count) ** 2 / 10
    return doubt.astype(np.float32), draw.uniform(0, 1, count) > doubt / 10


def test_what_is_said_is_true_of_other_pixels_with_the_same_errors() -> None:
    table = fit_table(*pixels())
    assert table is not None and len(table.doubt) <= 16
    doubt = np.linspace(0.05, 9, 50)
    np.testing.assert_allclose(table.confidence(doubt), 1 - doubt / 10, atol=0.04)


def test_more_doubt_is_never_more_confidence() -> None:
    doubt, _ = pixels(4000)
    noise = np.random.default_rng(5).uniform(0, 1, 4000) > 0.5  # what is right has nothing to do with doubt
    table = fit_table(doubt, noise)
    assert table is not None
    assert (np.diff(table.right) <= 0).all() and (np.diff(table.doubt) > 0).all()
    np.testing.assert_allclose(table.right, 0.5, atol=0.1)
    said = table.confidence(np.linspace(0, 100, 500))
    assert (np.diff(said) <= 0).all()


def test_errors_that_grow_with_confidence_become_an_even_table() -> None:
    doubt, right = pixels()
    table = fit_table(doubt, ~right)
    assert table is not None
    np.testing.assert_allclose(table.right, (~right).mean(), atol=0.01)


def test_pixels_of_one_doubt_are_one_row_and_too_few_are_none() -> None:
    doubt, right = np.zeros(1000, np.float32), np.arange(1000) % 4 > 0
    table = fit_table(doubt, right)
    assert table is not None and table.doubt == (0.0,)
    assert table.right[0] == pytest.approx(0.75, abs=0.01)
    assert fit_table(doubt[:10], right[:10]) is None
    assert fit_table(doubt[:0], right[:0]) is None


@pytest.mark.parametrize(
    ("doubt", "right"),
    [
        ((0.0, 1.0), (0.5, 0.9)),
        ((1.0, 1.0), (0.9, 0.5)),
        ((0.0, 1.0), (0.9,)),
        ((0.0,), (1.5,)),
        ((float("nan"),), (0.5,)),
        ((0.0, float("inf")), (0.9, 0.5)),
        ((), ()),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(doubt: tuple[float, ...], right: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        ConfidenceTable(doubt=doubt, right=right)
