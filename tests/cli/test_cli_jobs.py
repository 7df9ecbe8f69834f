"""train, resume and apply as the command line drives them, with the jobs themselves replaced by scripts."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from understudy.cli.main import run
from understudy.cli.screen import PlainScreen, event_line
from understudy.errors import PairingError, WriteError
from understudy.inference import events as apply_events
from understudy.runs import RunFolder, RunState
from understudy.settings import ApplySettings, AugmentationSettings, TrainSettings, to_toml
from understudy.training.events import Message


@dataclass(frozen=True)
class Planned:
    total_steps: int = 40
    batch_size: int = 8
    pairs: int = 5
    seconds_estimate: float | None = 90.0
    notes: tuple[str, ...] = ("1001 has no ground truth",)


@dataclass(frozen=True)
class Stepped:
    step: int
    total: int = 40
    loss: float = 0.5
    steps_per_second: float = 4.0
    seconds_left: float | None = 3.0


@dataclass(frozen=True)
class Saved:
    path: Path
    kind: str
    held_out: float | None


@dataclass(frozen=True)
class Ended:
    state: str
    reason: str
    step: int


class Jobs:
    """Stands in for the two jobs; remembers what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[Any] = []
        self.script: Callable[[Callable[[Any], None]], None] = lambda report: report(
            Ended("finished", "", 40)
        )
        self.result: Any = None

    def train(self, settings: TrainSettings, report: Callable[[Any], None], stop: Any = None) -> Any:
        self.asked.append(settings)
        self.script(report)
        return SimpleNamespace(run=RunFolder(self.folder / "a"), rank=0)

    def resume(self, run: RunFolder, report: Callable[[Any], None], stop: Any = None, **changes: Any) -> Any:
        self.asked.append((run.name, changes))
        self.script(report)
        return SimpleNamespace(run=run, rank=0)

    def apply(self, settings: ApplySettings, report: Callable[[Any], None], stop: Any = None) -> Any:
        self.asked.append(settings)
        self.script(report)
        return self.result


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    jobs = Jobs(tmp_path)
    for name in ("understudy.training", "understudy.training.train", "understudy.inference.apply"):
        module = ModuleType(name)
        module.train, module.resume, module.apply = jobs.train, jobs.resume, jobs.apply  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)
    yield jobs


def train(*more: str) -> int:
    return run(["train", "--input", "p.####.exr", "--ground-truth", "t.exr", "--data-directory", "d", *more])


def test_flags_become_settings(jobs: Jobs) -> None:
    assert (
        train(
            "--input", "q", "--ground-truth", "u", "--time-limit", "10m", "--held-out", "-3", "--frames=-5-10"
        )
        == 0
    )
    settings = jobs.asked[0]
    data = settings.data
    assert data.input == ("p.####.exr", "q") and data.ground_truth == ("t.exr", "u")
    assert (settings.schedule.time_limit, data.held_out, data.frames) == (600, -3, "-5-10")


def test_flags_override_the_settings_file(jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("crop-size = 64\n[augmentation]\nseed = 9\n")
    assert train("--settings", str(tmp_path / "mine.toml"), "--seed", "2") == 0
    assert jobs.asked[0].augmentation == AugmentationSettings(crop_size=64, seed=2)


def test_a_settings_file_alone_suffices(jobs: Jobs, tmp_path: Path) -> None:
    settings = TrainSettings(input="p", ground_truth="t", data_directory="d", extra=["e"])
    (tmp_path / "mine.toml").write_text(to_toml(settings))
    assert run(["train", "--settings", str(tmp_path / "mine.toml")]) == 0
    assert jobs.asked == [settings]


def test_settings_come_by_standard_input_too_whatever_their_paths_are(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = TrainSettings(input="p\udcff", ground_truth="t", data_directory="d")
    given = to_toml(settings).encode("utf-8", "surrogateescape")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    assert run(["train", "--settings", "-"]) == 0 and jobs.asked == [settings]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"#" * 2_000_000)))
    assert run(["train", "--settings", "-"]) == 2
    assert "standard input" in capsys.readouterr().err


