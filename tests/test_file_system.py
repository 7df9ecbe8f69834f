"""Flushing and renaming on drives that refuse either: nothing is lost, and nothing fails that need not."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from understudy import file_system
from understudy.frames.atomic import written_beside
from understudy.runs import Heartbeat, RunFolder
from understudy.runs.files import write_atomically


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_system, "RETRY_SECONDS", (0.0,) * 4)


def never(code: int) -> Any:
    def refuse(*given: Any) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


def refuse_over_files(monkeypatch: pytest.MonkeyPatch, code: int, times: int) -> None:
    """Renaming over a file is refused so many times; renaming to a free name works."""
    left, rename = [times], os.rename

    def refusing(source: Any, target: Any) -> None:
        if os.path.lexists(target) and left[0]:
            left[0] -= 1
            raise OSError(code, os.strerror(code))
        rename(source, target)

    monkeypatch.setattr(os, "replace", refusing)
    monkeypatch.setattr(os, "rename", refusing)


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_drive_without_fsync_takes_files_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "fsync", never(code))
    write_atomically(tmp_path / "a.json", "{}")
    with written_beside(tmp_path / "b.exr") as beside:
        beside.write_bytes(b"frame")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.exr"]


def test_a_full_disk_that_fsync_finds_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", never(errno.ENOSPC))
    with pytest.raises(OSError, match="space"):
        file_system.flush(path)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EBUSY, errno.EEXIST])
@pytest.mark.parametrize("times", [1, 10**9], ids=["for a moment", "always"])
def test_a_rename_over_a_file_that_is_refused_is_tried_again_or_done_in_two_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, times: int
) -> None:
    for name in ("a.json", "b.exr"):
        (tmp_path / name).write_text("old")
    refuse_over_files(monkeypatch, code, times)
    write_atomically(tmp_path / "a.json", "new")
    with written_beside(tmp_path / "b.exr") as beside:
        beside.write_text("new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.json": "new", "b.exr": "new"}


def test_where_no_rename_works_at_all_the_old_file_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "new", tmp_path / "a"
    source.write_text("new")
    target.write_text("old")
    rename = os.rename

    def refusing(one: Path, other: Path) -> None:
        if Path(one) == source:
            raise OSError(errno.EACCES, "no")
        rename(one, other)

    monkeypatch.setattr(os, "replace", refusing)
    monkeypatch.setattr(os, "rename", refusing)
    with pytest.raises(OSError, match="no"):
        file_system.replace(source, target)
    assert target.read_text() == "old" and sorted(path.name for path in tmp_path.iterdir()) == ["a", "new"]


def test_a_run_shows_its_true_end_where_renames_over_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_over_files(monkeypatch, errno.EACCES, 10**9)
    run = RunFolder.create(tmp_path, "a")
    with Heartbeat(run) as heartbeat:
        heartbeat.update(state="training", step=7)
        heartbeat.finish("finished")
    assert (RunFolder.open(run.path).condition(), run.read_state().step) == ("finished", 7)


def test_a_new_name_that_is_refused_for_a_moment_is_taken_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, left = os.rename, [3]

    def refusing(source: Any, target: Any) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise OSError(errno.EBUSY, "busy")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refusing)
    run = RunFolder.create(tmp_path, "a")
    left[0] = 3
    run.rename("b")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
