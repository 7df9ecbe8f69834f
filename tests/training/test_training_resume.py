"""A run that was stopped goes on exactly: the same losses and the same weights as one never stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from training_bench import StopAt, assert_same_course, losses, weights

from understudy.errors import ModelFileError, RunError
from understudy.runs import RunFolder
from understudy.training import clock, loop, prepare, validation
from understudy.training import train as train_module
from understudy.training.checkpoints.progress_file import load_progress, save_progress
from understudy.training.events import Ended, Planned
from understudy.training.learner import Learner


@pytest.fixture
def whole(bench: Any) -> RunFolder:
    """Twelve steps, never stopped."""
    run: RunFolder = bench.train(name="whole").run
    return run


@pytest.mark.parametrize("after", [1, 5, 7, 11])
def test_a_run_that_was_stopped_takes_the_same_course(bench: Any, whole: RunFolder, after: int) -> None:
    stopped = bench.train(name="stopped", stop=StopAt(after))
    assert (stopped.state, stopped.step) == ("stopped", after)
    assert stopped.run.read_state().reason == "the test"
    result = bench.resume(stopped.run)
    assert (result.state, result.step) == ("finished", 12)
    assert_same_course(result.run, whole)


def test_a_run_that_was_stopped_twice_takes_the_same_course(bench: Any, whole: RunFolder) -> None:
    run = bench.train(name="stopped", stop=StopAt(3)).run
    assert bench.resume(run, stop=StopAt(4)).step == 7
    assert_same_course(bench.resume(run).run, whole)


def test_a_run_with_everything_random_takes_the_same_course(make_bench: Any) -> None:
    """A matte varies its crops most: turned, zoomed, pasted, and brightened."""
    bench = make_bench(effect="matte")
    whole = bench.train(name="whole", batch_size=3).run
    run = bench.train(name="stopped", batch_size=3, stop=StopAt(5)).run
    assert_same_course(bench.resume(run).run, whole)


@pytest.mark.parametrize(("effect", "after"), [("matte", 4), ("matte", 9), ("grade", 6), ("grade", 10)])
def test_a_run_with_a_coarse_view_takes_the_same_course(make_bench: Any, effect: str, after: int) -> None:
    """Stopped while the one view learns, or while the other does."""
    bench = make_bench(effect=effect)
    whole = bench.train(name="whole", coarse_view=2).run
    run = bench.train(name="stopped", coarse_view=2, stop=StopAt(after)).run
    assert_same_course(bench.resume(run).run, whole)


def test_a_run_that_broke_off_goes_on_from_its_last_checkpoint(
    bench: Any, whole: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the process: here an error that nobody foresaw, in step 9; checkpoints are every 5."""
    step = Learner.step

    def break_off(self: Learner, number: int) -> float:
        if number == 9:
            raise KeyError("unforeseen")
        return step(self, number)

    with monkeypatch.context() as patch, pytest.raises(KeyError):
        patch.setattr(Learner, "step", break_off)
        bench.train(name="broken")
    run = RunFolder.open(bench.data / "broken")
    assert run.read_state().state == "failed"
    assert_same_course(bench.resume(run).run, whole)


def test_a_run_that_got_to_no_checkpoint_begins_again(
    bench: Any, whole: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyError):
        patch.setattr(Learner, "step", lambda self, step: {}[step])
        bench.train(name="broken")
    assert_same_course(bench.resume(RunFolder.open(bench.data / "broken")).run, whole)


def test_rows_written_after_the_checkpoint_are_cut_back(bench: Any, whole: RunFolder) -> None:
    run = bench.train(name="stopped", stop=StopAt(7)).run
    run.append_summary([{"step": 8, "loss": 99.0, "lr": 0.0}, {"step": 9, "loss": 99.0, "lr": 0.0}])
    bench.resume(run)
    assert losses(run) == losses(whole)


def test_the_seed_decides_the_course(bench: Any, whole: RunFolder) -> None:
    assert losses(bench.train(seed=0).run) == losses(whole)
    assert losses(bench.train(seed=1).run) != losses(whole)


def test_a_finished_run_says_so(bench: Any, whole: RunFolder) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.path.iterdir()}
    result = bench.resume(whole)
    assert (result.state, result.step) == ("finished", 12)
    assert "whole is finished" in bench.said() and bench.of(Ended)[0].state == "finished"
    assert {path: path.stat().st_mtime_ns for path in whole.path.iterdir()} == before


def test_a_finished_run_goes_on_when_it_is_given_more(bench: Any, whole: RunFolder) -> None:
    first = losses(whole)
    assert bench.resume(whole, max_steps=16).step == 16
    assert losses(whole)[:12] == first and len(losses(whole)) == 16
    assert bench.resume(whole, epochs=8).step == 20  # 8 epochs of 5 pairs in batches of 2
    assert bench.resume(whole).state == "finished" and "finished" in bench.said()