def test_a_log_gets_plain_lines_and_the_next_commands(jobs: Jobs, capsys: pytest.CaptureFixture[str]) -> None:
    def script(report: Callable[[Any], None]) -> None:
        report(Planned())
        for step in range(1, 41):
            report(Stepped(step))
        report(Saved(Path("a_best.cat"), "best", 31.23456))
        report(Ended("stopped", "Ctrl-C", 40))

    jobs.script = script
    assert train() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "Total Steps 40: 5 pairs, batch size 8, about 1 min 30 s",
        "  1001 has no ground truth",
    ]
    assert lines[2:4] == ["1/40  loss 0.5  4 steps/s  3 s left", "40/40  loss 0.5  4 steps/s  3 s left"]
    assert lines[4] == "a_best.cat, held-out 31.23"
    assert lines[5] == "a stopped at step 40: Ctrl-C"
    assert lines[6].split(":")[1].split() == ["understudy", "resume", str(jobs.folder / "a")]


def test_programs_get_one_json_object_per_line(jobs: Jobs, capsys: pytest.CaptureFixture[str]) -> None:
    def script(report: Callable[[Any], None]) -> None:
        report(Planned())
        report(Stepped(1, loss=float("nan")))
        report(Saved(Path("x.cat"), "checkpoint", None))

    jobs.script = script
    assert train("--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["event"] for row in rows] == ["planned", "stepped", "saved"]
    assert rows[0]["notes"] == ["1001 has no ground truth"] and rows[1]["loss"] is None
    assert rows[2]["path"] == "x.cat"


@pytest.mark.parametrize(
    ("error", "code"), [(PairingError("no pairs", remedy="paint"), 2), (WriteError("full"), 1)]
)
def test_errors_of_the_job_keep_their_exit_code_and_reach_programs_too(
    jobs: Jobs, error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(report: Callable[[Any], None]) -> None:
        raise error

    jobs.script = script
    assert train("--json") == code
    said = capsys.readouterr()
    row = json.loads(said.out)
    assert (row["event"], row["exit_code"]) == ("refused", code) and said.err.startswith("Error: ")


def test_a_failed_training_is_exit_code_one(jobs: Jobs) -> None:
    jobs.script = lambda report: report(Ended("failed", "the last checkpoint could not be written", 9))
    assert train() == 1


def test_resume_passes_on_checked_values_only(jobs: Jobs, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder.create(jobs.folder, "a")
    folder.write_state(RunState(state="stopped"))
    folder.settings_path.write_text(to_toml(TrainSettings(input="p", ground_truth="t", data_directory="d")))
    assert run(["resume", str(folder.path), "--time-limit", "2m", "--max-steps", "9"]) == 0
    assert jobs.asked == [("a", {"time_limit": 120.0, "max_steps": 9})]
    assert run(["resume", str(folder.path), "--epochs", "none"]) == 2
    assert "--epochs" in capsys.readouterr().err


def apply_result(**values: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"written": (), "kept": (), "failed": (), "missing": (), "same": (), **values})


def test_apply_takes_its_three_words_with_or_without_flags(jobs: Jobs) -> None:
    jobs.result = apply_result(written=(1,))
    assert run(["apply", "m.cat", "p.####.exr", "o/", "--overwrite", "--mix", "0.5"]) == 0
    assert (
        run(
            [
                "apply",
                "--output",
                "o/",
                "--plate",
                "p.####.exr",
                "--model",
                "m.cat",
                "--overwrite",
                "--mix=.5",
            ]
        )
        == 0
    )
    assert jobs.asked[0] == jobs.asked[1]
    settings = jobs.asked[0]
    assert settings.model.model == "m.cat"
    assert (settings.output.overwrite, settings.output.mix) == (True, 0.5)


def test_apply_names_the_frames_that_failed_and_exits_with_one(
    jobs: Jobs, capsys: pytest.CaptureFixture[str]
) -> None:
    error = WriteError("frame is damaged")

    def script(report: Callable[[Any], None]) -> None:
        report(apply_events.ApplyPlanned(3, 1, "torch", "float32", "cpu", (256, 512), ("a note",)))
        report(apply_events.FrameWritten(7, "o/7.exr", 2, 3, 2.0, 0.5))
        report(apply_events.FrameFailed(8, error, 3, 3))
        report(apply_events.ApplyEnded(1, 1, 1, False, 0.5))

    jobs.script, jobs.result = script, apply_result(written=(7,), kept=(6,), failed=((8, error),))
    assert run(["apply", "m.cat", "p", "o"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 frames, float32 on cpu (torch), tiles of 512x256" and lines[1] == "  a note"
    assert lines[2].startswith("2/3  frame 7") and lines[3] == "Frame 8 failed: frame is damaged"
    assert lines[4] == "1 frame written, 1 was there already, 1 failed."


def test_requested_frames_that_are_missing_are_a_failure(
    jobs: Jobs, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.result = apply_result(written=(1, 2), missing=(3, 4))
    assert run(["apply", "m.cat", "p", "o"]) == 1
    assert "2 frames written, 2 requested ones are not in the plate." in capsys.readouterr().out
    jobs.result = apply_result(written=(1,), missing=(3,))
    assert run(["apply", "m.cat", "p", "o"]) == 1
    assert "1 frame written, 1 requested one is not in the plate." in capsys.readouterr().out


def test_frames_that_fail_for_the_same_reason_say_it_once(
    jobs: Jobs, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = [WriteError("No.", found=why, where=f"o/{n}.exr") for n, why in enumerate("aabbb")]

    def script(report: Callable[[Any], None]) -> None:
        for number, error in enumerate(errors):
            report(apply_events.FrameFailed(number, error, number + 1, 5))

    jobs.script, jobs.result = script, apply_result(written=(), failed=tuple(enumerate(errors)))
    assert run(["apply", "m.cat", "p", "o"]) == 1
    out = capsys.readouterr().out
    assert [f"Frame {number} failed: the same" in out for number in range(5)] == [
        False,
        True,
        False,
        True,
        True,
    ]


def test_an_apply_that_was_stopped_says_how_to_go_on_and_exits_with_zero(
    jobs: Jobs, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.script = lambda report: report(apply_events.ApplyEnded(1, 0, 0, True, 0.5))
    jobs.result = apply_result(written=(1,))
    assert run(["apply", "m.cat", "p", "o"]) == 0
    assert "same command goes on" in capsys.readouterr().out
    jobs.result = apply_result(is_movie=True)
    assert run(["apply", "m.cat", "p", "o.mov"]) == 0
    assert "same command begins again" in capsys.readouterr().out


def test_every_event_of_apply_is_one_line_of_json() -> None:
    events = [
        apply_events.ApplyPlanned(3, 1, "torch", "float32", "cpu", None),
        apply_events.FrameFailed(8, WriteError("a\nb"), 3, 3),
        apply_events.ApplyMessage("ünïcode"),
    ]
    rows = [json.loads(event_line(event)) for event in events]
    assert [row["event"] for row in rows] == ["apply_planned", "frame_failed", "apply_said"]
    assert all("\n" not in event_line(event) for event in events)


def test_a_sentence_of_training_has_the_name_in_json_that_scripts_know() -> None:
    assert json.loads(event_line(Message("ünïcode"))) == {"event": "said", "text": "ünïcode"}


def test_a_training_outlives_whoever_read_its_output(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = PlainScreen()
    monkeypatch.setattr("builtins.print", lambda *a, **k: (_ for _ in ()).throw(BrokenPipeError()))
    monkeypatch.setattr("os.dup2", lambda *a: None)
    screen.say("one")
    screen.say("two")
