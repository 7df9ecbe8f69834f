"""When crops are mirrored and turned: where frames are learned by heart, and the effect allows it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from training_bench import StopAt

from understudy.dataset.pairs import Pair
from understudy.network.model_file import read_header
from understudy.training import evaluation, validation
from understudy.training.checkpoints.progress_file import load_progress
from understudy.training.evaluation import Score, middle_of
from understudy.training.validation import Validation, _mirrored, is_overfitted


@pytest.mark.parametrize(
    ("learned", "unseen", "heart"),
    [(1.04, 0.09, True), (6.4, 0.2, True), (4.6, 3.8, False), (8.5, 7.5, False), (0.3, 0.1, False)],
)
def test_what_is_learned_by_heart_gains_much_more_than_what_is_not_seen(
    learned: float, unseen: float, heart: bool
) -> None:
    assert is_overfitted(learned, unseen) == heart


def a_pair(number: int) -> Pair:
    """Brighter to the right, so that a mirror shows."""
    ramp = np.linspace(0, 1, 32, dtype=np.float32)[None, :, None].repeat(32, 0).repeat(3, 2)
    weight = np.ones((32, 32, 1), np.float32)
    return Pair(number=number, input=ramp, truth=ramp, weight=weight, **_rest_of(Pair))


def _rest_of(kind: Any) -> dict[str, Any]:
    """Something for every field of a pair that has no say here."""
    known = {"number", "input", "truth", "weight"}
    return {name: "" for name in kind.__dataclass_fields__ if name not in known}


def keeper(monkeypatch: pytest.MonkeyPatch, learned: float, unseen: float, mirrored: float) -> Validation:
    """One whose network gains so much on frame 1, which is learned, on frame 2, and on frame 2 mirrored."""

    def judged(network: object, pair: Pair, *rest: object) -> Score:
        is_mirrored = pair.input[0, 0, 0] > pair.input[0, -1, 0]
        gain = learned if pair.number == 1 else mirrored if is_mirrored else unseen
        return Score("dB", 30 + gain, pair.number)

    monkeypatch.setattr(validation, "evaluate", judged)
    monkeypatch.setattr(validation, "score_colour_fit", lambda network, pair: Score("dB", 30, pair.number))
    learner = SimpleNamespace(average=None, device=torch.device("cpu"))
    plan = SimpleNamespace(
        precision="float32", wants_turn=False, turned=None, vary="auto", judged=2, marks=(0.1, 0.2, 0.3)
    )
    pairs = (a_pair(1), a_pair(2))
    data = SimpleNamespace(pairs=pairs, pair=lambda index: pairs[index])
    job: Any = SimpleNamespace(data=data, learner=learner, plan=plan, matte=False, keys=False)
    logger: Any = SimpleNamespace(message=lambda text: None)
    return Validation(job, None, logger, None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("learned", "unseen", "mirrored", "turns"),
    [(6.0, 0.5, 0.4, True), (6.0, 0.5, -2.0, False), (6.0, 5.8, 5.0, False)],
    ids=["by heart", "by heart, but knows left from right", "not by heart"],
)
def test_crops_are_turned_where_it_helps_and_is_true(
    monkeypatch: pytest.MonkeyPatch, learned: float, unseen: float, mirrored: float, turns: bool
) -> None:
    watcher = keeper(monkeypatch, learned, unseen, mirrored)
    watcher._turn_when_overfitted(1)
    assert watcher.plan.wants_turn == turns


def test_an_effect_that_depends_on_the_place_is_never_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    for placed in (False, True):
        watcher = keeper(monkeypatch, 6.0, 0.5, 0.4)
        watcher.learner.network = SimpleNamespace(placed=placed)  # type: ignore[assignment]
        watcher._score(1)
        assert watcher.plan.wants_turn is not placed


@pytest.mark.parametrize(
    ("learned", "unseen", "judged", "varied"),
    [
        (0.70, 0.52, 2, True),
        (0.95, 0.93, 2, False),
        (0.95, 0.93, 3, False),
        (0.77, 0.74, 2, False),
        (0.77, 0.74, 3, True),
        (0.50, 0.20, 1, False),
    ],
    ids=["moves its limbs", "a car", "a car, last look", "open", "open, last look", "too early to tell"],
)
def test_mattes_are_varied_once_they_are_seen_to_be_learned_by_heart(
    monkeypatch: pytest.MonkeyPatch, learned: float, unseen: float, judged: int, varied: bool
) -> None:
    watcher = keeper(monkeypatch, learned, unseen, 0.0)
    watcher.job.matte, watcher.plan.judged = True, judged  # type: ignore[misc]
    monkeypatch.setattr(
        validation,
        "evaluate",
        lambda network, pair, *rest: Score("IoU", learned if pair.number == 1 else unseen, pair.number),
    )
    watcher._score(1)
    assert watcher.plan.wants_turn == varied
    watcher.plan.wants_turn, watcher.plan.vary = False, "never"
    watcher._score(1)
    assert not watcher.plan.wants_turn, "the artist has the last word"


def test_an_effect_on_highlights_shows_in_the_figure() -> None:
    truth = np.full((8, 8, 3), 0.5, np.float32)
    truth[2:4] = 1.8
    halved = np.where(truth > 1, 1.2, truth).astype(np.float32)
    assert evaluation.psnr_of(truth, truth) == 100.0 and evaluation.psnr_of(halved, truth) < 20
    beyond = np.where(truth > 1, 2.5, truth).astype(np.float32)
    assert evaluation.psnr_of(beyond, truth) == 100.0, "past all that the truth has, nobody can see it"


def test_a_mirrored_pair_is_mirrored_whole() -> None:
    pair = a_pair(1)
    mirrored = _mirrored(pair)
    for side in ("input", "truth", "weight"):
        assert np.array_equal(getattr(mirrored, side)[:, ::-1], getattr(pair, side))


def test_of_large_frames_the_middle_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MIDDLE", 12)
    pair = a_pair(1)
    middle = middle_of(replace(pair, input=pair.input[:10]))
    assert middle.input.shape == (10, 12, 3) and middle.truth.shape == (12, 12, 3)
    assert np.array_equal(middle.input, pair.input[:10, 10:22])
    assert np.array_equal(middle.truth, pair.truth[10:22, 10:22])
    assert middle.input.base is None, "the frame itself can be let go"
    weight = np.zeros((32, 32, 1), np.float32)
    weight[24:30, 2:8] = 0.5
    middle = middle_of(replace(pair, weight=weight))
    assert middle.weight.shape == (12, 12, 1) and middle.weight.sum() == weight.sum(), "what counts is in it"


@pytest.mark.parametrize("matte", [False, True])
def test_only_what_counts_is_judged(monkeypatch: pytest.MonkeyPatch, matte: bool) -> None:
    pair = a_pair(1)
    weight = np.ones((32, 32, 1), np.float32)
    weight[:, :20] = 0
    result = pair.truth.copy()
    result[:, :20] = 1 - result[:, :20]
    monkeypatch.setattr(evaluation, "predict", lambda *rest: result)

    def figure(pair: Pair) -> float:
        return evaluation.evaluate(None, pair, torch.device("cpu"), "float32", matte).value  # type: ignore[arg-type]

    assert figure(replace(pair, weight=weight)) == (1.0 if matte else 100.0)
    assert figure(pair) < (0.5 if matte else 10.0)


def test_how_sure_it_may_be_is_measured_at_the_last_look_and_survives_a_stop(bench: Any) -> None:
    stopped = bench.train(name="sure", stop=StopAt(7)).run
    found = load_progress(stopped.ost_path)[0].plan.confidence
    assert found is not None and 1 <= len(found.doubt) <= 16
    finished = bench.resume(stopped).run
    assert read_header(finished.newest()).confidence == read_header(finished.best_path).confidence == found


def test_a_run_of_too_few_pairs_says_nothing_of_it(make_bench: Any) -> None:
    run = make_bench(truth_numbers=(1001, 1002)).train(name="few").run
    assert read_header(run.newest()).confidence is None