def test_a_run_goes_on_for_a_time(bench: Any, whole: RunFolder, steps_take: Callable[[float], Any]) -> None:
    result = bench.resume(whole, time_limit=4, start=steps_take(0.05).now)
    assert result.state == "finished" and 12 + 46 <= result.step <= 12 + 50, "1.5 of 4 s are kept"
    assert whole.read_summary()[-1]["time"] <= 2.5


def test_a_finished_run_whose_new_time_is_over_at_once_takes_one_gentle_step_and_says_so(
    bench: Any, whole: RunFolder
) -> None:
    result = bench.resume(whole, time_limit=1, start=time.monotonic() - 60)
    assert (result.state, result.step) == ("finished", 13) and result.newest == whole.cat_path(13)
    assert "as good as over before the first step" in bench.said()
    rates = [rate for _, _, rate in losses(whole)]
    assert rates[12] < 0.05 * max(rates)


def test_a_finished_run_that_is_given_no_more_than_it_had_says_so(bench: Any, whole: RunFolder) -> None:
    assert bench.resume(whole, max_steps=12).step == 12
    assert "whole has taken 12 steps already" in bench.said()


def test_a_run_stopped_before_its_speed_was_known_goes_on_with_its_time_limit(bench: Any) -> None:
    run = bench.train(time_limit=600, stop=StopAt(2), start=time.monotonic()).run
    assert load_progress(run.ost_path)[0].plan.totals == []
    result = bench.resume(run, stop=StopAt(30), start=time.monotonic())
    assert (result.state, result.step) == ("stopped", 32)


