"""Validation pairs: not learned from, judged by all figures, they choose the best network and end a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
from training_bench import StopAt, assert_same_course

from understudy.dataset.matching import keep_apart
from understudy.dataset.pairs import Pair
from understudy.errors import PairingError, SettingError
from understudy.measure import iou, max_f, mean_absolute_error, psnr, s_measure, ssim
from understudy.network.model_file import read_header
from understudy.runs.summary import read
from understudy.training.clock import Clock
from understudy.training.distributed.shard import Shard
from understudy.training.judging import Judge
from understudy.training.prepare import make_job
from understudy.training.stage_sheet import CELL, read_strip
from understudy.training.validation_set import SetValidation

IMAGES = ["dB", "SSIM", "L1"]
MATTES = ["IoU", "MAE", "S", "SAD", "gradient", "max F"]


def a_pair(truth: np.ndarray) -> Pair:
    weight = np.ones((*truth.shape[:2], 1), np.float32)
    return Pair("a", 1, truth, truth, weight)


def noise(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


def test_figures_of_images_are_means_over_pairs() -> None:
    judge, truths = Judge(matte=False), [noise(24, 24, 3), noise(24, 24, 3, seed=2)]
    results = [np.clip(truth + 0.1, 0, 1) for truth in truths]
    for truth, result in zip(truths, results, strict=True):
        judge.add(a_pair(truth), result)
    figures = judge.figures()
    assert list(figures) == IMAGES and judge.metric == "dB"
    both = list(zip(results, truths, strict=True))
    assert figures["dB"] == pytest.approx(np.mean([psnr(*each) for each in both]), abs=1e-3)
    assert figures["SSIM"] == pytest.approx(np.mean([ssim(*each) for each in both]), abs=1e-4)
    assert figures["L1"] == pytest.approx(np.mean([mean_absolute_error(*each) for each in both]), abs=1e-4)


def test_figures_of_mattes_are_those_of_each_and_f_of_all() -> None:
    judge = Judge(matte=True)
    truth = np.zeros((20, 20, 2), np.float32)
    truth[4:14, 4:14, 0] = truth[8:18, 8:18, 1] = 1
    result = np.clip(truth * 0.8 + 0.1, 0, 1)
    judge.add(a_pair(truth), result)
    figures = judge.figures()
    assert sorted(figures) == sorted(MATTES) and judge.metric == "IoU"
    mattes = [(result[..., k], truth[..., k]) for k in range(2)]
    assert figures["IoU"] == pytest.approx(np.mean([iou(*each) for each in mattes]), abs=1e-5)
    assert figures["S"] == pytest.approx(np.mean([s_measure(*each) for each in mattes]), abs=1e-5)
    assert figures["max F"] == pytest.approx(max_f(*mattes[0]), abs=1e-5)
    assert figures["MAE"] == pytest.approx(0.1 * 0.25 + 0.1 * 0.75, abs=1e-5)


@pytest.mark.parametrize(("effect", "names"), [("grade", IMAGES), ("matte", MATTES)])
def test_validation_pairs_are_judged_through_the_run_and_choose_the_best(
    make_bench: Any, make_shot: Callable[..., Any], effect: str, names: list[str]
) -> None:
    bench = make_bench(effect=effect)
    other = make_shot(name="other", numbers=range(1, 4), effect=effect)
    given = {"validation_input": other.plate, "validation_ground_truth": other.truth}
    result = bench.train(**given, validation_interval=4)
    run = result.run
    rows = [row for row in run.read_summary() if "validation" in row]
    assert [row["step"] for row in rows] == [4, 8, 12]
    assert all(sorted(row["validation"]) == sorted(names) for row in rows)
    assert all(row["held_out"] == row["validation"][names[0]] for row in rows)
    best = run.read_state().best_held_out
    assert best is not None and best.value == max(row["held_out"] for row in rows)
    assert (best.metric, best.measures) == (
        names[0],
        next(r for r in rows if r["step"] == best.step)["validation"],
    )
    assert read_header(run.best_path).provenance["steps"] == best.step
    assert [step for step, _ in run.validation_sheets()] == [4, 8, 12]
    sheet = read_strip(run.validation_path(12))
    assert sheet is not None and sheet.shape[0] > 3 * CELL, "a row for each of the three"
    assert "3 validation pairs are not learned from" in bench.said()
    assert len(make_job(bench.settings(**given), Shard()).data.pairs) == 5


def test_a_share_is_kept_apart_evenly_and_never_learned_from(make_bench: Any) -> None:
    bench = make_bench(numbers=range(1001, 1021))
    job = make_job(bench.settings(validation_share=0.2), Shard())
    apart = [source.plate_number for source in job.data.validation]
    assert apart == [1003, 1008, 1013, 1018]
    learned = {pair.number for pair in job.data.pairs}
    assert len(learned) == 16 and not learned & set(apart)
    assert job.plan.held_out is None and job.plan.apart
    assert keep_apart(list("abc"), 0.01) == (["a", "c"], ["b"])  # type: ignore[arg-type, comparison-overlap]
    with pytest.raises(PairingError):
        keep_apart(["a"], 0.5)  # type: ignore[list-item]


def test_a_run_with_validation_takes_the_same_course(make_bench: Any) -> None:
    bench = make_bench(numbers=range(1001, 1009))
    usual = {"validation_share": 0.25, "validation_interval": 3}
    whole = bench.train(name="whole", **usual).run
    stopped = bench.train(name="stopped", stop=StopAt(7), **usual).run
    resumed = bench.resume(stopped).run
    assert_same_course(resumed, whole)
    best, other = (run.read_state().best_held_out for run in (whole, resumed))
    assert best == other


def judged(monkeypatch: pytest.MonkeyPatch, values: list[float]) -> None:
    """Every validation has the next of these values."""
    coming = iter(values)
    monkeypatch.setattr(Judge, "figures", lambda self: {"dB": next(coming)})


def test_patience_ends_a_run_that_no_longer_gains(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    judged(monkeypatch, [20, 25, 24, 25, 23, 30])
    result = bench.train(validation_share=0.4, validation_interval=1, patience=3)
    assert (result.state, result.step) == ("finished", 5)
    assert "3 validations in a row have gained nothing over the 25 dB of step 4" in bench.said()
    assert result.run.read_state().total == 5


def test_patience_holds_over_a_stop(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    judged(monkeypatch, [25, 24, 23, 22, 21, 20])
    usual = {"validation_share": 0.4, "validation_interval": 1, "patience": 3}
    stopped = bench.train(**usual, stop=StopAt(2)).run
    assert bench.resume(stopped).step == 4


def test_who_goes_on_with_a_run_that_patience_has_ended_has_patience_anew(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged(monkeypatch, [25, 24, 23, 22, 21, 20])
    ended = bench.train(validation_share=0.4, validation_interval=1, patience=2)
    assert ended.step == 3
    assert bench.resume(ended.run, max_steps=9).step == 5


def test_patience_ends_a_run_that_has_time_left(
    bench: Any, monkeypatch: pytest.MonkeyPatch, steps_take: Callable[[float], Any]
) -> None:
    time = steps_take(1.0)
    judged(monkeypatch, [25, *[24] * 50])
    usual = {"validation_share": 0.4, "validation_interval": 5, "patience": 2, "time_limit": 100}
    result = bench.train(**usual, start=time.now)
    assert (result.state, result.step) == ("finished", 15)


def test_validation_is_ten_times_in_a_run_or_at_every_checkpoint(bench: Any) -> None:
    job = make_job(bench.settings(validation_share=0.4, checkpoint_interval=50), Shard())
    judge = SetValidation(job, None, None, None, None)  # type: ignore[arg-type]
    job.plan.totals.append((0, 105))
    assert [step for step in range(1, 106) if judge._is_due(step)] == [*range(11, 105, 11), 105]
    job.plan.totals.append((0, 2000))
    assert [step for step in range(1, 201) if judge._is_due(step)] == [50, 100, 150, 200]


def test_the_end_of_a_run_is_validated_where_time_is_over_before_its_last_step(bench: Any) -> None:
    job = make_job(bench.settings(validation_share=0.4, checkpoint_interval=50), Shard())
    seen: list[int] = []
    judge = SetValidation(job, *(MagicMock() for _ in range(3)), None)
    judge.clock.reserve = 0.0
    judge._validate = seen.append  # type: ignore[method-assign]
    job.plan.totals.append((0, 100))
    judge.validate_when_due(97)
    judge.validate_last(97)
    judge.validate_last(97)
    assert seen == [97]


def test_a_timed_run_has_a_figure_of_its_last_step(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clock, "is_up", lambda self, steps=1: self.calls_end())
    calls = iter(range(1000))
    monkeypatch.setattr(Clock, "calls_end", lambda self: next(calls) > 12, raising=False)
    for given in ({"validation_share": 0.4}, {"held_out": 1003}):
        calls = iter(range(1000))
        run = bench.train(
            **given, time_limit=10_000, max_steps=1000, name=f"timed{len(given)}{next(iter(given))}"
        )
        rows = read(run.run.summary_path)
        assert run.state == "finished" and rows[-1]["step"] == run.step < 1000
        assert rows[-1]["held_out"] is not None


def test_a_validation_pair_that_cannot_be_read_is_said_once(
    bench: Any, make_shot: Callable[..., Any]
) -> None:
    other = make_shot(name="other", numbers=range(1, 4))

    class Gone(StopAt):
        def __bool__(self) -> bool:
            other.plate_file(2).unlink(missing_ok=True)
            return False

    result = bench.train(
        validation_input=other.plate,
        validation_ground_truth=other.truth,
        validation_interval=4,
        stop=Gone(0),
    )
    assert result.state == "finished" and bench.said().count("Not validated by: ") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"validation_input": "a.####.png"},
        {"validation_ground_truth": "a.####.png"},
        {"validation_share": 0.7},
        {"validation_share": 0.2, "held_out": 1003},
        {"patience": 3},
    ],
)
def test_what_does_not_go_together_is_refused(bench: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        bench.train(**wrong)
    assert not bench.data.exists()
