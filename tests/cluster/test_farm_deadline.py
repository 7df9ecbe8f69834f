"""Jobs for Deadline 10: its files, a stand-in of its program, and the plug-in in a stand-in of its Python."""

from __future__ import annotations

import configparser
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from deadline_stand_in import DeadlinePlugin, Failed, modules, render

from understudy.cli.main import run
from understudy.cluster.farm.deadline import decoded

STUB = """#!/bin/sh
for file in "$@"; do cp "$file" "{there}/$(ls "{there}" | wc -l).job"; done
echo "Deadline Command 10.3"
echo "Result=Success"
echo "JobID=65f0{there_name}$(ls "{there}" | wc -l)"
"""


def info(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in decoded(path.read_bytes()).splitlines())


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deadlinecommand that keeps what it is given, in the folder that DEADLINE_PATH names."""
    there = tmp_path / "taken"
    there.mkdir()
    stub = tmp_path / "client" / "deadlinecommand"
    stub.parent.mkdir()
    stub.write_text(STUB.format(there=there, there_name="ab"))
    stub.chmod(0o755)
    monkeypatch.setenv("DEADLINE_PATH", str(stub.parent))
    return stub


def test_frames_that_follow_on_each_other_are_chunks_of_deadline(stage: Any) -> None:
    words = ["--to", "deadline", "--priority", "60", "--pool", "nuke", "--group", "gpu", "--after", "65f0"]
    more = ["--task-timeout", "90m", "--retries", "4", "--frames-per-task", "8", "--job-folder", "job"]
    assert run(stage.apply_words(*words, *more)) == 0
    job = info(stage.here / "job" / "apply" / "job_info.job")
    assert job["Plugin"] == "Understudy" and job["Name"] == "look on plate"
    assert (job["Frames"], job["ChunkSize"]) == ("1001-1025", "8")
    assert (job["Priority"], job["Pool"], job["Group"]) == ("60", "nuke", "gpu")
    assert job["JobDependencies"] == "65f0" and job["TaskTimeoutMinutes"] == "90"
    assert job["OverrideTaskFailureDetection"] == "true" and job["FailureDetectionTaskErrors"] == "5"
    assert job["OutputDirectory0"] == str(stage.here / "out")
    assert job["EnvironmentKeyValue0"] == "UNDERSTUDY_FARM=deadline"


def test_frames_with_gaps_are_a_task_each_and_that_is_said(
    stage: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    words = stage.apply_words("--to", "deadline", "--frames", "1001-1009x4,1020", "--needs-gpu")
    assert run([*words, "--job-folder", "job"]) == 0
    job = info(stage.here / "job" / "apply" / "job_info.job")
    assert (job["Frames"], job["ChunkSize"]) == ("1001,1005,1009,1020", "1")
    said = capsys.readouterr().out
    assert "each is a task of its own" in said and "name machines that have it" in said


def test_other_letters_than_those_of_ascii_are_written_as_deadline_reads_them(stage: Any) -> None:
    assert run(stage.apply_words("--to", "deadline", "--job-name", "Größe 10", "--job-folder", "j")) == 0
    content = (stage.here / "j" / "apply" / "job_info.job").read_bytes()
    assert content[:2] in (b"\xff\xfe", b"\xfe\xff") and "Name=Größe 10\n" in content.decode("utf-16")
    assert (stage.here / "j" / "apply" / "plugin_info.job").read_bytes().isascii()


def test_a_job_is_handed_over_by_deadlines_own_program(
    stage: Any, command: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(stage.apply_words("--to", "deadline", "--submit", "--job-folder", "job")) == 0
    assert "65f0ab2" in capsys.readouterr().out
    taken = sorted((tmp_path / "taken").iterdir())
    assert [info(path).get("Plugin") for path in taken] == ["Understudy", None]


def test_what_comes_after_a_training_depends_on_its_job(stage: Any, command: Path, tmp_path: Path) -> None:
    words = stage.train_words("--to", "deadline", "--then-apply", "out/out.####.exr", "--after", "65f0")
    assert run([*words, "--submit", "--job-folder", "job"]) == 0
    train, _, apply, _ = sorted((tmp_path / "taken").iterdir())
    assert info(train)["JobDependencies"] == "65f0" and info(train)["Frames"] == "0"
    assert info(apply)["JobDependencies"] == "65f0ab2" and info(apply)["BatchName"] == "grade"
    assert "JobDependencies" not in info(stage.here / "job" / "apply" / "job_info.job")


@pytest.mark.parametrize(
    ("stub", "hint"), [("echo cannot connect; exit 1", "cannot connect"), ("echo fine", "fine")]
)
def test_a_job_that_deadline_does_not_take_stays_and_can_be_handed_over_later(
    stub: str, hint: str, stage: Any, command: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    works = command.read_text()
    command.write_text(f"#!/bin/sh\n{stub}\n")
    assert run(stage.apply_words("--to", "deadline", "--submit", "--job-folder", "job")) == 1
    said = capsys.readouterr().err
    assert hint in said and "understudy farm submit" in said
    command.write_text(works)
    assert run(["farm", "submit", "job"]) == 0
    assert "65f0ab2" in capsys.readouterr().out


def test_without_deadlines_program_nothing_is_written(
    stage: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEADLINE_PATH", str(stage.here))
    assert run(stage.apply_words("--to", "deadline", "--submit")) == 2
    assert "DEADLINE_PATH" in capsys.readouterr().err and os.listdir(stage.here) == []


@pytest.mark.parametrize("content", ["", "[]", '{"format": "x"}', '{"format": "understudy farm job 1"}'])
def test_a_folder_without_a_job_is_refused(
    content: str, stage: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (stage.here / "job").mkdir()
    if content:
        (stage.here / "job" / "job.json").write_text(content)
    assert run(["farm", "submit", "job"]) == 2
    assert "no job for a farm here" in capsys.readouterr().err


# -- the plug-in -------------------------------------------------------------------------------------------


def loaded(folder: Path, step: str, monkeypatch: pytest.MonkeyPatch, mapped: Any = str) -> DeadlinePlugin:
    """The plug-in of a job's folder, with the info of its step, as a Worker loads it."""
    for name, module in modules(mapped).items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(DeadlinePlugin, "info", info(folder / step / "plugin_info.job"))
    module = runpy.run_path(str(folder / "plugins" / "Understudy" / "Understudy.py"))
    return module["GetDeadlinePlugin"]()


