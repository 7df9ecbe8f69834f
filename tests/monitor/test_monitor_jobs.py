"""Jobs are processes of their own: they outlive the monitor, and tell how they are doing."""

from __future__ import annotations

import json
import os
import sys

import pytest
from monitor_stage import until

from understudy.monitor.jobs import processes
from understudy.monitor.jobs.commands import Commands
from understudy.monitor.jobs.output import JobOutput
from understudy.monitor.jobs.processes import Jobs
from understudy.monitor.paths.allowed import AllowedFolders
from understudy.monitor.paths.run_files import NotFound
from understudy.runs.state import this_host
from understudy.settings import ApplySettings, TrainSettings, flags_of

EVENTS = [
    {"event": "apply_planned", "total": 4, "kept": 1},
    {
        "event": "frame_written",
        "number": 1002,
        "done": 2,
        "total": 4,
        "frames_per_second": 2.0,
        "seconds_left": 1.0,
    },
    {"event": "frame_failed", "number": 1003, "error": "This frame cannot be read.", "done": 3, "total": 4},
]


@pytest.fixture
def scripted(monkeypatch):
    """Let a job run a script of the test instead of a command of the program."""

    def use(script):
        real = processes._spawn
        monkeypatch.setattr(
            processes,
            "_spawn",
            lambda command, cwd, folder: real([sys.executable, "-c", script], cwd, folder),
        )

    return use


def test_an_apply_tells_its_frames_as_they_come_and_how_it_ended(data, scripted):
    lines = [*EVENTS, {"event": "apply_ended", "written": 1, "kept": 1, "failed": 1, "stopped": False}]
    scripted(f"import sys\nfor e in {[json.dumps(line) for line in lines]!r}: print(e)\nsys.exit(1)")
    jobs = Jobs(data)
    job = jobs.start("apply", [], title="one")
    job = until(lambda: (found := jobs.get(job.id)).state != "running" and found)
    assert (job.state, job.done, job.total, job.numbers) == ("failed", 3, 4, "1002")
    assert job.message == "1 frame written, 1 was there already, 1 failed."
    assert job.failed[0].number == 1003 and "cannot be read" in job.failed[0].error


def test_a_job_goes_on_without_the_monitor_and_another_monitor_knows_it(data, scripted, tmp_path):
    scripted(
        "import pathlib, time\n"
        f"while not pathlib.Path({str(tmp_path / 'go')!r}).exists(): time.sleep(0.05)\n"
        f"pathlib.Path({str(tmp_path / 'done')!r}).touch()"
    )
    job = Jobs(data).start("train", [], title="one", run="one")
    assert os.getsid(job.process) == job.process != os.getsid(0)
    later = Jobs(data)
    assert [(found.id, found.state) for found in later.all()] == [(job.id, "running")]
    (tmp_path / "go").touch()
    until(lambda: (tmp_path / "done").exists())
    until(lambda: later.get(job.id).state != "running")


def test_a_job_that_refuses_says_why(data, scripted):
    scripted("import sys\nprint('Error: There are no pairs.\\n  where: plate', file=sys.stderr)\nsys.exit(2)")
    jobs = Jobs(data)
    job = jobs.start("train", [], title="one")
    job = until(lambda: (found := jobs.get(job.id)).state != "running" and found)
    assert job.state == "failed" and "There are no pairs." in job.message


def test_what_a_command_warns_of_is_told_once_and_is_no_failure(tmp_path):
    (tmp_path / "output").write_text('{"event": "said", "text": "All is right now."}\n')
    warning = "/lib/strokes.py:12: UserWarning: The masks are 8 bits.\n  warnings.warn(\n"
    (tmp_path / "errors").write_text(warning * 2 + "Warning: the disk is nearly full\nnoise\n")
    output = JobOutput(tmp_path)
    output.read_new()
    status = output.status(False, 0)
    assert (status["state"], status["message"]) == ("finished", "All is right now.")
    assert status["warnings"] == ["The masks are 8 bits.", "the disk is nearly full"]
    assert output.status(False, 1)["warnings"] == []


def test_a_job_stops_as_with_ctrl_c(data, scripted):
    ended = json.dumps({"event": "apply_ended", "written": 1, "kept": 0, "failed": 0, "stopped": True})
    scripted(
        "import signal, sys, time\n"
        f"def end(*a):\n    print('''{ended}'''); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nprint('ready', flush=True)\ntime.sleep(240)"
    )
    jobs = Jobs(data)
    job = jobs.start("apply", [], title="one")
    until(lambda: jobs.get(job.id).message == "ready")
    jobs.stop(job.id)
    until(lambda: jobs.get(job.id).state == "stopped")


@pytest.mark.parametrize("name", ["..", "../../x", "none", "", "a/b", "\0"])
def test_a_job_that_is_not_there_is_missing(data, name):
    with pytest.raises(NotFound):
        Jobs(data).get(name)


def test_a_damaged_job_folder_is_passed_over(data):
    folder = data / ".understudy" / "jobs" / "261120_1"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text('{"id": 5')
    (folder.parent / "261120_2").mkdir()
    assert Jobs(data).all() == []


def test_another_process_with_the_same_number_is_not_the_job(data):
    folder = data / ".understudy" / "jobs" / "261120_1"
    folder.mkdir(parents=True)
    order = {
        "id": "261120_1",
        "kind": "train",
        "title": "x",
        "process": os.getpid(),
        "birth": "12",
        "host": this_host(),
    }
    (folder / "job.json").write_text(json.dumps(order))
    assert Jobs(data).get("261120_1").state == "failed"


def test_values_cannot_become_other_flags(tmp_path):
    settings = TrainSettings(
        input=("--help",), ground_truth=("a b",), data_directory=tmp_path, name="-x", time_limit=60
    )
    assert flags_of(settings) == [
        "--input=--help",
        "--ground-truth=a b",
        f"--data-directory={tmp_path}",
        "--name=-x",
        "--time-limit=60.0",
    ]
    apply = ApplySettings(model="m", plate="p", output="o", overwrite=True)
    assert flags_of(apply)[-1] == "--overwrite"


def test_a_new_run_gets_a_name_that_is_free(data, tmp_path, make_shot, monkeypatch):
    shot = make_shot(name="footage/shot")
    jobs = Jobs(data)
    monkeypatch.setattr(jobs, "start", lambda kind, arguments, title, run: (list(arguments), run))
    commands = Commands(data, AllowedFolders.of([data, tmp_path / "footage"]), jobs)
    arguments, name = commands.train({"input": [shot.plate], "ground_truth": [shot.truth], "epochs": ""})
    assert name.startswith("Training_") and f"--name={name}" in arguments
    assert not any(argument.startswith("--epochs") for argument in arguments)
