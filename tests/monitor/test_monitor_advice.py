"""The advice follows the figures, in the words of the trade."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.monitor.pairs.report import frames_to_paint
from understudy.monitor.runs.advice import Figures, advise
from understudy.monitor.runs.curves import Curve
from understudy.monitor.runs.rows import HeldOut, RunRow

STEPS = 2000


def figures(losses, held_out=(), metric="dB", **more):
    losses = np.asarray(losses, float)
    held = np.asarray(held_out, float)
    at = np.linspace(1, len(losses), len(held)).astype(int) if len(held) else np.zeros(0, int)
    curve = Curve(np.arange(1, len(losses) + 1), losses, at, held)
    best = HeldOut(step=1, metric=metric, value=1.0) if len(held) else None
    row = RunRow(name="one", state=more.pop("state", "finished"), busy=more.pop("busy", False), held_out=best)
    row.previews, row.reason = more.pop("previews", 0), more.pop("reason", "")
    return Figures(row, curve, **more)


def titles(found):
    return [piece.title for piece in found]


def noisy(curve):
    return curve * np.random.default_rng(3).lognormal(0, 0.2, len(curve))


FALLING = noisy(np.exp(-np.linspace(0, 4, STEPS)))
FLAT = noisy(np.concatenate([np.exp(-np.linspace(0, 3, STEPS // 4)), np.full(3 * STEPS // 4, np.exp(-3))]))


def test_still_falling_means_more_epochs():
    (advice,) = advise(figures(FALLING))
    assert advice.title == "Still falling" and "more Epochs" in advice.text


def test_still_falling_while_it_trains_means_patience():
    (advice,) = advise(figures(FALLING, busy=True, state="training"))
    assert advice.kind == "wait" and "Let it go on" in advice.text


def test_flat_means_done_or_a_larger_model_or_crop():
    (advice,) = advise(figures(FLAT, model_size="small", crop_size=128))
    assert "Model Size medium" in advice.text and "Crop Size 256" in advice.text and "apply it" in advice.text


def test_flat_with_the_largest_of_everything_sends_to_the_pairs():
    (advice,) = advise(figures(FLAT, model_size="large", crop_size=512))
    assert "look at the pairs" in advice.text


def test_training_good_and_held_out_bad_names_the_frames_to_paint():
    peak = np.concatenate([np.linspace(25, 33, 5), np.linspace(33, 29, 8)])
    found = advise(figures(FALLING, held_out=peak, to_paint=(1024, 1077)))
    assert found[0].title == "Paint more frames" and "1024, 1077" in found[0].text


@pytest.mark.parametrize(
    ("metric", "values"), [("dB", np.linspace(25, 35, 10)), ("", np.linspace(0.5, 0.1, 10))]
)
def test_a_held_out_pair_that_does_ever_better_is_no_reason_to_paint(metric, values):
    assert "Paint more frames" not in titles(advise(figures(FALLING, held_out=values, metric=metric)))


def test_pairs_that_look_wrong_come_first():
    found = advise(
        figures(FALLING, warnings=("Frame 1003: the ground truth seems shifted by 4 pixels right, 0 down.",))
    )
    assert titles(found)[0] == "Look at the pairs" and "1003" in found[0].text


def test_a_preview_may_be_wrong_though_everything_is_good():
    found = advise(figures(FLAT, previews=3, has_preview=True, to_paint=(1040,)))
    assert "paint one of those frames" in found[-1].text.lower() and "1040" in found[-1].text
    assert all(word in found[-1].text for word in ("defocus", "framing", "shadow"))


def test_a_rising_loss_and_one_that_is_no_number_are_warned_of():
    rising = noisy(np.concatenate([np.full(STEPS // 2, 0.1), np.linspace(0.1, 0.4, STEPS // 2)]))
    assert titles(advise(figures(rising))) == ["Getting worse"]
    gone = np.concatenate([FALLING, np.full(20, np.nan)])
    assert titles(advise(figures(gone)))[0] == "The training has come apart"


def test_a_few_steps_are_too_few_and_a_failure_says_why():
    assert titles(advise(figures([0.1] * 5))) == ["Too early to say"]
    found = advise(figures([], state="failed", reason="The disk is full."))
    assert found[0].title == "The training failed" and "The disk is full." in found[0].text


def test_the_frames_to_paint_are_the_farthest_from_those_painted():
    assert frames_to_paint(range(1001, 1101), [1001, 1100], most=1) == [1050]
    assert frames_to_paint(range(1, 11), [1, 2, 3], most=2) == [6, 10]
    assert frames_to_paint(range(1, 4), [1, 2, 3]) == []
