"""The speed benchmark: it runs as a whole, has its keys, and its figures add up."""

from __future__ import annotations

import json

import pytest
import speed
import speed_work
import torch
from speed_ceiling import Shape, fixed_shape, heaviest_shapes, openvino_task, torch_task
from speed_timing import Task, count_flops, time_in_turns
from torch import nn

from understudy.inference.openvino_engine import is_installed
from understudy.network import unet

CPU = torch.device("cpu")
KEYS = ("training_share", "inference_share", "pipeline_share")


def test_it_runs_as_a_whole_and_has_its_keys(tmp_path, capsys) -> None:
    file = tmp_path / "speed.json"
    assert speed.main(["--quick", "--engine", "torch", "--devices", "cpu", "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert all(0 < figures[key] < 5 for key in KEYS)
    assert figures["quick"] is True
    assert figures["machine"]["cores"] >= 1
    said = capsys.readouterr().out
    assert all(key in said for key in KEYS)
    step = figures["training"][0]
    assert step["gflops"] == pytest.approx(step["rate"] * step["more"]["gflop_a_step"], rel=0.05)
    assert step["share"] == pytest.approx(step["gflops"] / step["ceiling"])
    whole = figures["pipeline"]
    assert whole["share"] == pytest.approx(whole["frames_per_second"] / whole["ideal"])


def test_training_is_measured_with_its_large_crops_and_its_small_ones(tmp_path, monkeypatch) -> None:
    compared: list[Shape] = []
    plain = speed_work.torch_task

    def noted(shape: Shape, *more, **options) -> Task:
        compared.append(shape)
        return plain(shape, *more, **options)

    monkeypatch.setattr(speed_work, "torch_task", noted)
    monkeypatch.setitem(unet.SIZES, "small", unet.Size((8, 12), (1, 1), (1,)))
    pairs = speed_work.training_pairs(tmp_path)
    figure = speed_work.measure_training(pairs, "small", 64, "cpu", speed_work.QUICK)
    sides = {shape.height for shape in compared if shape != fixed_shape(speed_work.QUICK.fixed_side)}
    assert {side * 2 for side in sides} & sides, "one is half of the other"
    assert figure.gflops == pytest.approx(figure.rate * figure.more["gflop_a_step"], rel=0.3)  # rounded


@pytest.mark.parametrize("backward", [False, True])
def test_a_ceiling_counts_the_operations_that_torch_counts(backward: bool) -> None:
    task = torch_task(Shape(2, 8, 16, 3, 1, 12, 20), CPU, "float32", backward)
    assert task.flops == count_flops(task.run)[0]


def test_the_heaviest_convolution_is_the_one_with_the_most_to_do() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 9, 1))
    (shape,) = heaviest_shapes(network, lambda: network(torch.rand(1, 3, 16, 24)))
    assert shape == Shape(1, 8, 8, 3, 1, 16, 24)


def test_what_is_compared_takes_turns() -> None:
    order: list[str] = []
    tasks = {name: Task(lambda n=name: order.append(n), 1.0) for name in "ab"}
    costs = time_in_turns(tasks, CPU, rounds=3)
    assert set(costs) == {"a", "b"}
    turns = [name for index, name in enumerate(order) if index == 0 or order[index - 1] != name]
    assert turns[-6:] == list("ababab")


@pytest.mark.skipif(not is_installed(), reason="openvino is not installed")
def test_the_ceiling_of_openvino_runs() -> None:
    task = openvino_task(fixed_shape(16), "float32")
    task.run()
    assert task.flops == 4 * fixed_shape(16).flops
