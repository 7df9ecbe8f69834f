"""Steps that are recorded on a GPU, and crops that are drawn ahead: the same course as without."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from training_bench import StopAt, assert_same_course, losses

from understudy.dataset.crops import Batch
from understudy.training import learner as learner_module
from understudy.training.distributed.shard import Shard
from understudy.training.graph_capture import GraphCapture
from understudy.training.learner import Learner
from understudy.training.prepare import make_job

STEPS = 24

on_gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


class Repeater:
    """Stands for a recorder where there is no GPU: does the work as it is."""

    def __init__(self, work: Callable[[Batch], Tensor], weights: list[Any]) -> None:
        self.work, self.forgotten = work, 0

    def __call__(self, batch: Batch) -> Tensor:
        return self.work(batch)

    def forget(self) -> None:
        self.forgotten += 1


def course(learner: Learner, steps: int = STEPS) -> list[float]:
    return [learner.step(step) for step in range(1, steps + 1)]


def a_learner(bench: Any, **changes: Any) -> Learner:
    job = make_job(bench.settings(batch_size="auto", **changes), Shard())
    job.plan.totals.append((0, STEPS))
    return job.learner


def as_they_are(bench: Any, **changes: Any) -> list[float]:
    learner = a_learner(bench, **changes)
    learner.graph_capture = None
    return course(learner)


def near(ours: list[float], theirs: list[float], tolerance: float) -> bool:
    return all(math.isclose(a, b, rel_tol=tolerance) for a, b in zip(ours, theirs, strict=True))


# -- drawn ahead -------------------------------------------------------------------------------------------


def test_crops_drawn_ahead_are_those_of_the_step(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through everything that changes a plan on the way: a pair that joins, a stop, and a resume."""
    usual = {"max_steps": 24, "batch_size": 2, "held_out": "auto"}
    plain = bench.train(name="plain", **usual).run
    made: list[Repeater] = []

    def graph_capture(*arguments: Any) -> Repeater:
        made.append(Repeater(*arguments))
        return made[-1]

    monkeypatch.setattr(learner_module, "can_capture_graphs", lambda device: True)
    monkeypatch.setattr(learner_module, "GraphCapture", graph_capture)
    parted = bench.train(name="ahead", stop=StopAt(9), **usual).run
    assert_same_course(bench.resume(parted).run, plain)
    assert [each.forgotten for each in made] == [0, 1], "what goes on begins with nothing recorded"


def test_crops_drawn_ahead_are_drawn_again_where_the_plan_has_changed(bench: Any) -> None:
    turned = []
    for ahead in (False, True):
        learner = a_learner(bench)
        learner.graph_capture = Repeater(learner._learn, []) if ahead else None  # type: ignore[assignment]
        first = course(learner, 6)
        learner.plan.turned, learner.plan.batch_size = 6, 3
        turned.append([*first, *(learner.step(step) for step in range(7, 13))])
    assert turned[0] == turned[1]


# -- on a GPU ----------------------------------------------------------------------------------------------


class TestOnGpu:
    pytestmark = on_gpu

    @pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("bfloat16", 3e-2)])
    def test_recorded_steps_have_the_losses_of_others(
        self, bench: Any, precision: str, tolerance: float
    ) -> None:
        changes = {"devices": "cuda", "precision": precision}
        learner = a_learner(bench, **changes)
        recorded = course(learner)
        assert learner.graph_capture is not None and len(learner.graph_capture._captured) >= 1
        assert near(recorded, as_they_are(bench, **changes), tolerance)

    def test_a_gpu_takes_the_steps_of_a_cpu(self, bench: Any) -> None:
        learner, other = (a_learner(bench, devices=device) for device in ("cuda", "cpu"))
        other.plan.batch_size = learner.plan.batch_size
        assert near(course(learner, 12), course(other, 12), 1e-3)

    def test_mattes_are_recorded_too(self, make_bench: Any) -> None:
        bench = make_bench(effect="matte")
        learner = a_learner(bench, devices="cuda")
        recorded = course(learner)
        assert learner.graph_capture is not None and learner.graph_capture._captured
        assert near(recorded, as_they_are(bench, devices="cuda"), 1e-3)

    def test_other_shapes_are_recorded_by_themselves(self, bench: Any) -> None:
        learner, plain = (a_learner(bench, devices="cuda") for _ in range(2))
        plain.graph_capture = None
        for each in (learner, plain):
            each.plan.batch_size = 4
            course(each, 4)
            each.plan.batch_size = 2
        assert near([learner.step(5)], [plain.step(5)], 1e-3)

    def test_what_cannot_be_recorded_is_done_as_it_is(self, bench: Any) -> None:
        learner = a_learner(bench, devices="cuda")
        whole = learner._learn

        def looking(batch: Batch) -> Tensor:
            loss = whole(batch)
            loss.tolist()  # a GPU that is being recorded cannot be waited for
            return loss

        learner.graph_capture = GraphCapture(looking, list(learner.network.parameters()))
        tried = course(learner)
        assert not learner.graph_capture._captured
        assert near(tried, as_they_are(bench, devices="cuda"), 1e-3)

    def test_a_run_goes_on_where_it_stood(self, bench: Any) -> None:
        usual = {"max_steps": STEPS, "devices": "cuda"}
        plain = bench.train(name="plain", **usual).run
        parted = bench.train(name="parted", stop=StopAt(9), **usual).run
        parted = bench.resume(parted).run
        ours, theirs = losses(parted), losses(plain)
        assert [row[0] for row in ours] == [row[0] for row in theirs]
        assert near([row[1] for row in ours], [row[1] for row in theirs], 1e-3)
