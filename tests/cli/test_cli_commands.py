"""The command line: what it says, where, and with which exit code."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from understudy.cli.main import COMMANDS, Command, app_for, commands, run
from understudy.cli.text import card_text, unbroken
from understudy.errors import ModelFileError
from understudy.frames import open_shot, open_sink
from understudy.inference.provenance import fingerprint
from understudy.network.model_file import ModelHeader
from understudy.runs import RunFolder, RunState
from understudy.runs.state import this_host

NEEDED = ["--input", "p.exr", "--ground-truth", "t.exr", "--data-directory", "d"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        made = RunFolder.create(tmp_path, name)
        made.write_state(RunState(state="stopped", step=30, total=90, loss=0.125, model_size="small"))
        made.cat_path(30).write_bytes(b"1" * 2000)
    return tmp_path


def make_busy(folder: Path) -> None:
    RunFolder.open(folder).write_state(
        RunState(state="training", host=this_host(), process=os.getpid(), heartbeat=time.time(), step=7)
    )


def refused(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 2) -> str:
    """The message of a command that must fail with ``code``: no traceback, nothing on stdout."""
    assert run(list(argv)) == code
    said = capsys.readouterr()
    assert said.err.startswith("Error: ") and "Traceback" not in said.err and said.out == ""
    return said.err


def test_help_names_every_command_and_needs_neither_torch_nor_a_third_of_a_second() -> None:
    code = "import sys; from understudy.cli.main import run; run(['--help']); print(sorted(sys.modules))"
    before = os.times()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = os.times()
    seconds = sum(after[2:4]) - sum(before[2:4])  # of the processor, whatever else the machine does
    for command in commands():
        assert f"  {command.name} " in done.stdout and command.summary in done.stdout
    modules = done.stdout.splitlines()[-1]
    assert not any(
        f"'{name}'" in modules for name in ("torch", "numpy", "pydantic", "OpenImageIO", "cyclopts")
    )
    assert seconds < 1  # generous: a slow machine; the modules above are the real measure


@pytest.mark.parametrize("name", [c.name for c in COMMANDS if c in commands()])
def test_every_command_has_help_without_loading_torch(name: str) -> None:
    code = "import sys; from understudy.cli.main import run; print(run(sys.argv[1:]), 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *name.split(), "--help"], capture_output=True, text=True, check=True
    )
    assert f"Usage: understudy {name}" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 False"


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.name)
def test_the_help_of_a_flag_is_a_paragraph_that_a_terminal_of_any_width_breaks(command: Command) -> None:
    app = app_for(command, importlib.import_module(command.module))
    for argument in app.assemble_argument_collection():
        assert "\n" not in (argument.parameter.help or "").strip()
    paragraphs = app.help.partition("Parameters\n")[0].strip().split("\n\n")
    assert not any("\n" in each.strip() for each in paragraphs)


def test_a_docstring_keeps_its_headings_rules_and_paragraphs() -> None:
    text = """Say it
    once.

    More of
    it.

    Parameters
    ----------
    name
        What it is
        called.
    other
        Else.
    """
    told = "Say it once.\n\nMore of it.\n\nParameters\n----------\nname\n    What it is called."
    assert unbroken(text) == f"{told}\nother\n    Else."


def test_a_card_is_broken_at_spaces_to_fit_the_terminal_and_left_alone_elsewhere() -> None:
    card = {
        "For": "Takes the noise of cameras off a plate.",
        "File": "/a/" + "b" * 60,
        "More": {"Of": "it " * 20},
    }
    lines = card_text(card, room=40).splitlines()
    assert [line for line in lines if len(line) > 40] == [f"File  /a/{'b' * 60}"]
    assert lines[:2] == ["For   Takes the noise of cameras off a", "        plate."]
    assert len(card_text(card).splitlines()) == 5


def test_a_group_of_commands_has_a_help_of_its_own_and_near_misses_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["farm"]) == run(["farm", "--help"]) == 0
    said = capsys.readouterr().out
    assert "farm apply" in said and "farm submit" in said and "  suggest" not in said
    assert "Did you mean: understudy farm apply?" in refused(capsys, "farm", "aply")


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "Usage: understudy COMMAND" in capsys.readouterr().out


def test_the_help_of_train_says_what_settings_say(capsys: pytest.CaptureFixture[str]) -> None:
    from understudy.settings import TrainSettings, settings_of

    assert run(["train", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for info in settings_of(TrainSettings):
        assert info.flag in text and info.help.split(" [")[0] in text, info.name


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    import understudy

    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == understudy.__version__


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        (["trian"], "Did you mean: understudy train?"),
        (["--verbose"], "understudy --help"),
        (["train", *NEEDED, "--crop-sise", "64"], "Did you mean --crop-size?"),
        (["train", *NEEDED, "--crop-size"], "requires an argument"),
        (["train", *NEEDED, "stray"], "There is no place for: stray"),
        (["train", *NEEDED, "--crop-size", "100"], "a multiple of 16, from 32 to 1024"),
        (["train", *NEEDED, "--time-limit", "soon"], "10m"),
        (["train", *NEEDED, "--settings", "none.toml"], "none.toml"),
        (["train", "--input", "a"], "Give --ground-truth"),
        (["apply", "m.cat", "plate.exr"], "Give --output"),
        (["apply", "m.cat", "p.exr", "o.exr", "--mix", "2"], "a number from 0 to 1"),
        (["resume"], "RUN is missing"),
        (["export", "m.cat", "--output", "o"], "--to is missing"),
        (["resume", "none"], "There is no run here"),
        (["stop", "none"], "There is no run here"),
        (["runs", "none"], "No such file or directory"),
        (["info", "none.cat"], "no such file"),
        (["info", "photo.jpg"], ".cat"),
    ],
)
def test_a_wrong_command_line_is_refused_with_what_to_do(
    argv: list[str],
    hint: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert hint in refused(capsys, *argv)
    assert os.listdir(tmp_path) == []


# -- runs --------------------------------------------------------------------------------------------


def test_runs_are_listed_as_a_table(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", str(data)]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["Name", "State"]
    assert [row.split()[:4] for row in rows] == [[name, "stopped", "30/90", "0.125"] for name in "ab"]


def test_runs_are_listed_for_programs(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", str(data), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["name"], row["condition"], row["step"]) for row in rows] == [
        ("a", "stopped", 30),
        ("b", "stopped", 30),
    ]


def test_an_empty_data_directory_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", str(tmp_path)]) == 0
    assert "No runs in" in capsys.readouterr().out


def test_a_run_is_renamed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", str(data), "rename", "a", "grade v2"]) == 0
    assert (data / "grade v2" / "grade v2_0000030.cat").exists() and not (data / "a").exists()
    assert "exists already" in refused(capsys_drained(capsys), "runs", str(data), "rename", "b", "grade v2")
    assert "two names" in refused(capsys, "runs", str(data), "rename", "b")


def capsys_drained(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    capsys.readouterr()
    return capsys


def test_runs_are_deleted_and_the_space_is_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", str(data), "delete", "a", "b"]) == 0
    assert re.search(r"^Deleted a: 2\.\d kB freed\.$", capsys.readouterr().out, re.MULTILINE)
    assert os.listdir(data) == []


def test_nothing_is_deleted_when_one_of_several_is_busy_or_unknown(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no run called c" in refused(capsys, "runs", str(data), "delete", "a", "c")
    make_busy(data / "b")
    assert "is being trained" in refused(capsys, "runs", str(data), "delete", "a", "b")
    assert "no run called ../a" in refused(capsys, "runs", str(data / "b"), "delete", "../a")
    assert sorted(os.listdir(data)) == ["a", "b"]


# -- stop, info --------------------------------------------------------------------------------------


def test_stop_asks_the_process_and_says_how_to_go_on(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_busy(data / "a")
    assert run(["stop", str(data / "a")]) == 0
    assert RunFolder.open(data / "a").stop_requested()
    assert f"understudy resume {data / 'a'}" in capsys.readouterr().out


def test_stopping_what_does_not_run_says_so(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stop", str(data / "a")]) == 0
    assert "not being trained: stopped" in capsys.readouterr().out
    assert not RunFolder.open(data / "a").stop_requested()


def header() -> ModelHeader:
    """What the header of a .cat looks like."""
    colour = {"space": "ACEScg", "ocio_config": "studio-config-v4", "k": 16.0}
    pairs = [{"name": "1001", "input_hash": "ab" * 32, "truth_hash": "cd" * 32}]
    provenance = {
        "steps": 4000,
        "held_out": {"metric": "psnr", "value": 31.23456},
        "pairs": pairs,
        "licence": "Apache-2.0",
        "date": "2026-11-20",
        "versions": {"understudy": "0.1.0", "torch": "2.13.0"},
        "settings": {"crop_size": 256, "preview": None},
    }
    return ModelHeader(
        kind="matte",
        input_channels=["R", "G", "B"],
        output_channels=["A"],
        extra=[{"name": "depth", "channels": ["Z"], "colour": colour}],
        colour_in=colour,
        colour_out=colour,
        scale=2,
        architecture={},
        stride=8,
        reach=64,
        precision={"bfloat16_difference": 0.25},
        provenance=provenance,
    )


@pytest.fixture
def readable_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads every .cat as the header above, and one that is too short as damaged."""

    def read_header(path: Path) -> ModelHeader:
        if path.stat().st_size < 1000:
            raise ModelFileError("This is no network.")
        return header()

    monkeypatch.setattr("understudy.network.model_file.read_header", read_header)


