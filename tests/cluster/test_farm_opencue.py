"""Jobs for OpenCue: what its own library makes of them, and its local back end, which runs them here."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from understudy.cli.main import run

HAS_OUTLINE = importlib.util.find_spec("outline") is not None
NEEDS_OUTLINE = pytest.mark.skipif(not HAS_OUTLINE, reason="opencue-pyoutline is not installed")
WRAPPER = """#!/bin/bash
# The one that comes with the library is for one studio's machines.
shift 3
words=()
for word in "$@"; do [ "$word" = " -r " ] || words+=("$word"); done
eval "${words[@]}"
"""


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCue's library with its local back end, which keeps its sessions here."""
    wrapper = tmp_path / "wrappers" / "local_wrap_frame"
    wrapper.parent.mkdir()
    wrapper.write_text(WRAPPER)
    wrapper.chmod(0o755)
    for name, value in (
        ("BACKEND", "local"),
        ("WRAPPER_DIR", str(wrapper.parent)),
        ("SESSION_DIR", str(tmp_path / "sessions")),
    ):
        monkeypatch.setenv(f"OUTLINE_OUTLINE_{name}", value)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@NEEDS_OUTLINE
@pytest.mark.slow
def test_the_local_back_end_makes_every_frame_a_task_at_a_time(
    stage: Any, local: None, program: Path, run_words: Any
) -> None:
    words = stage.apply_words("--to", "opencue", "--frames", "1001-1004,1010,1012", "--program", str(program))
    assert run([*words, "--frames-per-task", "4", "--job-folder", "job"]) == 0
    done = run_words([sys.executable, "-m", "understudy", "farm", "submit", "job"], stage.here)
    assert done.returncode == 0 and "Job is done" in done.stdout, done.stdout
    made = [int(path.name.split(".")[1]) for path in sorted((stage.here / "out").iterdir())]
    assert made == [1001, 1002, 1003, 1004, 1010, 1012]
    assert done.stdout.count("frames written") == 2 and "100.0% frame" in done.stdout


@NEEDS_OUTLINE
@pytest.mark.slow
def test_the_local_back_end_trains_and_then_applies(
    stage: Any, local: None, program: Path, run_words: Any
) -> None:
    words = stage.train_words(
        "--to", "opencue", "--then-apply", "out/out.####.exr", "--program", str(program)
    )
    assert run([*words, "--frames-per-task", "25", "--job-folder", "job"]) == 0
    done = run_words([sys.executable, "-m", "understudy", "farm", "submit", "job"], stage.here)
    assert done.returncode == 0, done.stdout
    assert len(list((stage.here / "out").iterdir())) == 25, done.stdout


@NEEDS_OUTLINE
def test_a_cuebot_gets_commands_that_need_no_library_on_the_farms_machines(
    stage: Any, run_words: Any, tmp_path: Path
) -> None:
    (stage.here / "a plate").mkdir()
    more = ["--needs-gpu", "--memory", "1.5", "--group", "fast", "--task-timeout", "90m", "--priority", "7"]
    words = stage.train_words("--to", "opencue", "--then-apply", "a plate/o.####.exr", *more)
    assert run([*words, "--frames-per-task", "8", "--job-folder", "job"]) == 0
    code = (
        "import pathlib\n"
        "from outline import cuerun, load_json\n"
        "from understudy.cluster.farm.opencue import checked\n"
        "outline = load_json(checked(pathlib.Path('job/outline.json').read_text('utf-8')))\n"
        "launcher = cuerun.OutlineLauncher(outline, backend='cue')\n"
        "print(launcher.serialize(use_pycuerun=False))\n"
    )
    done = run_words(
        [sys.executable, "-c", code], stage.here, OUTLINE_OUTLINE_SESSION_DIR=str(tmp_path / "s")
    )
    assert done.returncode == 0, done.stdout
    spec = ElementTree.fromstring(done.stdout[done.stdout.index("<spec>") :])
    train, apply = spec.findall(".//layer")
    text = {child.tag: child.text for child in apply}
    assert (text["range"], text["chunk"]) == ("1001-1025", "8")
    assert (text["memory"], text["gpus"], text["timeout"]) == ("1536m", "1", "90") and text["tags"] == "fast"
    assert f"'--output={stage.here}/a plate/o.####.exr'" in str(text["cmd"])
    assert str(text["cmd"]).endswith("'--frames=#FRAMESPEC#'") and str(text["cmd"]).startswith("understudy ")
    assert {key.get("name"): key.text for key in apply.iter("key")}["UNDERSTUDY_FARM"] == "opencue"
    (depend,) = spec.findall(".//depend")
    assert depend.get("type") == "LAYER_ON_LAYER"
    assert depend.findtext("deplayer") == "apply" and depend.findtext("onlayer") == "train"
    assert "--resume" in str(train.findtext("cmd"))


@NEEDS_OUTLINE
def test_a_cuebot_that_is_not_there_is_said_and_the_job_stays(
    stage: Any, run_words: Any, tmp_path: Path
) -> None:
    assert run(stage.apply_words("--to", "opencue", "--job-folder", "job")) == 0
    done = run_words(
        [sys.executable, "-m", "understudy", "farm", "submit", "job"],
        stage.here,
        OUTLINE_OUTLINE_SESSION_DIR=str(tmp_path / "s"),
        CUEBOT_HOSTS="127.0.0.1:9",
    )
    assert done.returncode == 1 and "The farm did not take the job" in done.stdout
    assert "Traceback" not in done.stdout and (stage.here / "job" / "outline.json").is_file()


def test_an_outline_that_names_other_code_is_not_run(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from understudy.cluster.farm.opencue import checked

    assert run(stage.apply_words("--to", "opencue", "--job-folder", "job")) == 0
    file = stage.here / "job" / "outline.json"
    outline = json.loads(checked(file.read_text("utf-8")))
    outline["layers"][0]["module"] = "os.system"
    with pytest.raises(ValueError, match="other layers"):
        checked(json.dumps(outline))


def test_it_waits_for_the_jobs_that_it_comes_after(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in of the library: a real Cuebot is not to be had here."""
    from types import ModuleType, SimpleNamespace

    from understudy.cluster.farm import opencue

    seen: list[Any] = []

    class Job:
        def name(self) -> str:
            return "testing-default-me_look"

        def createDependencyOnJob(self, other: Any) -> None:
            seen.append(("after", other))

        def resume(self) -> None:
            seen.append("resume")

    def launch(outline: Any, **flags: Any) -> list[Job]:
        seen.append(flags)
        return [Job()]

    outline, cue = ModuleType("outline"), ModuleType("opencue")
    outline.load_json, outline.cuerun = json.loads, SimpleNamespace(launch=launch)  # type: ignore[attr-defined]
    cue.api = SimpleNamespace(findJob=lambda name: f"job {name}")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "outline", outline)
    monkeypatch.setitem(sys.modules, "opencue", cue)
    monkeypatch.setattr(opencue, "ready", lambda: None)
    words = stage.apply_words("--to", "opencue", "--after", "show-shot-me_x", "--priority", "9")
    assert run([*words, "--submit", "--job-folder", "job"]) == 0
    assert seen[0] == {"use_pycuerun": False, "maxretries": "2", "pause": True, "priority": 9}
    assert seen[1:] == [("after", "job show-shot-me_x"), "resume"]


def test_without_its_library_nothing_is_written_and_the_right_package_is_named(
    stage: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    from understudy.cluster.farm import opencue
    from understudy.errors import MissingPackageError

    with pytest.raises(MissingPackageError, match="opencue-pyoutline"):
        opencue.ready()
