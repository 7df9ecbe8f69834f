"""What a job for a farm is made of, whichever farm it is for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.cli.main import run
from understudy.cluster.farm.apply_job import apply_job
from understudy.cluster.farm.chunks import cut, size_of_chunks
from understudy.cluster.farm.job import Step
from understudy.cluster.farm.places import is_local, local_notes
from understudy.cluster.farm.train_job import train_job
from understudy.errors import RunError, SettingError
from understudy.frames import parse_frame_range
from understudy.settings import FarmApplySettings, FarmTrainSettings, settings_of

FARMS = ("openjd", "deadline", "opencue")


def settings(stage: Any, **more: Any) -> FarmApplySettings:
    values = {"model": str(stage.model), "plate": stage.plate, "output": "out/out.####.exr", "to": "openjd"}
    return FarmApplySettings(**{**values, **more})


def words(step: Step) -> list[str]:
    return [word.text("FRAMES") for word in step.words]


@given(st.lists(st.integers(-50, 4000), unique=True, min_size=1).map(sorted), st.integers(1, 40))
def test_every_frame_is_in_one_task_and_no_task_has_more_than_asked(numbers: list[int], size: int) -> None:
    step = Step("apply", (), cut(numbers, size), size)
    assert [n for text in step.ranges for n in parse_frame_range(text)] == numbers
    assert all(len(chunk) <= size for chunk in step.chunks)
    assert step.count == -(-len(numbers) // size)


def test_long_shots_get_longer_tasks_rather_than_thousands() -> None:
    assert size_of_chunks(25, "auto") == size_of_chunks(10_000, "auto") == 10
    assert size_of_chunks(40_000, "auto") == 40 and size_of_chunks(40_000, 3) == 3


@pytest.mark.parametrize("model", [FarmApplySettings, FarmTrainSettings])
def test_no_option_of_a_farm_has_the_name_of_another(model: Any) -> None:
    names = [info.name for info in settings_of(model)]
    assert len(names) == len(set(names)) and {"to", "submit", "job_folder"} <= set(names)


def test_every_path_is_absolute_and_the_mask_too(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(stage.here))
    (stage.here / "like").mkdir()
    plate = os.path.relpath(stage.plate, stage.here)
    mask = os.path.relpath(stage.plate_file(1001), stage.here)
    job = apply_job(settings(stage, plate=plate, mask=mask, output="~/out/out.####.exr"))
    made = words(job.steps[0])
    assert f"--plate={stage.here}/{plate}" in made and f"--mask={stage.here}/{mask}" in made
    assert f"--output={stage.here}/out/out.####.exr" in made
    assert "--mask=channel:R" in words(apply_job(settings(stage, mask="channel:R")).steps[0])


def test_the_tasks_use_the_file_that_a_run_means_now(stage: Any) -> None:
    here = stage.model.with_suffix("")
    assert f"--model={stage.model}" in words(apply_job(settings(stage, model=str(here))).steps[0])


def test_only_the_wanted_frames_become_tasks(stage: Any) -> None:
    job = apply_job(settings(stage, frames="1003-1005,1020-1030", frames_per_task=4))
    assert job.steps[0].ranges == ("1003-1005,1020", "1021-1024", "1025")
    assert words(job.steps[0])[-1] == "--frames=FRAMES" and "--frames=1003" not in " ".join(
        words(job.steps[0])
    )
    assert any("no frames 1026-1030" in note for note in job.notes)


def test_all_tasks_compute_with_one_engine_however_little_each_has_to_do(stage: Any) -> None:
    assert "--engine=torch" in words(apply_job(settings(stage)).steps[0])
    asked = words(apply_job(settings(stage, engine="openvino")).steps[0])
    assert "--engine=openvino" in asked and "--engine=torch" not in asked


def test_a_movie_is_one_task_and_that_is_said(stage: Any) -> None:
    job = apply_job(settings(stage, output="out.mov", frames="1001-1005"))
    assert job.count == 1 and job.steps[0].chunks == ()
    assert "--frames=1001-1005" in words(job.steps[0])
    assert any("A movie" in note for note in job.notes)


def test_a_network_with_state_is_one_task_and_that_is_said(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from understudy.models import opening
    from understudy.models.description import ImageSpec

    plain = opening.describe_effect
    monkeypatch.setattr(
        opening, "describe_effect", lambda path: replace(plain(path), state=(ImageSpec("memory"),))
    )
    job = apply_job(settings(stage))
    assert job.count == 1 and any("the one before it" in note for note in job.notes)


@pytest.mark.parametrize("farm", FARMS)
@pytest.mark.parametrize(
    ("more", "hint"),
    [
        (["--input-channels", "beauty.rgb"], "beauty"),
        (["--frames", "5-9"], "None of the wanted frames"),
        (["--mix", "2"], "from 0 to 1"),
        (["--frames-per-task", "0"], "Frames Per Task"),
        (["--job-name", "a\nb"], "--job-name"),
        (["--job-folder", "taken"], "there already"),
        (["--program", "{{x}}"], "--program"),
        (["--memory", "-1"], "Memory"),
    ],
)
def test_what_cannot_work_is_refused_before_a_file_is_written(
    farm: str, more: list[str], hint: str, stage: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (stage.here / "taken").mkdir()
    (stage.here / "taken" / "x").touch()
    assert run(stage.apply_words("--to", farm, *more)) == 2
    said = capsys.readouterr()
    assert said.err.startswith("Error: ") and hint in said.err and "Traceback" not in said.err
    assert os.listdir(stage.here) == ["taken"]


@pytest.mark.parametrize("farm", FARMS)
def test_a_folder_that_takes_nothing_leaves_nothing(
    farm: str, stage: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (stage.here / "file").touch()
    assert run(stage.apply_words("--to", farm, "--job-folder", "file/job")) == 1
    assert "could not be written" in capsys.readouterr().err
    assert os.listdir(stage.here) == ["file"]


def test_jobs_of_one_name_do_not_take_each_others_folder(
    stage: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert run(stage.apply_words("--to", "openjd", "--json")) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(job["folder"]).name for job in told] == ["look_on_plate", "look_on_plate_2"]
    assert [job["tasks"] for job in told] == [3, 3] and told[0]["submitted"] is None


def test_paths_that_only_this_machine_has_are_named_once(stage: Any) -> None:
    job = apply_job(settings(stage, output="/dev/shm/x/out.####.exr"))
    (note,) = [note for note in job.notes if note.startswith("Each machine has its own")]
    assert "/dev/shm/x" in note and note.count("/dev/shm") == 1
    assert is_local("/tmp/a") and not is_local("/shots/tmp/a")
    assert local_notes((), {"OCIO": "/shots/config.ocio", "NO_COLOR": "1"}) == ()
    assert "/tmp/config.ocio" in local_notes((), {"OCIO": "/tmp/config.ocio"})[0]


def test_the_colour_config_goes_with_the_job(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4")
    assert apply_job(settings(stage)).environment["OCIO"].startswith("ocio://studio")


def train_settings(stage: Any, **more: Any) -> FarmTrainSettings:
    values = {"input": stage.plate, "ground_truth": stage.truth, "data_directory": "runs", "to": "openjd"}
    return FarmTrainSettings(**{**values, **more})


def test_a_training_is_one_task_that_goes_on_when_it_is_tried_again(stage: Any) -> None:
    job = train_job(train_settings(stage, name="a", time_limit="10m"))
    assert job.name == "a" and job.count == 1
    assert words(job.steps[0])[-1] == "--resume" and "--time-limit=600.0" in words(job.steps[0])
    assert train_job(train_settings(stage)).name.startswith("Training_")


def test_what_comes_after_a_training_waits_for_it_and_uses_its_run(stage: Any) -> None:
    job = train_job(train_settings(stage, name="a", then_apply="out/out.####.exr", frames_per_task=20))
    train, apply = job.steps
    assert apply.after == train.name and apply.ranges == ("1001-1020", "1021-1025")
    assert f"--model={stage.here}/runs/a" in words(apply) and f"--plate={stage.plate}" in words(apply)
    movie = train_job(train_settings(stage, name="a", then_apply="out.mov"))
    assert movie.steps[1].chunks == () and any("movie" in note for note in movie.notes)


def test_a_training_that_cannot_begin_is_refused(stage: Any) -> None:
    (stage.here / "runs" / "a").mkdir(parents=True)
    with pytest.raises(RunError, match="exists already"):
        train_job(train_settings(stage, name="a"))
    with pytest.raises(SettingError, match="a job of its own"):
        several = {"input": [stage.plate] * 2, "ground_truth": [stage.truth] * 2}
        train_job(train_settings(stage, name="b", then_apply="o/", **several))


# -- a task ------------------------------------------------------------------------------------------------


def test_a_task_that_the_farm_stops_does_not_count_as_done(
    stage: Any, run_words: Any, tmp_path: Path
) -> None:
    """The command line alone ends with 0 there: it did as it was told."""
    code = (
        "import os, signal, sys\n"
        "from understudy.inference import pipeline, work\n"
        "from understudy.cli.main import run\n"
        "from understudy.frames.shot import FileShot\n"
        "read = FileShot.read\n"
        "def reading(self, number):\n"
        "    if number == 1004: os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return read(self, number)\n"
        "FileShot.read = reading\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    argv = [sys.executable, "-c", code, "apply", str(stage.model), stage.plate, "out/out.####.exr"]
    on_farm = run_words(argv, stage.here, UNDERSTUDY_FARM="openjd")
    assert "Stopped." in on_farm.stdout and on_farm.returncode == 1
    assert run_words(argv, stage.here).returncode == 0


def test_signals_are_known_by_the_names_that_the_stop_has(run_words: Any) -> None:
    from understudy.cli.farm_screen import SIGNALS
    from understudy.runs.stop import StopFlag

    with StopFlag() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop and stop.reason in SIGNALS


@pytest.mark.parametrize(
    ("farm", "line"),
    [
        ("openjd", "openjd_progress: 100.0"),
        ("deadline", "Progress: 100.0%"),
        ("opencue", "100.0% frame 1"),
    ],
)
def test_a_task_says_how_far_it_is_in_the_form_of_its_farm(
    farm: str,
    line: str,
    stage: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UNDERSTUDY_FARM", farm)
    words = ["apply", str(stage.model), stage.plate, "out/out.####.exr", "--frames", "1001-1002"]
    assert run(words) == 0
    assert any(said.startswith(line) for said in capsys.readouterr().out.splitlines())


def test_a_task_that_is_refused_or_fails_tells_open_job_description_why(
    stage: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_FARM", "openjd")
    assert run(["apply", str(stage.model), "none.####.exr", "out/"]) == 2
    assert "openjd_fail: " in capsys.readouterr().out
    stage.plate_file(1002).write_bytes(b"no picture")
    assert run(["apply", str(stage.model), stage.plate, "out/", "--frames", "1001-1003"]) == 1
    said = capsys.readouterr().out
    assert "openjd_fail: understudy apply ended with 1" in said and "Frame 1002 failed" in said


# -- train --resume ----------------------------------------------------------------------------------------


def test_the_same_training_asked_for_again_goes_on(
    stage: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*stage.train_words()[1:], "--resume"]
    assert run(words) == 0
    before = np.frombuffer((stage.here / "runs/grade/grade_best.cat").read_bytes(), np.uint8)
    capsys.readouterr()
    assert run(words) == 0
    assert "is finished" in capsys.readouterr().out
    after = np.frombuffer((stage.here / "runs/grade/grade_best.cat").read_bytes(), np.uint8)
    assert np.array_equal(before, after)
    assert run([*words, "--seed", "9"]) == 2
    assert "--seed" in capsys.readouterr().err
    longer = ["6" if word == "4" else word for word in words]
    assert run(longer) == 0  # how long may be said otherwise; the run's own end holds


def test_going_on_needs_the_name_of_a_run(stage: Any, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for word in stage.train_words()[1:] if word not in ("--name", "grade")]
    assert run([*words, "--resume"]) == 2
    assert "--name" in capsys.readouterr().err


@pytest.mark.slow
def test_a_training_that_is_killed_and_asked_for_again_goes_on_from_its_last_checkpoint(
    stage: Any, run_words: Any
) -> None:
    words = ["60" if word == "4" else word for word in stage.train_words()[1:]]
    argv = [sys.executable, "-m", "understudy", *words, "--checkpoint-interval", "20", "--resume"]
    source = str(Path(__file__).resolve().parents[2] / "src")
    environment = {**os.environ, "PYTHONPATH": source}
    process = subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL)
    run_folder, deadline = stage.here / "runs" / "grade", time.monotonic() + 120
    while not list(run_folder.glob("*_0000020.cat")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    again = run_words(argv, stage.here)
    assert again.returncode == 0 and "grade finished at step 60" in again.stdout, again.stdout
    began = [line for line in (run_folder / "run.log").read_text().splitlines() if "training from" in line]
    assert len(began) == 2 and "from step 0" in began[0] and "from step 0" not in began[1]


def test_a_training_that_was_killed_is_gone_on_with_once_nobody_is_at_work(stage: Any) -> None:
    from understudy.runs import RunFolder
    from understudy.runs.going_on import run_to_go_on_with
    from understudy.settings import TrainSettings, to_toml

    asked = TrainSettings(input=stage.plate, ground_truth=stage.truth, data_directory="runs", name="a")
    assert run_to_go_on_with(asked) is None
    RunFolder.create("runs", "a", to_toml(asked.anchored()))
    found = run_to_go_on_with(asked, wait=0.0)
    assert found is not None and found.name == "a"
