"""Run folders: names, files, summary, pruning, renaming, deleting."""

from __future__ import annotations

import contextlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.errors import RunError, WriteError
from understudy.runs import RunFolder, RunState, check_name, default_name, list_runs, making
from understudy.runs import summary as summary_file
from understudy.runs.state import this_host


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A stopped run with three checkpoints, a best one, a contact sheet, previews and ten steps."""
    run = RunFolder.create(tmp_path, "shot 10")
    run.write_state(RunState(state="stopped", step=30, total=90))
    run.settings_path.write_text("crop_size = 64\n")
    for step in (10, 20, 30):
        run.cat_path(step).write_bytes(b"c" * step)
    for path in (run.best_path, run.ost_path, run.contact_path(10), run.preview_path(10, -5)):
        path.write_bytes(b"1234")
    run.append_summary([{"step": step, "loss": 1 / step} for step in range(1, 11)])
    return run


def busy(run: RunFolder, **values: object) -> RunFolder:
    fields = {"state": "training", "host": this_host(), "process": os.getpid(), "heartbeat": time.time()}
    run.write_state(RunState(**{**fields, **values}))
    return run


def aged(run: RunFolder, seconds: float) -> RunFolder:
    then = time.time() - seconds
    os.utime(run.state_path, (then, then))
    return run


# -- names ------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "shot 10_v2.b-3", "Fähre", "合成", "сцена_1", "हिन्दी"])
def test_names_of_any_script_are_allowed(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "a\\b",
            "../a",
            " a",
            "a ",
            "a.",
            "-rf",
            "a\0b",
            "a\nb",
            "a*",
            "C:",
        ),
        *("con", "nul.txt", "_", "x" * 101, "合" * 90, "a\ud800"),
    ],
)
def test_names_that_climb_hide_or_trouble_a_system_are_refused(name: str) -> None:
    with pytest.raises(RunError, match="cannot have this name"):
        check_name(name)


@given(st.text(max_size=30))
def test_an_allowed_name_is_always_one_plain_component_of_a_path(name: str) -> None:
    try:
        check_name(name)
    except RunError:
        return
    assert Path(name).name == name and os.sep not in name and not name.startswith(".")


def test_the_files_of_a_run_are_called_as_documented(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "N")
    paths = (run.cat_path(1000), run.best_path, run.ost_path, run.summary_path, run.contact_path(100))
    assert [p.name for p in paths] == [
        "N_0001000.cat",
        "N_best.cat",
        "N.ost",
        "N.summary",
        "N_contact_0000100.png",
    ]
    assert run.preview_path(1000, 1012).name == "N_preview_0001000_1012.png"
    assert (run.settings_path.name, run.state_path.name, run.log_path.name) == (
        "settings.toml",
        "state.json",
        "run.log",
    )


def test_runs_made_in_the_same_second_get_different_names(tmp_path: Path) -> None:
    assert check_name(name := default_name()) == name
    names = {RunFolder.create(tmp_path).name for _ in range(4)}
    assert len(names) == 4 and all(name.startswith("Training_") for name in names)


def test_a_name_that_exists_is_refused_and_left_alone(run: RunFolder) -> None:
    before = sorted(os.listdir(run.path))
    with pytest.raises(RunError, match="exists already"):
        RunFolder.create(run.path.parent, run.name)
    assert sorted(os.listdir(run.path)) == before


def test_a_new_folder_is_a_run_from_the_first_moment_on(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "a", "crop_size = 64\n")
    assert [found.name for found in list_runs(tmp_path)] == ["a"]
    assert run.settings_path.read_text() == "crop_size = 64\n"
    assert run.condition() == "stopped (lost)" and not run.is_busy(), "nobody trains it yet"
    assert sorted(os.listdir(run.path)) == ["settings.toml", "state.json"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_one_that_is_killed_while_making_a_run_leaves_its_name_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = os.fork()
    if not process:
        monkeypatch.setattr(making.os, "rename", lambda *paths: os._exit(9))
        RunFolder.create(tmp_path, "a")
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9
    (left,) = tmp_path.iterdir()
    assert list_runs(tmp_path) == []
    assert RunFolder.create(tmp_path, "a").name == "a" and left.exists(), "it may be at work still"
    os.utime(left, (1, 1))
    RunFolder.create(tmp_path, "b")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_an_empty_folder_takes_no_name_and_a_foreign_one_does(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert RunFolder.create(tmp_path, "empty").read_state().state == "starting"
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("foreign", "file"):
        with pytest.raises(RunError, match="is no run") as caught:
            RunFolder.create(tmp_path, name)
        assert "resume" not in caught.value.remedy
    assert sorted(os.listdir(tmp_path)) == ["empty", "file", "foreign"]
    assert os.listdir(tmp_path / "foreign") == ["notes.txt"]


def test_of_many_that_make_the_same_name_at_once_one_succeeds(tmp_path: Path) -> None:
    def make(_: int) -> bool:
        try:
            return RunFolder.create(tmp_path, "a").name == "a"
        except RunError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(make, range(16))) == 1
    assert os.listdir(tmp_path) == ["a"]


def test_a_discarded_run_leaves_no_folder_behind(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "new" / "deep")
    run.write_state(RunState())
    run.discard()
    assert os.listdir(tmp_path) == []


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="data directory"):
        RunFolder.create(tmp_path / "file" / "deeper")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder in which not even root may write")
def test_an_unwritable_data_directory_is_refused() -> None:
    with pytest.raises(RunError, match="data directory cannot be"):
        RunFolder.create("/proc/self")
    with pytest.raises(RunError, match="data directory cannot be"):
        RunFolder.create("/proc/self/new/deep")


# -- summary ------------------------------------------------------------


def test_a_summary_gives_back_every_step(run: RunFolder) -> None:
    rows = run.read_summary()
    assert [row["step"] for row in rows] == list(range(1, 11)) and rows[3]["loss"] == 0.25


def test_nan_is_null_so_that_every_line_is_json(run: RunFolder) -> None:
    run.append_summary([{"step": 11, "loss": float("nan")}])
    last = run.summary_path.read_text().splitlines()[-1]
    assert json.loads(last, parse_constant=lambda name: pytest.fail(name)) == {"step": 11, "loss": None}


def test_a_line_cut_short_by_a_kill_is_skipped_and_the_next_one_stands_alone(run: RunFolder) -> None:
    with run.summary_path.open("ab") as file:
        file.write(b'{"step":11,"lo')
    run.append_summary([{"step": 12, "loss": 0.5}])
    assert [row["step"] for row in run.read_summary()] == [*range(1, 11), 12]


def test_the_summary_is_cut_back_to_a_step(run: RunFolder) -> None:
    run.truncate_summary(7)
    assert [row["step"] for row in run.read_summary()] == list(range(1, 8))


def test_a_reader_can_go_on_where_it_stopped(run: RunFolder) -> None:
    rows, offset = summary_file.read_from(run.summary_path, 0)
    assert len(rows) == 10
    with run.summary_path.open("ab") as file:
        file.write(b'{"step":11}\n{"step":12')
    rows, offset = summary_file.read_from(run.summary_path, offset)
    assert rows == [{"step": 11}]
    run.truncate_summary(2)
    assert len(summary_file.read_from(run.summary_path, offset)[0]) == 2


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe\n", b"[]\n", b"null\n", b'{"step":"x"}\n', b"[" * 100_000 + b"\n"]
)
def test_damaged_lines_are_skipped(run: RunFolder, damage: bytes) -> None:
    with run.summary_path.open("ab") as file:
        file.write(damage)
    assert len(run.read_summary()) == 10


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_a_write_error_for_the_summary_too(run: RunFolder) -> None:
    run.summary_path.unlink()
    run.summary_path.symlink_to("/dev/full")
    with pytest.raises(WriteError, match="No space left"):
        run.append_summary([{"step": 1}])


# -- checkpoints ------------------------------------------------------------


def test_pruning_takes_the_oldest_and_never_best_newest_or_kept_ones(run: RunFolder) -> None:
    for step in (40, 50):
        run.cat_path(step).write_bytes(b"1")
    run.write_state(RunState(best_held_out={"step": 10}))
    removed = run.prune(3, keep={20})
    assert removed == [run.cat_path(30), run.cat_path(40)]
    assert [step for step, _ in run.checkpoints()] == [10, 20, 50]
    assert run.prune(1, keep={10, 20}) == [] and run.best_path.exists()


def test_contact_sheets_and_previews_are_found_in_order(run: RunFolder) -> None:
    run.contact_path(2).write_bytes(b"1")
    assert run.contact_sheets() == [(2, run.contact_path(2)), (10, run.contact_path(10))]
    assert run.previews() == [(10, -5, run.preview_path(10, -5))]


# -- busy runs ------------------------------------------------------------


@pytest.mark.parametrize("act", [lambda run: run.rename("b"), lambda run: run.delete()])
def test_a_run_with_a_fresh_heartbeat_can_be_neither_renamed_nor_deleted(run: RunFolder, act: object) -> None:
    before = sorted(os.listdir(busy(run).path))
    with pytest.raises(RunError, match="is being trained") as caught:
        act(run)  # type: ignore[operator]
    assert "understudy stop" in caught.value.remedy
    assert sorted(os.listdir(run.path)) == before


def test_the_state_of_a_dead_process_reads_as_stopped_and_lost(run: RunFolder) -> None:
    assert busy(run).condition() == "training"
    assert busy(run, process=2**22 + 1).condition() == "stopped (lost)"
    old = aged(busy(run, heartbeat=time.time() - 100), 100)
    assert old.condition() == "stopped (lost)" and not old.is_busy()


def test_on_another_host_only_the_age_of_the_heartbeat_counts(run: RunFolder) -> None:
    assert busy(run, host="render07", process=2**22 + 1).is_busy()
    assert not aged(busy(run, host="render07", heartbeat=time.time() - 100), 100).is_busy()


def test_a_clock_that_is_wrong_elsewhere_does_not_make_a_run_look_dead(run: RunFolder) -> None:
    assert busy(run, host="render07", heartbeat=time.time() - 3600).is_busy()  # the file itself is young
    assert aged(busy(run, host="render07"), 3600).is_busy()


# -- renaming and deleting ------------------------------------------------------------


def test_renaming_renames_every_file_and_loses_none(run: RunFolder) -> None:
    count, rows = len(os.listdir(run.path)), run.read_summary()
    old = run.path
    run.rename("Fähre v2")
    assert not old.exists() and RunFolder.open(run.path).name == "Fähre v2"
    assert len(os.listdir(run.path)) == count and run.read_summary() == rows
    assert not [name for name in os.listdir(run.path) if name.startswith("shot")]
    assert run.best_or_newest() == run.best_path


def test_renaming_to_a_name_that_is_taken_changes_nothing(run: RunFolder) -> None:
    RunFolder.create(run.path.parent, "b")
    before = sorted(os.listdir(run.path))
    with pytest.raises(RunError, match="exists already"):
        run.rename("b")
    assert sorted(os.listdir(run.path)) == before
    with pytest.raises(RunError, match="cannot have this name"):
        run.rename("../b")


@pytest.mark.parametrize("after", range(0, 9))
def test_a_renaming_that_is_cut_short_is_finished_by_the_next_reader(
    run: RunFolder, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, rename, calls = len(os.listdir(run.path)), os.rename, []

    def dying_rename(source: object, target: object) -> None:
        calls.append(1)
        if len(calls) > after + 1:
            raise KeyboardInterrupt
        rename(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "rename", dying_rename)
    with contextlib.suppress(KeyboardInterrupt):
        run.rename("new")
    monkeypatch.setattr(os, "rename", rename)
    found = list_runs(run.path.parent)
    assert [r.name for r in found] == ["new"]
    assert len(os.listdir(found[0].path)) == files
    assert len(found[0].checkpoints()) == 3 and len(found[0].read_summary()) == 10


def test_a_planted_rename_plan_cannot_reach_out_of_the_folder(run: RunFolder) -> None:
    (run.path.parent / "victim.cat").write_text("1")
    (run.path / ".rename.json").write_text(json.dumps({"from": "../victim", "to": run.name}))
    RunFolder.open(run.path)
    assert (run.path.parent / "victim.cat").exists() and len(run.checkpoints()) == 3


def test_a_folder_renamed_by_hand_keeps_working(run: RunFolder) -> None:
    moved = run.path.rename(run.path.parent / "by hand")
    again = RunFolder.open(moved)
    assert again.prefix == "shot 10" and len(again.checkpoints()) == 3
    again.rename("tidy")
    assert again.cat_path(10).name == "tidy_0000010.cat" and again.cat_path(10).exists()


def test_deleting_frees_what_it_said_and_removes_the_folder(run: RunFolder) -> None:
    size = run.size()
    assert size > 60 and run.delete() == size
    assert not run.path.exists() and run.path.parent.exists()


def test_deleting_leaves_what_is_not_the_runs_own(run: RunFolder) -> None:
    outside = run.path.parent / "precious.cat"
    outside.write_text("1")
    (run.path / "notes.txt").write_text("mine")
    (run.path / f"{run.prefix}_0000099.cat").symlink_to(outside)
    (run.path / "sub").mkdir()
    run.delete()
    assert sorted(os.listdir(run.path)) == ["notes.txt", f"{run.prefix}_0000099.cat", "sub"]
    assert outside.read_text() == "1"


def test_what_is_not_a_run_is_not_opened_and_a_link_is_not_deleted(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_text("1")
    for path in (tmp_path / "photos", tmp_path / "none", run.state_path):
        with pytest.raises(RunError, match="no run here"):
            RunFolder.open(path)
    link = tmp_path / "link"
    link.symlink_to(run.path, target_is_directory=True)
    with pytest.raises(RunError, match="link"):
        RunFolder.open(link).delete()
    assert len(run.checkpoints()) == 3


# -- listing ------------------------------------------------------------


def test_listing_survives_damage_and_does_not_follow_links(run: RunFolder, tmp_path: Path) -> None:
    for name, text in (("a", "{"), ("b", '{"state": "dancing"}'), ("c", '{"step": "x"}'), ("d", "\x00")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "state.json").write_text(text)
    (tmp_path / "e" / "state.json").mkdir(parents=True)
    (tmp_path / "f").symlink_to(run.path, target_is_directory=True)
    (tmp_path / "g.txt").write_text("1")
    runs = list_runs(tmp_path)
    assert [r.name for r in runs] == ["a", "b", "c", "d", "shot 10"]
    assert [r.condition() for r in runs] == ["damaged"] * 4 + ["stopped"]
    assert runs[0].read_state().reason and runs[0].checkpoints() == [] and runs[0].size() > 0


def test_a_data_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be read"):
        list_runs(tmp_path / "none")