def environment(folder: Path, step: str) -> dict[str, str]:
    job = info(folder / step / "job_info.job")
    pairs = [value for name, value in job.items() if name.startswith("EnvironmentKeyValue")]
    source = str(Path(__file__).resolve().parents[2] / "src")
    return {**os.environ, "PYTHONPATH": source, **dict(pair.split("=", 1) for pair in pairs)}


@pytest.mark.slow
def test_the_plug_in_makes_the_frames_of_its_task_and_says_how_far_it_is(
    stage: Any, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = stage.apply_words("--to", "deadline", "--program", str(program), "--job-folder", "job")
    assert run(words) == 0
    plugin = loaded(stage.here / "job", "apply", monkeypatch)
    plugin.first, plugin.last = 1003, 1005
    render(plugin, environment(stage.here / "job", "apply"), stage.here)
    made = [path.name for path in sorted((stage.here / "out").iterdir())]
    assert made == [f"out.{number}.exr" for number in (1003, 1004, 1005)]
    assert plugin.progress[-1] == 100.0 and plugin.status[-1].startswith("frame 100")
    stage.plate_file(1006).write_bytes(b"no picture")
    plugin.first = plugin.last = 1006
    with pytest.raises(Failed, match="exit code 1"):
        render(plugin, environment(stage.here / "job", "apply"), stage.here)
    Path(stage.model).unlink()
    with pytest.raises(Failed, match="no trained network"):
        render(plugin, environment(stage.here / "job", "apply"), stage.here)


def test_the_plug_in_maps_paths_and_quotes_whatever_is_in_a_word(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shlex

    assert run(stage.apply_words("--to", "deadline", "--job-folder", "job")) == 0

    def mapped(path: str) -> str:
        return path.replace(str(stage.here), '/mnt/a "b"')

    plugin = loaded(stage.here / "job", "apply", monkeypatch, mapped)
    plugin.first = plugin.last = 1003
    (argument,) = (function() for function in plugin.RenderArgumentCallback)
    words = shlex.split(argument)
    assert '--output=/mnt/a "b"/out/out.####.exr' in words and words[-1] == "--frames=1003"


def test_the_repositorys_own_path_goes_before_the_jobs(
    stage: Any, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(stage.apply_words("--to", "deadline", "--job-folder", "job")) == 0
    plugin = loaded(stage.here / "job", "apply", monkeypatch)
    (executable,) = plugin.RenderExecutableCallback
    assert executable() == "understudy"
    monkeypatch.setattr(DeadlinePlugin, "config", {"Understudy_Executable": f"/none;{program}"})
    assert executable() == str(program)
    monkeypatch.setattr(DeadlinePlugin, "config", {"Understudy_Executable": "/none"})
    with pytest.raises(Failed, match="/none"):
        executable()


@pytest.mark.parametrize("name", ["Understudy.param", "Understudy.options"])
def test_what_deadline_reads_of_the_plug_in_is_sections_with_a_type_and_a_label(name: str) -> None:
    from importlib.resources import files

    text = (files("understudy.cluster.farm") / "deadline_plugin" / name).read_text("utf-8")
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    assert parser.sections()
    assert all(parser[section].get("Type") and parser[section].get("Label") for section in parser.sections())
