"""Numbers that run away, disks that are full, runs that are taken over: what was learned is never lost."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from training_bench import StopAt, assert_same_course, losses

from understudy.cli.progress import training_progress
from understudy.errors import RunError, TrainingError
from understudy.network.model_file import load_model
from understudy.runs import RunFolder, files
from understudy.training import loop, validation
from understudy.training.checkpoints import manager
from understudy.training.checkpoints.writer import CheckpointWriter
from understudy.training.events import Message
from understudy.training.learner import Learner

HERE = Path(__file__).parent


def poison(monkeypatch: pytest.MonkeyPatch, steps: dict[int, int], loss_too: bool = True) -> None:
    """Make the weights NaN in these steps, as often as the values say; and the loss, if so."""
    step = Learner.step

    def poisoned(self: Learner, number: int) -> float:
        loss = step(self, number)
        if steps.get(number, 0) <= 0:
            return loss
        steps[number] -= 1
        with torch.no_grad():
            next(self.network.parameters())[0] = float("nan")
            next(self.average.parameters())[0] = float("nan")
        return float("nan") if loss_too else loss

    monkeypatch.setattr(Learner, "step", poisoned)


def assert_all_sound(run: RunFolder) -> None:
    paths = [path for path in run.path.iterdir() if path.suffix in (".cat", ".ost")]
    assert paths
    for path in paths:
        assert all(bool(tensor.isfinite().all()) for tensor in load_file(path).values()), path.name


def test_a_loss_that_is_no_number_goes_back_with_half_the_rate(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = losses(bench.train().run)
    poison(monkeypatch, {8: 1})
    result = bench.train()
    assert (result.state, result.step) == ("finished", 12)
    assert "ran away: back to step 5, with half the learning rate" in bench.said()
    assert "back to step 5" in result.run.log_path.read_text()
    rows = losses(result.run)
    assert [step for step, *_ in rows] == list(range(1, 13))
    assert rows[:5] == usual[:5]
    assert [rate for *_, rate in rows[5:]] == pytest.approx([rate / 2 for *_, rate in usual[5:]])
    assert_all_sound(result.run)


def test_a_loss_that_grows_without_bound_is_rescued_too(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Learner.step
    grown = iter([True])
    monkeypatch.setattr(
        Learner, "step", lambda self, n: step(self, n) * (1e6 if n == 8 and next(grown, False) else 1)
    )
    result = bench.train()
    assert (result.state, result.step) == ("finished", 12) and "The loss ran away" in bench.said()
    assert max(loss for _, loss, _ in losses(result.run)) < 100


def test_a_rescue_is_part_of_the_course(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        poison(patch, {8: 1})
        whole = bench.train().run
    with monkeypatch.context() as patch:
        poison(patch, {8: 1})
        run = bench.train(stop=StopAt(10)).run
    assert_same_course(bench.resume(run).run, whole)


@pytest.mark.parametrize("step", [5, 7, 10, 12])
def test_weights_that_are_no_numbers_are_never_saved(
    bench: Any, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Also where the loss of the step, which is from before the update, was still a number."""
    poison(monkeypatch, {step: 1}, loss_too=False)
    result = bench.train()
    assert (result.state, result.step) == ("finished", 12)
    assert "back to step" in bench.said()
    assert_all_sound(result.run)


def test_a_run_that_is_stopped_with_bad_weights_keeps_the_last_good_ones(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, {7: 1}, loss_too=False)
    result = bench.train(stop=StopAt(7))
    assert (result.state, result.step) == ("stopped", 5)
    assert_all_sound(result.run)
    assert len(losses(result.run)) == 5


@pytest.mark.parametrize("what", ["evaluate", "bfloat16_difference", "contact_sheet", "previews"])
def test_what_training_does_not_depend_on_may_find_no_memory(
    bench: Any, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def run_out_of_memory(*given: Any) -> Any:
        raise RuntimeError("CUDA out of memory")

    place = {"evaluate": validation, "bfloat16_difference": manager}.get(what, manager.Pictures)
    monkeypatch.setattr(place, what, run_out_of_memory)
    result = bench.train(held_out=1002, contact_sheet_interval=5)
    assert (result.state, result.step) == ("finished", 12) and result.run.ost_path.is_file()
    assert "not enough memory" in bench.said()


def test_a_loss_that_never_becomes_a_number_ends_with_what_is_saved(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, {8: 100})
    with pytest.raises(TrainingError, match="running away") as caught:
        bench.train(name="wild")
    run = RunFolder.open(bench.data / "wild")
    assert caught.value.exit_code == 1 and run.read_state().state == "failed"
    assert run.newest() == run.cat_path(5)
    assert_all_sound(run)


# -- disks ----------------------------------------------------------------------------------------------


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Path], bool]], None]:
    """``full_disk(hits)``: whatever is written to a path for which ``hits`` is true finds no space."""
    write = files._write

    def arm(hits: Callable[[Path], bool]) -> None:
        def failing(path: Path, content: Any) -> None:
            if hits(path):
                path.write_bytes(b"half of it")
                raise OSError(errno.ENOSPC, "No space left on device")
            write(path, content)

        monkeypatch.setattr(files, "_write", failing)

    return arm