def test_a_new_end_takes_the_place_of_a_time_limit_that_was_not_turned_into_steps(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.train(time_limit=600, stop=StopAt(2), start=time.monotonic()).run
    monkeypatch.setattr(clock, "MARKS", (0.0,))  # plan as soon as the pace is known
    most = 10_000_000
    bench.resume(run, max_steps=most, stop=StopAt(30), start=time.monotonic())
    assert load_progress(run.ost_path)[0].plan.total_steps == most
    bench.resume(run, stop=StopAt(30), start=time.monotonic())
    assert load_progress(run.ost_path)[0].plan.total_steps == most


def test_of_two_limits_the_time_counts_after_a_stop_too(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped before it was known which of them comes first."""
    limits: list[float | None] = []
    take = train_module.TrainingLoop.go

    def watch(self: Any) -> Any:
        limits.append(self.clock.limit)
        return take(self)

    monkeypatch.setattr(train_module.TrainingLoop, "go", watch)
    run = bench.train(time_limit=600, max_steps=100_000, stop=StopAt(2), start=time.monotonic()).run
    monkeypatch.setattr(clock, "MARKS", (0.0,))  # plan as soon as the pace is known
    bench.resume(run, stop=StopAt(30), start=time.monotonic())
    assert load_progress(run.ost_path)[0].plan.timed, "the clock has decided"
    bench.resume(run, stop=StopAt(2))
    assert limits == [600, 600, None]


@pytest.mark.parametrize("after", [2, 3, 4])
def test_a_run_that_was_stopped_while_crops_were_being_turned_takes_the_same_course(
    bench: Any, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(validation, "is_overfitted", lambda learned, unseen: True)
    monkeypatch.setattr(validation.Validation, "_gain", lambda self, pair: 1.0)
    whole = bench.train(name="turned", max_steps=25).run
    assert load_progress(whole.ost_path)[0].plan.turned == 3
    run = bench.train(name="stopped", max_steps=25, stop=StopAt(after)).run
    assert_same_course(bench.resume(run).run, whole)


def test_the_plan_is_stored_with_the_run(bench: Any, whole: RunFolder) -> None:
    stored = load_progress(whole.ost_path)[0].plan
    assert (stored.batch_size, stored.threads, stored.device, stored.precision) == (2, 1, "cpu", "float32")
    assert stored.totals == [(0, 12), (12, 12)] and stored.seed == 0
    plan = whole.read_state().plan
    assert (plan["batch_size"], plan["total_steps"], plan["threads"]) == (2, 12, 1)


def test_initial_weights_need_not_be_there_any_more(bench: Any, whole: RunFolder, tmp_path: Path) -> None:
    cat = tmp_path / "start.cat"
    cat.write_bytes(whole.best_or_newest().read_bytes())
    again = bench.train(name="again", initial_weights=str(cat)).run
    assert losses(again) != losses(whole)
    run = bench.train(name="stopped", initial_weights=str(cat), stop=StopAt(5)).run
    cat.unlink()
    assert_same_course(bench.resume(run).run, again)


def test_other_frames_are_refused(bench: Any) -> None:
    run = bench.train(stop=StopAt(5)).run
    painted = bench.shot.truth_file(1002)
    painted.write_bytes(bench.shot.plate_file(1002).read_bytes())
    before = weights(run)
    with pytest.raises(RunError, match="not the ones") as caught:
        bench.resume(run)
    assert caught.value.exit_code == 2 and weights(run).keys() == before.keys()


def write_layer(path: Path, value: float) -> str:
    """A one-channel EXR of the bench's size, ``value`` on its right half."""
    pixels = np.zeros((32, 48, 1), np.float32)
    pixels[:, 24:] = value
    assert oiio.ImageBuf(pixels).write(str(path))
    return str(path)


@pytest.mark.parametrize("layer", ["region", "extra"])
def test_another_layer_beside_the_frames_is_refused(bench: Any, tmp_path: Path, layer: str) -> None:
    spec = write_layer(tmp_path / "layer.exr", 1.0)
    run = bench.train(stop=StopAt(5), **{layer: spec}).run
    write_layer(tmp_path / "layer.exr", 0.5)
    with pytest.raises(RunError, match="not the ones"):
        bench.resume(run)
    write_layer(tmp_path / "layer.exr", 1.0)
    assert bench.resume(run).state == "finished"


@pytest.mark.parametrize("line", ['colour = "linear"', 'input_channels = "R,G"'])
def test_settings_that_make_other_values_of_the_frames_are_refused(bench: Any, line: str) -> None:
    run = bench.train(stop=StopAt(5)).run
    name = line.split(" ")[0]
    lines = [each for each in run.settings_path.read_text().splitlines() if not each.startswith(name)]
    run.settings_path.write_text("\n".join([line, *lines]))
    with pytest.raises((RunError, ModelFileError)):
        bench.resume(run)


def test_a_run_of_an_older_version_goes_on(
    bench: Any, whole: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its digest told of less; from then on the run has the new one."""
    with monkeypatch.context() as patch:
        patch.setattr(prepare, "_digest", prepare._old_digest)
        run = bench.train(name="stopped", stop=StopAt(5)).run
    old = load_progress(run.ost_path)[0].digest
    assert_same_course(bench.resume(run).run, whole)
    new = load_progress(run.ost_path)[0].digest
    assert new == load_progress(whole.ost_path)[0].digest != old


def test_a_run_whose_colour_fit_was_made_otherwise_goes_on_with_that_of_now(bench: Any) -> None:
    """What the pairs were made ready with, and what is saved, must be the same fit."""
    run = bench.train(stop=StopAt(5)).run
    progress, tensors = load_progress(run.ost_path)
    made_now = tensors["network.fit_weights"].clone()
    for side in ("network", "average"):
        tensors[f"{side}.fit_weights"] += 0.1
    save_progress(run.ost_path, progress, tensors)
    saved = weights(bench.resume(run).run)
    assert all(torch.equal(saved[f"{side}.fit_weights"], made_now) for side in ("network", "average", "cat"))


def test_a_busy_run_is_refused(bench: Any) -> None:
    run = bench.train(stop=StopAt(5)).run
    state = run.read_state()
    state.state, state.heartbeat, state.host = "training", time.time(), "elsewhere"
    run.write_state(state)
    with pytest.raises(RunError, match="cannot be resumed"):
        bench.resume(run)


def test_a_checkpoint_without_its_progress_file_is_no_start(bench: Any, whole: RunFolder) -> None:
    whole.ost_path.unlink()
    with pytest.raises(RunError, match="nothing to go on from"):
        bench.resume(whole)


@pytest.mark.parametrize("text", ["crop_size = 33", "crop_size = [", None])
def test_damaged_settings_are_refused_by_the_name_of_their_file(
    bench: Any, whole: RunFolder, text: str | None
) -> None:
    whole.settings_path.write_text(text) if text else whole.settings_path.unlink()
    with pytest.raises(RunError, match="settings of this run") as caught:
        bench.resume(whole, max_steps=16)
    assert caught.value.where == str(whole.settings_path)
    assert "--" not in caught.value.remedy


def test_a_damaged_progress_file_is_refused(bench: Any) -> None:
    run = bench.train(stop=StopAt(5)).run
    run.ost_path.write_bytes(run.ost_path.read_bytes()[:-100])
    with pytest.raises(ModelFileError, match="progress file"):
        bench.resume(run)
    assert run.read_state().state == "stopped"


def test_the_best_checkpoint_of_a_run_is_never_older_than_its_newest(bench: Any) -> None:
    """A stopped run has a best one; gone on with and then broken off, that must not be what the run means."""
    run = bench.train(stop=StopAt(3)).run
    early = run.best_path.read_bytes()
    bench.resume(run, stop=StopAt(4))
    assert run.best_path.read_bytes() != early
    later = run.best_path.read_bytes()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyError):
        patch.setattr(loop.TrainingLoop, "_finish", lambda self, ended: {}["broken off"])
        bench.resume(run)
    assert run.best_path.read_bytes() != later


def test_total_steps_are_said_before_the_first_checkpoint(bench: Any) -> None:
    bench.train()
    planned = bench.of(Planned)
    assert len(planned) == 1 and (planned[0].total_steps, planned[0].batch_size, planned[0].pairs) == (
        12,
        2,
        5,
    )
