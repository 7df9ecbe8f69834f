"""Heartbeat and stopping: who is at work on a run, and how it is asked to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from understudy.errors import ModelFileError, RunError, WriteError
from understudy.runs import Heartbeat, RunFolder, RunState, StopFlag
from understudy.runs.state import this_host


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "a")


def wait_for(condition: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_a_heartbeat_makes_a_run_busy_and_its_end_does_not(run: RunFolder) -> None:
    with Heartbeat(run, total=50, pairs=3) as heartbeat:
        heartbeat.update(state="training", step=7, loss=0.5)
        assert run.is_busy() and run.condition() == "training"
        heartbeat.finish("finished", "all steps done")
    state = run.read_state()
    assert (state.state, state.reason, state.step, state.total, state.pairs) == (
        "finished",
        "all steps done",
        7,
        50,
        3,
    )
    assert not run.is_busy() and not run.lock_path.exists()


def test_the_state_is_rewritten_while_nothing_happens(run: RunFolder) -> None:
    with Heartbeat(run, interval=0.02) as heartbeat:
        first = run.read_state().heartbeat
        heartbeat.update(step=9)
        wait_for(lambda: run.read_state().heartbeat > first and run.read_state().step == 9)


def test_an_exception_leaves_a_failed_run_with_its_reason_and_ctrl_c_a_stopped_one(run: RunFolder) -> None:
    with pytest.raises(ValueError), Heartbeat(run):
        raise ValueError("no memory\nmore")
    assert (run.read_state().state, run.read_state().reason) == ("failed", "no memory")
    with pytest.raises(KeyboardInterrupt), Heartbeat(run):
        raise KeyboardInterrupt
    assert run.read_state().state == "stopped"


def test_a_resumed_run_keeps_what_its_state_knew(run: RunFolder) -> None:
    run.write_state(
        RunState(state="stopped", step=40, created=5.0, best_held_out={"step": 20, "value": 31.5})
    )
    with Heartbeat(run) as heartbeat:
        state = heartbeat.state
    assert (state.step, state.created, state.best_held_out.value) == (40, 5.0, 31.5)  # type: ignore[union-attr]
    assert state.process == os.getpid() and state.host == this_host()


def test_a_run_cannot_be_trained_twice_at_a_time(run: RunFolder) -> None:
    with Heartbeat(run), pytest.raises(RunError, match="is being trained"), Heartbeat(run):
        pass
    assert run.read_state().state == "stopped"


def test_of_two_that_begin_in_the_same_moment_one_is_refused(run: RunFolder) -> None:
    run.lock_path.write_text(
        '{"host": "render07", "process": 1, "token": "x"}'
    )  # its state is not yet written
    with pytest.raises(RunError, match="just about"), Heartbeat(run):
        pass
    assert "render07" in run.lock_path.read_text()


def test_the_claim_of_a_dead_process_does_not_hold_a_run(run: RunFolder) -> None:
    run.lock_path.write_text(f'{{"host": "{this_host()}", "process": {2**22 + 1}, "token": "x"}}')
    with Heartbeat(run):
        assert run.is_busy()
    run.lock_path.write_text("damaged")
    os.utime(run.lock_path, (1, 1))
    with Heartbeat(run):
        assert run.is_busy()


def test_one_whose_run_was_taken_over_while_it_slept_notices_and_writes_no_more(run: RunFolder) -> None:
    with Heartbeat(run, interval=0.02) as heartbeat:
        run.lock_path.write_text('{"host": "render07", "process": 1, "token": "other"}')
        wait_for(lambda: heartbeat.taken_over)
        run.write_state(RunState(state="training", host="render07", step=99))
    assert run.read_state().step == 99 and "other" in run.lock_path.read_text()


def test_a_full_disk_does_not_end_a_training_over_its_heartbeat(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Heartbeat(run, interval=0.02) as heartbeat:
        monkeypatch.setattr(run, "write_state", lambda state: (_ for _ in ()).throw(WriteError("full")))
        heartbeat.update(state="training", step=3)
        time.sleep(0.1)
        monkeypatch.undo()
        wait_for(lambda: run.read_state().step == 3)


SLEEPER = """
import sys, time
from understudy.runs import Heartbeat, RunFolder
with Heartbeat(RunFolder.open(sys.argv[1])):
    time.sleep(600)
"""


def test_a_killed_process_does_not_hold_its_run(run: RunFolder) -> None:
    run.write_state(RunState(state="stopped"))
    process = subprocess.Popen([sys.executable, "-c", SLEEPER, str(run.path)])
    try:
        wait_for(run.is_busy)
        process.kill()
        wait_for(lambda: not run.is_busy())  # at once, though nobody has waited for the process yet
        assert run.condition() == "stopped (lost)"
        with Heartbeat(run):
            assert run.read_state().process == os.getpid()
    finally:
        process.kill()
        process.wait()


# -- stopping ------------------------------------------------------------


def test_a_stop_file_raises_the_flag(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("understudy.runs.stop.LOOK_SECONDS", 0)
    stop = StopFlag(run)
    assert not stop
    run.request_stop()
    assert stop and stop.reason == "understudy stop"
    run.clear_stop()
    assert stop and not run.stop_requested()


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP")],
)
def test_the_first_signal_asks_and_a_later_one_aborts(
    number: signal.Signals, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that comes at once is the same request, passed on by a wrapper such as docker or uv run."""
    outside = signal.signal(number, signal.SIG_DFL)  # these tests may run under nohup themselves
    try:
        with StopFlag() as stop:
            signal.raise_signal(number)
            assert stop and stop.reason == reason
            signal.raise_signal(number)
            signal.raise_signal(number)
            now = time.monotonic()
            monkeypatch.setattr(time, "monotonic", lambda: now + 2.5)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, outside)


@pytest.mark.parametrize("received", [True, False])
def test_where_the_process_ends_a_late_repeat_of_a_signal_changes_nothing(received: bool) -> None:
    """Not even while the interpreter is taken down, when no handler of ours runs any more."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        with StopFlag(ends_process=True) as stop:
            if received:
                signal.raise_signal(signal.SIGINT)
        assert bool(stop) is received
        assert signal.getsignal(signal.SIGINT) is (signal.SIG_IGN if received else before[signal.SIGINT])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_command_under_nohup_outlives_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopFlag() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_no_signal_handler_is_touched() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with StopFlag() as stop:
            seen.append(signal.getsignal(signal.SIGINT) is before)
            stop.request("enough")
            seen.append(stop.reason == "enough")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True, True]


def test_a_run_without_a_checkpoint_says_whether_waiting_helps(run: RunFolder) -> None:
    with Heartbeat(run), pytest.raises(ModelFileError) as caught:
        run.best_or_newest()
    assert "Wait for its first checkpoint" in caught.value.remedy
    with pytest.raises(ModelFileError) as caught:
        run.best_or_newest()
    assert "Nothing trains it now" in caught.value.remedy and f"resume {run.path}" in caught.value.remedy
