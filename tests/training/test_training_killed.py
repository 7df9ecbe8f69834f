"""SIGKILL at any moment: the files are whole, and the end is that of a run that was never killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_bench import StopAt, assert_same_course, losses

from understudy.runs import RunFolder

HERE = Path(__file__).parent
KILLS = int(os.environ.get("UNDERSTUDY_KILLS", "6"))
Command = Callable[..., subprocess.Popen[str]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.timeout(120 + 5 * KILLS)
def test_a_run_killed_at_random_moments_ends_like_one_never_killed(bench: Any) -> None:
    """UNDERSTUDY_KILLS=100 takes a few minutes."""
    done = subprocess.run(
        [
            sys.executable,
            str(HERE / "kill_often.py"),
            str(bench.data),
            bench.shot.plate,
            bench.shot.truth,
            str(KILLS),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] == KILLS and told["runs"] >= 1
    print(told)


# -- the real command line ------------------------------------------------------------------------------


def flags(bench: Any, *more: str) -> list[str]:
    usual = bench.flags()
    usual += ["--model-size", "small", "--crop-size", "32", "--batch-size", "2", "--precision", "float32"]
    return ["train", *usual, "--devices", "cpu", "--name", "run", "--checkpoint-interval", "10", *more]


def wait_for(path: Path, process: subprocess.Popen[str], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until, f"{path.name} did not come"
        time.sleep(0.01)


def test_the_command_line_stops_kills_and_resumes(bench: Any, command: Command) -> None:
    """Ctrl-C, then understudy stop, then SIGTERM, then SIGKILL, and on to the end: one process each."""
    run = RunFolder(bench.data / "run")
    process = command(*flags(bench, "--max-steps", "100000"))
    wait_for(run.cat_path(10), process)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and "Ctrl-C" in told and f"understudy resume {run.path}" in told
    first = run.read_state()
    assert first.state == "stopped" and run.newest() == run.cat_path(first.step)

    process = command("resume", str(run.path))
    wait_for(run.cat_path((first.step // 10 + 1) * 10), process)
    stopper = command("stop", str(run.path), "--wait")
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and "understudy stop" in told
    assert stopper.wait(120) == 0 and not run.is_busy()
    second = run.read_state().step
    assert second > first.step

    process = command("resume", str(run.path), "--json")
    wait_for(run.cat_path((second // 10 + 1) * 10), process)
    process.terminate()
    told, _ = process.communicate(timeout=120)
    rows = [json.loads(line) for line in told.splitlines()]
    assert process.returncode == 0
    assert (rows[-1]["event"], rows[-1]["state"], rows[-1]["reason"]) == ("ended", "stopped", "SIGTERM")
    third = rows[-1]["step"]

    process = command("resume", str(run.path))
    wait_for(run.cat_path((third // 10 + 1) * 10), process)
    process.kill()
    process.wait()
    assert run.condition() == "stopped (lost)"
    saved = max(step for step, _ in run.checkpoints())
    result = bench.resume(run, max_steps=saved + 5)
    assert (result.state, result.step) == ("finished", saved + 5)
    assert [step for step, *_ in losses(run)] == list(range(1, saved + 6))


def interrupt(process: subprocess.Popen[str], pauses: tuple[float, ...]) -> str:
    """Ctrl-C, and once more after each pause, as wrappers do that pass on what the process has had already;
    all that the process says. ``ONE_REQUEST`` sees to it that this is one, however slow the machine is."""
    process.send_signal(signal.SIGINT)
    for pause in pauses:
        time.sleep(pause)
        process.send_signal(signal.SIGINT)
    return process.communicate(timeout=120)[0]


ONE_REQUEST = {"UNDERSTUDY_TEST_REPEAT_SECONDS": "120"}


@pytest.mark.parametrize("pauses", [(0.1,), (0.5,)], ids=str)
def test_ctrl_c_twice_in_quick_succession_loses_nothing(
    bench: Any, command: Command, pauses: tuple[float, ...]
) -> None:
    """Whatever the second one meets: the step, the saving, the last words or the end of the process."""
    run = RunFolder(bench.data / "run")
    process = command(*flags(bench, "--max-steps", "100000"), environment=ONE_REQUEST)
    wait_for(run.cat_path(10), process)
    told = interrupt(process, pauses)
    assert process.returncode == 0, told
    assert "Ctrl-C" in told and f"understudy resume {run.path}" in told
    assert "Traceback" not in told and "KeyboardInterrupt" not in told
    state = run.read_state()
    assert state.state == "stopped" and run.newest() == run.cat_path(state.step) and not run.is_busy()
    assert [step for step, *_ in losses(run)] == list(range(1, state.step + 1))
    result = bench.resume(run, max_steps=state.step + 5)
    assert (result.state, result.step) == ("finished", state.step + 5)
    assert [step for step, *_ in losses(run)] == list(range(1, state.step + 6))


def test_ctrl_c_twice_while_frames_are_made_loses_none_of_them(
    bench: Any, command: Command, tmp_path: Path
) -> None:
    model = bench.train(max_steps=5).run.best_or_newest()
    plates = tmp_path / "long"
    plates.mkdir()
    still = Path(next(iter(sorted(Path(bench.shot.plate).parent.iterdir()))))
    for number in range(1, 2001):
        (plates / f"plate.{number:04}{still.suffix}").symlink_to(still)
    made = tmp_path / "made"
    apply = ["apply", str(model), str(plates / f"plate.####{still.suffix}"), str(made / "out.####.exr")]
    process = command(*apply, environment=ONE_REQUEST)
    wait_for(made / "out.0003.exr", process)
    told = interrupt(process, (0.1, 0.2, 0.2))
    assert process.returncode == 0, told
    assert "Stopped. The same command goes on" in told and "Traceback" not in told
    whole = sorted(made.iterdir())
    assert 3 <= len(whole) < 2000 and f"{len(whole)} frames written" in told
    assert [path.name for path in whole if path.name.startswith(".")] == []
    again = command(*apply, "--frames", "1-3")
    told, _ = again.communicate(timeout=120)
    assert again.returncode == 0 and "3 were there already" in told


def test_a_run_of_the_command_line_takes_the_same_course_as_one_from_python(
    bench: Any, command: Command
) -> None:
    """Stopped there, gone on with here."""
    process = command(*flags(bench, "--max-steps", "12"))
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0, told
    run = bench.train(stop=StopAt(7)).run
    assert_same_course(bench.resume(run).run, RunFolder(bench.data / "run"))


def test_two_runs_in_one_data_directory_do_not_disturb_each_other(bench: Any, command: Command) -> None:
    usual = [flag for flag in flags(bench, "--max-steps", "30") if flag not in ("--name", "run")]
    processes = [command(*usual), command(*usual, "--seed", "1")]
    for process in processes:
        told, _ = process.communicate(timeout=120)
        assert process.returncode == 0, told
    runs = list(bench.data.iterdir())
    courses = {tuple(losses(RunFolder(path))) for path in runs}
    expected = {
        tuple(losses(bench.train(seed=seed, max_steps=30, data_directory=bench.data / "alone").run))
        for seed in (0, 1)
    }
    assert len(runs) == 2 and courses == expected


def test_what_is_refused_on_the_command_line_is_one_message(bench: Any, command: Command) -> None:
    process = command(*flags(bench, "--ground-truth-channels", "depth.Z"))
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 2 and told.startswith("Error: ") and "Traceback" not in told
    assert "depth.Z" in told and not bench.data.exists()
