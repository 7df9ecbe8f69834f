"""Corrections of several artists and processes, killed, undone in any order: nothing is lost."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from training_bench import assert_same_course, losses

from understudy.artist.correct import add_correction, correct, undo_correction
from understudy.runs import RunFolder
from understudy.runs.corrections import read_corrections
from understudy.runs.presence import Presence, is_kept_open
from understudy.runs.stop import StopFlag
from understudy.settings import CorrectSettings
from understudy.training.checkpoints.progress_file import load_progress
from understudy.training.stamp import Overtaken
from understudy.training.teach import Teacher
from understudy.training.teaching.material import Outcome
from understudy.training.teaching.words import say_fault
from understudy.training.train import resume

Command = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def taught(make_bench: Any) -> Any:
    bench = make_bench(effect="matte")
    bench.run = bench.train(name="run").run
    return bench


def teach(bench: Any, run: RunFolder, **given: Any) -> Any:
    bench.events.clear()
    return correct(CorrectSettings(run=str(run.path), **given), bench.events.append)


def averages(run: RunFolder) -> dict[str, torch.Tensor]:
    return {n: t for n, t in load_progress(run.ost_path)[1].items() if n.startswith("average.")}


def are_alike(ones: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> bool:
    return all(torch.allclose(ones[name], others[name], atol=1e-5) for name in ones)


def apart(ones: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> float:
    return sum(float((tensor - others[name]).abs().sum()) for name, tensor in ones.items())


def kept_states(run: RunFolder) -> list[int]:
    return [each.id for each in read_corrections(run.path) if each.before_path.exists()]


def until(reached: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.01)


# -- undone ----------------------------------------------------------------------------------------------


def test_undoing_an_earlier_correction_learns_the_later_one_anew(taught: Any) -> None:
    """From the weights from before both: nothing of the first is left in them."""
    teach(taught, taught.run, max_steps=8, empty="1002")
    teach(taught, taught.run, max_steps=8, empty="1004")
    teach(taught, taught.run, undo=1, max_steps=8)
    lesson = load_progress(taught.run.ost_path)[0].plan.lesson
    assert (lesson.active, lesson.new, lesson.reference) == ([2], [2], 1)
    known = load_progress(read_corrections(taught.run.path)[0].before_path)[0]
    assert known.plan.lesson is None, "what it went back to knew no correction"
    assert [each.undone for each in read_corrections(taught.run.path)] == [True, False]


def test_corrections_are_undone_in_any_order_back_to_what_the_run_was(taught: Any) -> None:
    before = averages(taught.run)
    for frame in ("1002", "1003", "1004"):
        teach(taught, taught.run, max_steps=4, empty=frame)
    for number in (2, 1, 3):
        teach(taught, taught.run, undo=number, max_steps=4)
    assert are_alike(averages(taught.run), before)
    assert load_progress(taught.run.ost_path)[0].plan.lesson.active == []


def test_what_is_kept_to_undo_corrections_does_not_grow(taught: Any) -> None:
    for index in range(7):
        teach(taught, taught.run, max_steps=1, empty=str(1001 + index % 5))
    kept = kept_states(taught.run)
    assert kept == [1, 5, 6, 7]
    teach(taught, taught.run, undo=3, max_steps=1)
    assert load_progress(taught.run.ost_path)[0].plan.lesson.new == [1, 2, 4, 5, 6, 7]
    assert kept_states(taught.run) == [1]


def test_undoing_does_not_cost_what_the_run_has_learned_for_itself_since(taught: Any) -> None:
    old = averages(taught.run)
    teach(taught, taught.run, max_steps=2, empty="1002")
    taught.resume(taught.run, max_steps=40)
    now = averages(taught.run)
    teach(taught, taught.run, undo=1, max_steps=1)
    assert "goes on from the weights that it has" in taught.said()
    after = averages(taught.run)
    assert apart(after, now) < 0.1 * apart(after, old)
    assert load_progress(taught.run.ost_path)[0].plan.own_steps(41) == 38


# -- plates that change, lessons that go wrong ------------------------------------------------------------


def test_a_plate_that_changed_since_is_said_and_what_was_painted_can_be_undone(taught: Any) -> None:
    teach(taught, taught.run, max_steps=2, empty="1002")
    correction = read_corrections(taught.run.path)[0]
    told = (correction.path / "correction.toml").read_text()
    known = correction.plate_hashes[1002]
    (correction.path / "correction.toml").write_text(told.replace(known, "0" * 32))
    teach(taught, taught.run, max_steps=2, empty="1003")
    assert "the plate has changed since these frames were corrected: 1002 (correction 1)" in taught.said()
    teach(taught, taught.run, undo=1, max_steps=2)
    assert "has changed since" not in taught.said()


def test_a_run_goes_on_after_its_corrected_frame_has_changed(make_bench: Any) -> None:
    """Frame 1006 is no pair. The lesson is over, so what it was learned from binds no more."""
    bench = make_bench(effect="matte", numbers=range(1001, 1007), truth_numbers=range(1001, 1006))
    run = bench.train(name="run").run
    teach(bench, run, max_steps=2, empty="1006")
    pixels = np.full((32, 48, 3), 40, np.uint8)
    output = oiio.ImageOutput.create(str(bench.shot.plate_file(1006)))
    assert output.open(str(bench.shot.plate_file(1006)), oiio.ImageSpec(48, 32, 3, "uint8"))
    assert output.write_image(pixels) and output.close()
    teach(bench, run, undo=1)
    assert bench.resume(run, max_steps=20).state == "finished"


@pytest.mark.parametrize(
    ("outcome", "matte", "says"),
    [
        (Outcome(0.5, 0.7, 0.0), True, "worse than before"),
        (Outcome(0.5, 0.4, 0.0), True, "not right yet"),
        (Outcome(0.95, 0.4, 0.0), True, ""),
        (Outcome(0.1, 0.0, 0.0, (25.0, 23.0)), False, "worse than before"),
        (Outcome(1.0, 1.0, 0.0, (81.4, 80.0)), False, ""),
        (Outcome(0.1, 0.0, 0.0, (25.0, 25.4)), False, "not right yet"),
        (Outcome(0.1, 0.0, 0.0, (25.0, 29.0)), False, ""),
    ],
)
def test_a_correction_that_goes_wrong_ends_with_a_warning(outcome: Outcome, matte: bool, says: str) -> None:
    said = say_fault((3,), outcome, matte)
    assert (says in said) if says else said == ""
    assert ("--undo 3" in said) == (says == "worse than before")


# -- several processes ------------------------------------------------------------------------------------


def test_two_who_correct_at_once_are_both_learned(taught: Any, command: Command) -> None:
    path = str(taught.run.path)
    processes = [
        command("correct", path, "--empty", "1003", "--max-steps", "30"),
        command("correct", path, "--empty", "1004", "--max-steps", "30"),
    ]
    told = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert [each.frames for each in read_corrections(taught.run.path)] in (
        [(1003,), (1004,)],
        [(1004,), (1003,)],
    )
    progress = load_progress(taught.run.ost_path)[0]
    assert progress.plan.lesson.active == [1, 2] and progress.plan.lesson.ended == progress.step
    assert [step for step, *_ in losses(taught.run)] == list(range(1, progress.step + 1))
    assert all("--update" in text for text in told)


def test_a_lesson_that_is_killed_goes_on_as_if_it_had_not_been(make_bench: Any, command: Command) -> None:
    bench = make_bench(effect="matte")
    whole, killed = bench.train(name="whole").run, bench.train(name="killed").run
    teach(bench, whole, max_steps=60, empty="1003")
    process = command("correct", str(killed.path), "--empty", "1003", "--max-steps", "60")
    until(lambda: any(row["step"] > 12 for row in killed.read_summary()) or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert killed.read_state().state == "training" and not killed.is_busy()
    teach(bench, killed)
    assert_same_course(killed, whole)
    assert killed.read_state().learned == [1]


def test_who_has_read_a_run_before_another_trained_it_does_not_overwrite_that(taught: Any) -> None:
    add_correction(taught.run, "empty", (1002,), {}, (), steps=3)
    with Teacher(taught.run) as slow:
        slow.open()
        opened = slow._open
        teach(taught, taught.run)
        after = load_progress(taught.run.ost_path)[0].step
        assert opened is not None
        undo_correction(taught.run, 1)
        with pytest.raises(Overtaken):
            slow._learn(opened)
        assert load_progress(taught.run.ost_path)[0].step == after
        assert not taught.run.lock_path.exists() and taught.run.read_state().state == "finished"


def test_a_run_that_lies_open_takes_the_same_course_as_one_that_is_read_anew(make_bench: Any) -> None:
    bench = make_bench(effect="matte", numbers=range(1001, 1009), truth_numbers=range(1001, 1006))
    anew, lies_open = bench.train(name="anew").run, bench.train(name="open").run
    with Teacher(lies_open) as teacher:
        for frame in (1006, 1008):
            for run in (anew, lies_open):
                add_correction(run, "empty", (frame,), {}, (), steps=4)
            teach(bench, anew)
            assert teacher.is_due() and not teacher.is_due()
            assert teacher.teach().state == "finished"
            assert not teacher.is_due()
            teacher.open()
        bench.resume(lies_open, max_steps=30)
        bench.resume(anew, max_steps=30)
        for run in (anew, lies_open):
            add_correction(run, "empty", (1007,), {}, (), steps=4)
        teach(bench, anew)
        assert teacher.is_due() and teacher.teach().step == 34, "what another process did is read anew"
    assert_same_course(lies_open, anew)


def test_a_process_that_waits_learns_what_others_correct_and_blocks_nobody(taught: Any) -> None:
    stop, heard = StopFlag(), []
    settings = CorrectSettings(run=str(taught.run.path), wait=60)
    waiting = threading.Thread(target=correct, args=(settings, heard.append, stop))
    waiting.start()
    try:
        until(lambda: is_kept_open(taught.run))
        assert not taught.run.is_busy() and not taught.run.lock_path.exists()
        result = teach(taught, taught.run, max_steps=3, empty="1003")
        assert result.state == "finished" and result.outcomes == (), "the other one has learned it"
        assert taught.run.read_state().learned == [1]
        assert resume(taught.run, max_steps=20).step == 20, "others may train it"
        add_correction(taught.run, "empty", (1004,), {}, (), steps=3)
        until(lambda: taught.run.read_state().learned == [1, 2] and not taught.run.is_busy())
        assert load_progress(taught.run.ost_path)[0].step == 23
        with Presence(taught.run) as second:
            assert not second.is_mine
    finally:
        stop.request()
        waiting.join(60)
    assert not waiting.is_alive() and not is_kept_open(taught.run)


def test_one_that_waits_ends_when_it_is_asked_to(taught: Any, command: Command) -> None:
    process = command("correct", str(taught.run.path), "--wait", "10m")
    until(lambda: is_kept_open(taught.run))
    told, _ = command("stop", str(taught.run.path), "--wait").communicate(timeout=120)
    assert "keeps run open" in told
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and "It is kept open" in told, told
    assert not taught.run.stop_requested()