def test_a_full_disk_costs_a_checkpoint_and_not_the_run(bench: Any, full_disk: Any) -> None:
    whole = bench.train().run
    writes = itertools.count()  # the first two are the .cat and the .ost of step 5
    full_disk(lambda path: path.suffix in (".cat", ".ost") and next(writes) < 2)
    result = bench.train()
    assert (result.state, result.step) == ("finished", 12)
    assert "training goes on" in bench.said() and "No space left" in bench.said()
    assert [step for step, _ in result.run.checkpoints()] == [10, 12]
    assert_same_course(result.run, whole)
    assert not list(result.run.path.glob(".tmp-*"))


def test_the_old_progress_file_stands_when_the_new_one_cannot_be_written(bench: Any, full_disk: Any) -> None:
    whole = bench.train().run
    run = bench.train(stop=StopAt(5)).run
    before = run.ost_path.read_bytes()
    full_disk(lambda path: path.suffix in (".cat", ".ost"))
    result = bench.resume(run)
    assert result.state == "failed" and "could not be saved" in run.read_state().reason
    assert "Not written: stopped.ost could not" in bench.said() or "Not written: Training" in bench.said()
    assert run.ost_path.read_bytes() == before
    full_disk(lambda path: False)
    assert_same_course(bench.resume(run).run, whole)


def test_a_run_that_was_given_more_and_killed_before_it_saved_anything_is_not_finished(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.train(max_steps=4).run

    def killed(self: Learner, step: int) -> float:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Learner, "step", killed)
        bench.resume(run, max_steps=9)
    result = bench.resume(run)
    assert (result.state, result.step) == ("finished", 9)


def test_files_of_a_stretch_that_was_lost_go_once_the_run_is_saved_again(bench: Any) -> None:
    """Killed between the .cat of step 10 and its progress; then the run is to end at 7."""
    run = bench.train(stop=StopAt(5)).run
    shutil.copy(run.cat_path(5), run.cat_path(10))
    run.contact_path(10).write_bytes(b"a picture")
    result = bench.resume(run, max_steps=7)
    assert result.newest == run.cat_path(7) and not run.cat_path(10).exists()
    assert not run.contact_path(10).exists() and run.contact_path(7).exists()


def test_a_disk_without_any_space_leaves_no_run_behind(bench: Any, full_disk: Any) -> None:
    full_disk(lambda path: True)
    with pytest.raises(RunError, match="could not be written") as caught:
        bench.train()
    assert caught.value.exit_code == 2 and not bench.data.exists()


def test_the_command_ends_with_1_when_the_last_checkpoint_cannot_be_written(bench: Any) -> None:
    """A real limit of the system: no file may grow beyond 20 kB, which the small ones do not."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "import small_networks; small_networks.shrink();"
        "from understudy.cli.main import run; sys.exit(run(sys.argv[1:]))"
    )
    arguments = bench.flags()
    arguments += ["--name", "full", "--model-size", "small", "--crop-size", "32", "--max-steps", "6"]
    done = subprocess.run(
        [sys.executable, "-c", code, "train", *arguments, "--checkpoint-interval", "2"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(HERE)}, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "training goes on" in done.stdout and "full failed at step 6" in done.stdout
    assert "Free some space" in done.stdout and "To go on" in done.stdout and "To use it" not in done.stdout
    run = RunFolder.open(bench.data / "full")
    assert run.read_state().state == "failed" and len(run.read_summary()) == 6
    assert [p.name for p in run.path.iterdir() if p.suffix in (".cat", ".ost")] == []


FILL_THE_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from understudy.errors import WriteError
from understudy.training.contact_sheet import write_png
noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), np.uint8)
for limit in (20_000, 10**6):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, 10**6))
    try:
        write_png(Path(sys.argv[1], f"{limit}.png"), noise)
    except WriteError as error:
        print(error.message)
"""


