"""Jobs as an Open Job Description, run by that standard's own program."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from understudy.cli.main import run

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openjd") is None or importlib.util.find_spec("openjd.cli") is None,
    reason="openjd-cli is not installed",
)
OPENJD = [sys.executable, "-m", "openjd"]


def template(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "template.json").read_text("utf-8"))


def run_template(folder: Path, run_words: Any, *more: str) -> Any:
    values = f"file://{folder / 'job_parameters.json'}"
    return run_words([*OPENJD, "run", str(folder / "template.json"), "-p", values, *more], folder)


@pytest.mark.parametrize("more", [(), ("--memory", "1.5", "--needs-gpu", "--task-timeout", "90.5s")])
def test_the_template_holds_to_the_standard(stage: Any, run_words: Any, more: tuple[str, ...]) -> None:
    assert run(stage.apply_words("--to", "openjd", "--frames-per-task", "8", "--job-folder", "j", *more)) == 0
    assert run(stage.train_words("--to", "openjd", "--then-apply", "o/", "--job-folder", "t", *more)) == 0
    for folder in (stage.here / "j", stage.here / "t"):
        checked = run_words([*OPENJD, "check", str(folder / "template.json")], folder)
        assert checked.returncode == 0 and "passes validation" in checked.stdout, checked.stdout
    (step,) = template(stage.here / "j")["steps"]
    frames = step["parameterSpace"]["taskParameterDefinitions"][0]["range"]
    assert frames == ["1001-1008", "1009-1016", "1017-1024", "1025"]
    amounts = {each["name"]: each["min"] for each in step.get("hostRequirements", {}).get("amounts", [])}
    assert amounts == ({"amount.worker.gpu": 1, "amount.worker.memory": 1536} if more else {})
    assert step["script"]["actions"]["onRun"].get("timeout") == (91 if more else None)
    assert template(stage.here / "t")["steps"][1]["dependencies"] == [{"dependsOn": "Train"}]


@pytest.mark.slow
def test_the_tasks_make_the_frames_that_one_machine_makes(stage: Any, run_words: Any, program: Path) -> None:
    words = stage.apply_words("--to", "openjd", "--frames-per-task", "13", "--program", str(program))
    assert run([*words, "--job-folder", "job"]) == 0
    done = run_template(stage.here / "job", run_words)
    assert done.returncode == 0 and "Session ended successfully" in done.stdout, done.stdout
    assert "openjd_progress: 100.0" in done.stdout and "openjd_status: frame" in done.stdout
    assert run(["apply", str(stage.model), stage.plate, "alone/out.####.exr"]) == 0
    made = sorted((stage.here / "out").iterdir())
    assert len(made) == 25
    assert all(path.read_bytes() == (stage.here / "alone" / path.name).read_bytes() for path in made)


@pytest.mark.slow
def test_a_frame_that_cannot_be_read_fails_its_task_and_a_second_try_makes_what_is_missing(
    stage: Any, run_words: Any, program: Path
) -> None:
    words = stage.apply_words("--to", "openjd", "--frames", "1001-1004", "--program", str(program))
    assert run([*words, "--job-folder", "job"]) == 0
    whole = stage.plate_file(1002).read_bytes()
    stage.plate_file(1002).write_bytes(b"no picture")
    failed = run_template(stage.here / "job", run_words)
    assert failed.returncode != 0 and "openjd_fail: understudy apply ended with 1" in failed.stdout
    assert len(list((stage.here / "out").iterdir())) == 3
    stage.plate_file(1002).write_bytes(whole)
    again = run_template(stage.here / "job", run_words)
    assert again.returncode == 0 and "1 frame written, 3 were there already" in again.stdout, again.stdout


@pytest.mark.slow
def test_a_training_and_what_comes_after_it_run_in_order_and_again(
    stage: Any, run_words: Any, program: Path
) -> None:
    words = stage.train_words("--to", "openjd", "--then-apply", "out/out.####.exr", "--program", str(program))
    assert run([*words, "--frames-per-task", "25", "--job-folder", "job"]) == 0
    done = run_template(stage.here / "job", run_words)
    assert done.returncode == 0, done.stdout
    assert (stage.here / "runs" / "grade" / "grade_best.cat").is_file()
    assert len(list((stage.here / "out").iterdir())) == 25
    again = run_template(stage.here / "job", run_words, "--step", "Train")
    assert again.returncode == 0 and "grade is finished" in again.stdout, again.stdout


def test_the_farm_can_give_every_folder_another_place(stage: Any) -> None:
    """No path is left in the words of the command line: each is a parameter, which farms map."""
    assert run(stage.apply_words("--to", "openjd", "--mask", stage.plate, "--job-folder", "job")) == 0
    arguments = template(stage.here / "job")["steps"][0]["script"]["actions"]["onRun"]["args"]
    assert [word for word in arguments if "=/" in word] == []
    kinds = {
        each["name"]: (each.get("objectType"), each.get("dataFlow"))
        for each in template(stage.here / "job")["parameterDefinitions"]
    }
    assert kinds["Model1"] == ("FILE", "IN") and kinds["Plate2"] == ("DIRECTORY", "IN")
    assert kinds["Output3"] == ("DIRECTORY", "OUT")


def test_the_folder_of_the_run_is_one_place_to_the_training_and_to_what_comes_after_it(stage: Any) -> None:
    assert (
        run(stage.train_words("--to", "openjd", "--then-apply", "out/o.####.exr", "--job-folder", "j")) == 0
    )
    made = template(stage.here / "j")
    train, apply = (step["script"]["actions"]["onRun"]["args"] for step in made["steps"])
    (name,) = [each["name"] for each in made["parameterDefinitions"] if each.get("dataFlow") == "INOUT"]
    assert f"--data-directory={{{{Param.{name}}}}}" in train
    assert f"--model={{{{Param.{name}}}}}/grade" in apply


def test_what_belongs_to_a_bundle_of_aws_is_there(stage: Any) -> None:
    words = stage.apply_words("--to", "openjd", "--priority", "70", "--retries", "4", "--job-folder", "job")
    assert run(words) == 0
    values = json.loads((stage.here / "job" / "parameter_values.json").read_text("utf-8"))["parameterValues"]
    known = {each["name"]: each["value"] for each in values}
    assert known["deadline:priority"] == 70 and known["deadline:maxRetriesPerTask"] == 4
    defined = {each["name"] for each in template(stage.here / "job")["parameterDefinitions"]}
    assert defined == {name for name in known if not name.startswith("deadline:")}
    assets = json.loads((stage.here / "job" / "asset_references.json").read_text("utf-8"))
    assert assets["assetReferences"]["outputs"]["directories"] == [str(stage.here / "out")]


@pytest.mark.parametrize(
    ("more", "hint"),
    [
        (["--pool", "a"], "--pool"),
        (["--group", "a"], "--group"),
        (["--after", "job-1"], "--then-apply"),
    ],
)
def test_what_the_standard_has_no_words_for_is_refused(
    more: list[str], hint: str, stage: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(stage.apply_words("--to", "openjd", *more)) == 2
    assert hint in capsys.readouterr().err and list(stage.here.iterdir()) == []


def test_more_tasks_than_the_standard_allows_are_refused_with_how_to_have_fewer(
    stage: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("understudy.cluster.farm.openjd.MOST_TASKS", 10)
    assert run(stage.apply_words("--to", "openjd", "--frames-per-task", "2")) == 2
    assert "--frames-per-task 3" in capsys.readouterr().err


def test_the_bundle_is_handed_over_by_the_program_of_aws(
    stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(stage.apply_words("--to", "openjd", "--submit")) == 2
    assert "deadline on the path" in capsys.readouterr().err and list(stage.here.iterdir()) == []
    name = "job-" + "0a" * 16
    stub = tmp_path / "stubs" / "deadline"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\necho Waiting for {name}\n')
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stub.parent}:/bin:/usr/bin")
    assert run(stage.apply_words("--to", "openjd", "--submit", "--job-folder", "job")) == 0
    assert name in capsys.readouterr().out
    assert (tmp_path / "said").read_text() == f"bundle submit {stage.here / 'job'} --yes\n"
    stub.write_text("#!/bin/sh\necho no farm is chosen\nexit 3\n")
    assert run(["farm", "submit", "job"]) == 1
    said = capsys.readouterr().err
    assert "no farm is chosen" in said and f"understudy farm submit {stage.here / 'job'}" in said
