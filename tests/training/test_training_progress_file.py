"""An .ost from anywhere: a run goes on from it exactly, or it is refused in words."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from training_bench import StopAt, assert_same_course

from understudy.errors import ModelFileError
from understudy.network.losses import AUTO
from understudy.runs import RunFolder
from understudy.training import prepare
from understudy.training.checkpoints.progress_file import KEY, Progress, load_progress, save_progress
from understudy.training.plan import Plan

PLAN = Plan(batch_size=2, crop=(32, 32), size="small", precision="float32", threads=1, device="cpu", seed=0)


@pytest.fixture
def run(bench: Any) -> RunFolder:
    """Stopped after five steps."""
    stopped: RunFolder = bench.train(stop=StopAt(5)).run
    return stopped


def test_progress_comes_back_exactly(tmp_path: Path) -> None:
    tensors = {"network.a": torch.rand(3, 4), "optimizer.b": torch.rand(2)}
    progress = Progress(step=7, plan=PLAN, digest="abc", done=True)
    save_progress(tmp_path / "a.ost", progress, tensors)
    again, loaded = load_progress(tmp_path / "a.ost")
    assert again == progress and loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "a version to come": lambda p: p.update(version=9),
    "another format": lambda p: p.update(format="understudy.cat"),
    "a step below nothing": lambda p: p.update(step=-1),
    "no plan": lambda p: p.pop("plan"),
    "a batch of nothing": lambda p: p["plan"].update(batch_size=0),
    "a batch of a billion": lambda p: p["plan"].update(batch_size=10**9),
    "crops of nothing": lambda p: p["plan"].update(crop=[0, 32]),
    "crops without end": lambda p: p["plan"].update(crop=[10**6, 10**6]),
    "a million threads": lambda p: p["plan"].update(threads=10**6),
    "a device that makes no sense": lambda p: p["plan"].update(device="cpu; rm -rf /"),
    "a precision that makes no sense": lambda p: p["plan"].update(precision="float4"),
    "a rate of nothing": lambda p: p["plan"].update(rate=0),
    "a rate that is no number": lambda p: p["plan"].update(rate="NaN"),
    "turns of nothing": lambda p: p["plan"].update(turns=0),
    "totals below nothing": lambda p: p["plan"].update(totals=[[-5, -5]]),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_plan_that_makes_no_sense_is_refused(bench: Any, run: RunFolder, what: str) -> None:
    progress, tensors = load_progress(run.ost_path)
    values = json.loads(progress.model_dump_json())
    WRONG[what](values)
    save_file(tensors, run.ost_path, {KEY: json.dumps(values)})
    with pytest.raises(ModelFileError, match="progress file") as caught:
        bench.resume(run)
    assert caught.value.exit_code == 2 and run.read_state().state == "stopped"


Tensors = dict[str, torch.Tensor]
SPOILED: dict[str, Callable[[Tensors], object]] = {
    "a tensor too few": lambda t: t.pop("optimizer.muon.0"),
    "a tensor too many": lambda t: t.update(more=torch.zeros(3)),
    "another shape": lambda t: t.update({"optimizer.adam1.0": torch.zeros(1)}),
    "another type": lambda t: t.update({"network.low": t["network.low"].to(torch.int64)}),
    "NaN": lambda t: t["average.unet.stem.weight"].fill_(float("nan")),
}


@pytest.mark.parametrize("what", SPOILED)
def test_tensors_that_do_not_fit_are_refused(bench: Any, run: RunFolder, what: str) -> None:
    progress, tensors = load_progress(run.ost_path)
    SPOILED[what](tensors)
    save_progress(run.ost_path, progress, tensors)
    with pytest.raises(ModelFileError, match="progress file"):
        bench.resume(run)


def test_a_cat_is_no_progress_file(bench: Any, run: RunFolder) -> None:
    run.ost_path.write_bytes(run.newest().read_bytes())  # type: ignore[union-attr]
    with pytest.raises(ModelFileError, match="progress file"):
        bench.resume(run)


def test_a_refusal_leaves_a_run_that_can_go_on(bench: Any, run: RunFolder) -> None:
    whole = bench.train(name="whole").run
    good = run.ost_path.read_bytes()
    run.ost_path.write_bytes(good[:1000])
    with pytest.raises(ModelFileError):
        bench.resume(run)
    run.ost_path.write_bytes(good)
    assert_same_course(bench.resume(run).run, whole)


def test_a_run_begun_when_every_other_matrix_had_its_turn_goes_on_so(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(prepare, "TURNS", 2)
        whole = bench.train(name="whole").run
        run = bench.train(name="older", stop=StopAt(5)).run
    progress, tensors = load_progress(run.ost_path)
    values = json.loads(progress.model_dump_json())
    assert values["plan"].pop("turns") == 2
    save_file(tensors, run.ost_path, {KEY: json.dumps(values)})
    assert_same_course(bench.resume(run).run, whole)


def test_a_matte_begun_when_automatic_meant_another_loss_goes_on_with_that(
    make_bench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(effect="matte")
    with monkeypatch.context() as earlier:
        earlier.setitem(AUTO, "matte", "bce+dice")
        whole = bench.train(name="whole").run
        run = bench.train(name="older", stop=StopAt(5)).run
    progress, tensors = load_progress(run.ost_path)
    values = json.loads(progress.model_dump_json())
    assert values["plan"].pop("loss") == "bce+dice"
    save_file(tensors, run.ost_path, {KEY: json.dumps(values)})
    assert_same_course(bench.resume(run).run, whole)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_is_survived(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.ost"
    save_progress(path, Progress(step=7, plan=PLAN, digest="abc"), {"network.a": torch.rand(3, 4)})
    spoiled = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", spoiled[:8])
    for _ in range(data.draw(st.integers(1, 3))):
        spoiled[data.draw(st.integers(0, 7 + length))] = data.draw(st.integers(0, 255))
    path.write_bytes(spoiled)
    try:
        progress, _ = load_progress(path)
    except ModelFileError:
        return
    assert progress.step >= 0 and 1 <= progress.plan.batch_size <= 4096


def test_everything_that_is_stored_is_a_number(run: RunFolder) -> None:
    assert all(bool(tensor.isfinite().all()) for tensor in load_file(run.ost_path).values())