def test_a_picture_that_the_disk_has_no_room_for_is_not_left_half_written(tmp_path: Path) -> None:
    """The library does not notice; and a limit of the system is met in another process only."""
    command = [sys.executable, "-c", FILL_THE_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "A picture could not be written.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["1000000.png"]


def test_a_run_has_something_to_go_on_from_as_soon_as_it_has_a_checkpoint(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed right after its first .cat."""
    whole = bench.train(name="whole").run
    save = CheckpointWriter.save_checkpoint

    def killed(self: CheckpointWriter, step: int, best: Any) -> None:
        save(self, step, best)
        raise SystemExit

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(CheckpointWriter, "save_checkpoint", killed)
        bench.train(name="killed")
    run = RunFolder.open(bench.data / "killed")
    assert [step for step, _ in run.checkpoints()] == [5]
    assert_same_course(bench.resume(run).run, whole)


def test_a_momentum_that_is_no_number_is_not_saved(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It spoils its matrix only when that has its turn, by when a checkpoint may have been written."""
    step = Learner.step
    faults = [True]

    def spoiled(self: Learner, number: int) -> float:
        loss = step(self, number)
        if number == 5 and faults:
            faults.clear()
            self.optimizer.state()["muon.0"].fill_(torch.nan)
        return loss

    monkeypatch.setattr(Learner, "step", spoiled)
    result = bench.train()
    assert result.state == "finished" and "back to step 0" in bench.said()
    assert all(tensor.isfinite().all() for tensor in load_file(result.run.ost_path).values())


def test_a_figure_on_bfloat16_stands_only_beside_the_weights_it_was_measured_on(make_bench: Any) -> None:
    bench = make_bench(numbers=tuple(range(1001, 1014)))
    run = bench.train(max_steps=30, checkpoint_interval=7).run
    figures = [load_model(path)[0].precision for _, path in run.checkpoints()]
    assert figures[:-1] == [{}] * (len(figures) - 1) and figures[-1]
    assert load_model(run.best_path)[0].precision


def test_a_run_that_nothing_can_be_gone_on_from_is_not_said_to_be_resumed(
    bench: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = bench.train().run
    run.ost_path.unlink()
    with training_progress(False) as progress:
        progress.state = "failed"
        assert progress.ended(run) == 1
    out = capsys.readouterr().out
    assert "--initial-weights" in out and "understudy resume" not in out


# -- others ---------------------------------------------------------------------------------------------


def test_a_run_that_was_taken_over_is_not_written_to(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop.TrainingLoop, "_is_taken_over", lambda self: self.step >= 7)
    result = bench.train()
    assert result.state == "stopped" and [step for step, _ in result.run.checkpoints()] == [5]
    assert not result.run.best_path.exists()


def test_a_preview_that_cannot_be_read_any_more_costs_only_the_preview(bench: Any) -> None:
    preview = bench.data.parent / "preview.png"
    preview.write_bytes(bench.shot.plate_file(1001).read_bytes())
    run = bench.train(preview=str(preview), stop=StopAt(2)).run
    preview.unlink()
    result = bench.resume(run)
    assert result.state == "finished" and "No preview" in bench.said()


def test_what_is_said_stands_in_the_log(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch, {3: 1})
    result = bench.train()
    log = result.run.log_path.read_text()
    assert bench.of(Message) and all(event.text in log for event in bench.of(Message))


def test_checkpoints_can_be_used_while_training_goes_on(bench: Any) -> None:
    loaded: list[int] = []

    def look(event: Any) -> None:
        if getattr(event, "kind", "") == "checkpoint":
            loaded.append(load_model(event.path)[0].provenance["steps"])

    bench.events = type("Look", (list,), {"append": lambda self, event: look(event)})()
    bench.train()
    assert loaded == [5, 10, 12]


# -- memory ---------------------------------------------------------------------------------------------


def run_out_of_memory(monkeypatch: pytest.MonkeyPatch, most: int) -> list[int]:
    """No memory for batches of more than ``most`` crops; the sizes that were tried."""
    loss, tried = Learner._loss, []

    def failing(self: Learner, batch: Any) -> torch.Tensor:
        tried.append(len(batch.input))
        if len(batch.input) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return loss(self, batch)

    monkeypatch.setattr(Learner, "_loss", failing)
    return tried


def test_memory_that_runs_out_halves_the_batch_and_goes_on(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = run_out_of_memory(monkeypatch, most=2)
    result = bench.train(batch_size=9)
    assert (result.state, result.step) == ("finished", 12)
    assert tried == [9, 4, *[2] * 12]
    assert "batch size 4" in bench.said() and "batch size 2" in bench.said()
    assert result.run.read_state().plan["batch_size"] == 2


def test_memory_for_not_even_one_crop_is_said(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run_out_of_memory(monkeypatch, most=0)
    with pytest.raises(TrainingError, match="memory") as caught:
        bench.train()
    assert caught.value.exit_code == 1 and "--crop-size" in caught.value.remedy
