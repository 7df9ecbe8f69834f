"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from understudy.errors import WriteError
from understudy.runs import write_atomically
from understudy.runs.files import read_json, remove_leftovers, what_is_there


def full_disk(path: Path) -> None:
    path.write_bytes(b"half of it")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, "old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["a.json"]


def test_on_a_full_disk_the_old_file_stands_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.cat"
    path.write_bytes(b"old")
    with pytest.raises(WriteError, match="No space left") as caught:
        write_atomically(path, full_disk)
    assert caught.value.exit_code == 1
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.cat"]


def test_a_writer_that_fails_in_its_own_way_leaves_nothing_either(tmp_path: Path) -> None:
    def broken(path: Path) -> None:
        path.write_bytes(b"x")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_atomically(tmp_path / "a", broken)
    assert os.listdir(tmp_path) == []


def test_the_writer_gets_a_hidden_name_with_the_same_ending(tmp_path: Path) -> None:
    seen: list[Path] = []
    write_atomically(tmp_path / "a.png", lambda path: (seen.append(path), path.write_bytes(b"1")))
    assert seen[0].suffix == ".png" and seen[0].name.startswith(".") and seen[0].parent == tmp_path


def test_a_missing_folder_is_a_write_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="could not be written"):
        write_atomically(tmp_path / "none" / "a", "text")


@pytest.mark.parametrize("text", [b"", b"[1]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_json_that_makes_no_sense_is_none(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "state.json").write_bytes(text)
    assert read_json(tmp_path / "state.json") is None


def test_leftovers_of_killed_writers_go_and_young_ones_stay(tmp_path: Path) -> None:
    (tmp_path / ".tmp-1.cat").write_bytes(b"1")
    remove_leftovers(tmp_path, older_than=100)
    assert os.listdir(tmp_path) == [".tmp-1.cat"]
    remove_leftovers(tmp_path, older_than=-1)
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_place_of_a_folder_is_called_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder, words in ((file, "file, which is a file"), (file / "in" / "it", "in the place of")):
        with pytest.raises(OSError) as caught:
            folder.mkdir(parents=True, exist_ok=True)
        assert words in what_is_there(caught.value)
