"""Which frames have a coarse view, which effects want one, and what the stages of a run are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from understudy.network.model_file import read_header
from understudy.training.plan import COARSE_SHARE, FINE_RATE, RATE, Plan, choose_coarse

LARGE = (720, 96)
NUMBERS = range(1001, 1004)


def grain(pixels: np.ndarray) -> np.ndarray:
    """What lives at the pixel."""
    return np.clip(pixels + np.random.default_rng(5).normal(0, 0.1, pixels.shape), 0, 1).astype(np.float32)


def paint(pixels: np.ndarray) -> np.ndarray:
    """What lives on a thing: a patch of another colour in one place."""
    painted = pixels.copy()
    painted[30:70, 300:380] = (0.9, 0.2, 0.1)
    return painted


@pytest.mark.parametrize(
    ("sizes", "coarse"),
    [
        ([(242, 432)] * 5, 1),
        ([(480, 640)], 1),
        ([(480, 854)], 2),
        ([(1080, 1920)] * 3, 4),
        ([(1440, 1080)], 4),
        ([(2160, 4096)], 8),
        ([(242, 432), (1080, 1920), (1080, 1920)], 4),
    ],
)
def test_a_large_frame_has_a_coarse_view(sizes: list[tuple[int, int]], coarse: int) -> None:
    assert choose_coarse(sizes) == coarse


@pytest.mark.parametrize(("effect", "coarse"), [(grain, 1), (paint, 2), ("matte", 2)])
def test_an_effect_that_lives_at_the_pixel_has_none(make_bench: Any, effect: Any, coarse: int) -> None:
    bench = make_bench(effect=effect, size=LARGE, numbers=NUMBERS)
    result = bench.train(max_steps=1)
    assert read_header(result.best).architecture["coarse"] == coarse
    assert ("sees the whole frame as well" in bench.said()) == (coarse > 1)


@pytest.mark.parametrize("effect", [grain, paint])
def test_the_artist_has_the_last_word_on_the_coarse_view(make_bench: Any, effect: Any) -> None:
    bench = make_bench(effect=effect, size=LARGE, numbers=NUMBERS)
    asked = {wish: bench.train(name=f"c{wish}", max_steps=1, coarse_view=wish).best for wish in (1, 4)}
    assert [read_header(best).architecture["coarse"] for best in asked.values()] == [1, 4]


def test_initial_weights_go_on_with_what_has_seen_the_whole_frame(make_bench: Any) -> None:
    """From one view to two, and back."""
    bench = make_bench(effect="matte")
    one = bench.train(name="one", max_steps=2).best
    two = bench.train(name="two", max_steps=2, coarse_view=2, initial_weights=str(one)).best
    assert bench.train(name="back", max_steps=1, coarse_view=1, initial_weights=str(two)).step == 1
    assert bench.train(name="on", max_steps=1, initial_weights=str(two)).step == 1
    assert read_header(bench.data / "on" / "on_best.cat").architecture["coarse"] == 2


def test_each_view_has_a_schedule_of_its_own() -> None:
    plan = Plan(
        batch_size=1, crop=(64, 64), size="small", precision="float32", threads=1, device="cpu", seed=0
    )
    plan.coarse, plan.totals = 2, [(0, 1000)]
    last = round(COARSE_SHARE * 1000)
    assert plan.is_coarse(last)
    assert not plan.is_coarse(last + 1)
    assert plan.rate_at(last) < 0.01 * RATE, "what is where is settled before details are drawn"
    most = max(plan.rate_at(step) for step in range(last + 1, 1001))
    assert most == pytest.approx(FINE_RATE * RATE, rel=0.1)
    assert plan.rate_at(1000) < 0.01 * RATE