@pytest.mark.usefixtures("readable_models")
def test_the_card_of_a_network_tells_what_a_supervisor_asks(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data / "a" / "a_0000030.cat"
    assert run(["info", str(path)]) == 0
    out = capsys.readouterr().out
    for words in (
        "matte: one channel",
        "R, G, B",
        "depth",
        "ACEScg of studio-config-v4, unbounded",
        "2 times",
    ):
        assert words in out
    for words in (
        "4000",
        "psnr, value 31.23",
        "1001  input_hash abababababab…",
        "Apache-2.0",
        "torch 2.13.0",
    ):
        assert words in out
    assert "0.25 of an 8-bit code" in out and "preview" not in out
    assert run(["info", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["Channels out"] == "A"


def test_the_card_of_a_frame_tells_which_network_made_it(
    make_shot: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plate = open_shot(make_shot().plate)
    network = tmp_path / "x.cat"
    network.write_bytes(b"a network")
    made = {"model": fingerprint(network), "mix": "0.5"}
    for suffix in (".png", ".jpg"):  # in the file itself, and beside it
        with open_sink(str(tmp_path / f"out.####{suffix}"), like=plate, provenance=made) as sink:
            file = sink.write(1001, plate.read(1001))
        assert run(["info", str(file), "--json"]) == 0
        card = json.loads(capsys.readouterr().out)
        assert (card["Network"], card["Mix"]) == (fingerprint(network), "0.5")
    assert run(["info", str(plate.path(1001))]) == 2
    assert "nothing to tell" in capsys.readouterr().err


@pytest.mark.usefixtures("readable_models")
def test_the_card_of_a_run_tells_its_state_and_that_of_its_network(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["info", str(data / "a")]) == 0
    out = capsys.readouterr().out
    assert "30 of 90" in out and "newest at step 30" in out and "\nNetwork\n" in out and "matte" in out


@pytest.mark.usefixtures("readable_models")
def test_control_characters_of_a_file_never_reach_the_terminal(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = RunFolder.open(data / "a")
    damaged.write_state(RunState(state="failed", reason="bad\x1b[2Jframe", step=3))
    damaged.cat_path(30).write_bytes(b"1")
    assert run(["info", str(damaged.path)]) == 0
    out = capsys.readouterr().out
    assert "failed: bad?[2Jframe" in out and "This is no network." in out and "\x1b" not in out


# -- faults ------------------------------------------------------------------------------------------


def test_an_unforeseen_fault_is_owned_up_to_and_its_trace_goes_into_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    monkeypatch.setattr("understudy.cli.runs.list_runs", lambda path: 1 // 0)
    said = refused(capsys, "runs", str(data), code=1)
    assert "a fault of the program: ZeroDivisionError" in said
    path = Path(next(line for line in said.splitlines() if "where:" in line).split("where: ")[1])
    assert "ZeroDivisionError" in path.read_text()
    path.unlink()


def test_the_trace_is_shown_to_those_who_ask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNDERSTUDY_DEBUG", "1")
    assert run(["resume", "none"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_anywhere_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    def interrupt(path: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("understudy.cli.runs.list_runs", interrupt)
    assert run(["runs", str(data)]) == 130
    assert capsys.readouterr().err.strip() == "Stopped."


def test_a_reader_that_leaves_early_is_no_fault() -> None:
    command = f"{sys.executable} -m understudy train --help | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stderr == "" and done.stdout == "U"
